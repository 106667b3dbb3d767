// What the model tab alone draws.
import { register } from "../../view/core/registry.js";
import { circuit, copied, lettermap } from "./copy.js";
import { longrun } from "./longrun.js";
import { race } from "./race.js";
import { stack } from "./stack.js";
import { pass } from "./story.js";
import { pairs, pickmap, sumbars } from "./why.js";

register({ circuit, copied, lettermap, longrun, pairs, pass, pickmap, race, stack, sumbars });
