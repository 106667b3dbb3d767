// The pictures that the cost tab alone has.
import { register } from "../../view/core/registry.js";
import { keyrows, measure, slip } from "./cache.js";
import { memory } from "./memory.js";
import { sharedheads } from "./share.js";
import { tiles } from "./tiles.js";

register({ keyrows, measure, memory, sharedheads, slip, tiles });
