// The tab "model": what its scenes draw that no other tab has.
import { register } from "../../view/core/registry.js";
import { circuit, copied, lettermap } from "./copy.js";
import { race } from "./race.js";

register({ circuit, copied, lettermap, race });
