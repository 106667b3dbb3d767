// The course's members of window.AttentionMatchmaker, its button beside Copy link, and the view for a wall.
import { startQuery } from "../core/link.js";
import { tools } from "../page/toolbar.js";
import { classInGradio } from "./class.js";
import { collectButton } from "./collect.js";
import { startProjector } from "./projector.js";
import { courseInGradio } from "./run.js";

tools.push(collectButton);
if (new URLSearchParams(startQuery).get("projector") === "1") startProjector();

export { classInGradio, courseInGradio };
