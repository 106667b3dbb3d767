// The cost tab: scenes draw in files of their own.
import { register } from "../../view/core/registry.js";
import { keyrows, measure, slip } from "./cache.js";
import { sharedheads } from "./share.js";

register({ keyrows, measure, sharedheads, slip });
