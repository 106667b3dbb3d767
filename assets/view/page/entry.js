// What Gradio's handlers, the saved page and the notebook call: the members of window.AttentionMatchmaker,
// beside what the tabs' scripts export. The panels that tabs share are registered here, a tab's own by its script.
import { register } from "../core/registry.js";
import { speak } from "../core/words.js";
import { heading, heatmap, readouts } from "../panels/heatmap.js";
import { pairbars } from "../panels/pairbars.js";
import { player } from "../panels/player.js";
import { plot } from "../panels/plot.js";
import { trainer } from "../panels/trainer.js";
import { example, examples } from "./examples.js";
import { firstPicture } from "./first.js";
import { expect, through } from "./gradio.js";
import { startQuery } from "../core/link.js";
import { changed, mount, mountInGradio, picked } from "./mount.js";
import { startPage } from "./start.js";

register({ heading, heatmap, pairbars, player, plot, readouts, trainer });

const query = () => startQuery; // what the page was opened with
const openLink = (open) => expect("link", open);
const linkOpened = () => {
  through("link");
  return [];
};

export { changed, example, examples, firstPicture, linkOpened, mount, mountInGradio, openLink, picked, query, speak, startPage };
