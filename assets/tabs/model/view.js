// What the model tab alone draws.
import { register } from "../../view/core/registry.js";
import { pass } from "./story.js";

register({ pass });
