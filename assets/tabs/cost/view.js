// The pictures that the cost tab alone has.
import { register } from "../../view/core/registry.js";
import { tiles } from "./tiles.js";
import { memory } from "./memory.js";

register({ tiles, memory });
