// The model tab: its kinds of panels.
import { register } from "../../view/core/registry.js";
import { longrun } from "./longrun.js";
import { pairs, pickmap, sumbars } from "./why.js";

register({ longrun, pairs, pickmap, sumbars });
