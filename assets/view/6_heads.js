// Every head of every layer on one canvas; a click or the keyboard opens one.
"use strict";
(() => {
  const AM = window.AttentionMatchmaker;
  const GAP = 3;
  const EDGE = 22; // room for the numbers of rows and columns

  // Open a head: only its own panels are fetched, the overview stays as it is.
  AM.pickHead = async (view, layer, head) => {
    const number = (view.state.picks = (view.state.picks || 0) + 1);
    const part = await view.ask("head", { inputs: { ...view.payload.inputs, layer, head } });
    if (number !== view.state.picks) return;
    if (part.error) { view.say(part.error); return; }
    (view.settle || view.update).call(view, merged(view.payload, part, "head"));
  };

  // The panels of a part, and what hangs on them, in place of the old ones.
  const merged = (payload, part, name) => {
    if (part.everything) return { ...payload, ...part };
    const old = payload.panels;
    const gone = (panel) => panel.part === name || (name === "head" && panel.part === "answers");
    const place = old.findIndex(gone);
    const start = place < 0 ? old.length : place;
    const panels = [...old.slice(0, start), ...part.panels, ...old.slice(start).filter((panel) => !gone(panel))];
    return { ...payload, ...part, panels };
  };

  // What takes longer is asked for once the rest is there: {ask: name of the question, part}.
  AM.kinds.later = (panel, view) => {
    const asked = JSON.stringify(view.payload.inputs);
    const figure = AM.el("figure", {}, AM.busy(panel.title));
    window.setTimeout(async () => {
      const part = await view.ask(panel.ask, {});
      if (asked !== JSON.stringify(view.payload.inputs)) return;
      if (part.error) figure.replaceChildren(AM.el("p", { class: "am-note", role: "status" }, part.error));
      else view.update(merged(view.payload, part, panel.part));
    }, 0);
    return figure;
  };

  AM.kinds.buttons = (panel, view) => AM.el("div", { class: "am-options" }, panel.items.map((item, i) =>
    AM.el("button", { type: "button", class: "am-button", "data-focus": `${panel.id}.${i}`, onclick: () => view.choose && view.choose(item.set) }, item.label)));

  // A model on its way: ask again until it is there, less often while the answers are refusals. One that
  // failed stands alone, with a button that waits as long as the server rests.
  AM.kinds.waiting = (panel, view) => {
    if (panel.failed) return failed(panel, view);
    const bar = panel.total ? AM.el("progress", { max: panel.total, value: panel.done, "aria-label": panel.title }) : null;
    const figure = AM.el("figure", {}, AM.busy(panel.title), bar);
    let pause = 2000; // milliseconds
    const ask = () => { // an answer that changed nothing draws nothing: keep asking
      if (!figure.isConnected || !view.need) return;
      if (view.alert) pause = Math.min(30000, pause * 2);
      view.need();
      window.setTimeout(ask, pause);
    };
    window.setTimeout(ask, pause);
    return figure;
  };

  const failed = (panel, view) => {
    const figure = AM.el("figure", {}, AM.el("p", { class: "am-note", role: "alert" }, panel.title));
    if (panel.seconds === null || !view.need) return figure;
    const button = AM.el("button", { type: "button", class: "am-button", "data-focus": "again", onclick: () => view.need() });
    const until = performance.now() + 1000 * panel.seconds;
    const tell = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      button.disabled = left > 0;
      button.textContent = left > 0 ? panel.words.rest.replace("{seconds}", left) : panel.words.again;
      if (left > 0 && (button.isConnected || !shown)) window.setTimeout(tell, 250);
      shown = shown || button.isConnected;
    };
    let shown = false; // a figure is built before it is put in its place
    tell();
    figure.append(button);
    return figure;
  };

  AM.busy = (sentence) => AM.el("p", { class: "am-busy", role: "status" }, AM.el("span", { class: "am-busy-dots", "aria-hidden": "true" }), sentence);

  // Listen on the view for as long as the node is part of it.
  AM.whileShown = (view, node, names, react) => {
    let shown = false;
    const listen = (event) => {
      shown = shown || node.isConnected;
      if (node.isConnected) react(event);
      else if (shown) for (const name of names) view.root.removeEventListener(name, listen);
    };
    for (const name of names) view.root.addEventListener(name, listen);
  };

  AM.kinds.overview = (panel, view) => {
    const tiles = decode(panel);
    const canvas = AM.el("canvas", { tabindex: "0", role: "application", "aria-label": `${panel.title}. ${panel.words.keys}`, "data-focus": "overview", class: "am-overview-canvas" });
    const status = AM.el("p", { class: "am-caption", role: "status", "aria-live": "polite" }, "\u00a0");
    const holder = AM.el("div", { class: "am-overview-table" });
    const body = AM.el("div", { class: "am-overview-body" }, canvas, status, holder);
    const toggle = AM.el("button", { type: "button", class: "am-button", "data-focus": "overview.toggle" });
    let table = null; // the same by numbers, while it is wanted
    const grid = { at: null, cell: 0, across: true };
    const chosen = () => [view.payload.inputs.layer, view.payload.inputs.head];
    const tell = (at) => {
      status.textContent = at ? panel.words.cell.replace("{layer}", at[0]).replace("{head}", at[1]) : "\u00a0";
    };
    const draw = () => {
      if (!body.offsetWidth) return;
      paint(canvas, panel, tiles, grid, chosen(), body.offsetWidth);
      canvas.dataset.painted = view.payload.link; // what the picture shows, for tests and the bench
      if (table) table.choose(chosen());
    };
    const show = () => { // picture or table
      table = view.state.overviewTable ? AM.overviewTable(panel, view, tiles) : null;
      canvas.hidden = status.hidden = Boolean(table);
      toggle.textContent = view.word(table ? "picture" : "table");
      holder.replaceChildren(...(table ? table.nodes : []));
      if (table) table.choose(chosen());
    };
    toggle.addEventListener("click", () => {
      view.state.overviewTable = !view.state.overviewTable;
      show();
    });
    const move = (at) => { grid.at = at; tell(at); draw(); };
    const find = (event) => {
      const box = canvas.getBoundingClientRect();
      const i = Math.floor((event.clientY - box.top - EDGE) / grid.cell);
      const j = Math.floor((event.clientX - box.left - EDGE) / grid.cell);
      const [layer, head] = grid.across ? [i, j] : [j, i];
      return layer >= 0 && head >= 0 && layer < panel.layers && head < panel.heads ? [layer, head] : null;
    };
    canvas.addEventListener("mousemove", (event) => { const at = find(event); if (String(at) !== String(grid.at)) move(at); });
    canvas.addEventListener("mouseleave", () => move(null));
    canvas.addEventListener("click", (event) => { const at = find(event); if (at) AM.pickHead(view, ...at); });
    canvas.addEventListener("focus", () => { if (canvas.matches(":focus-visible")) move(grid.at || chosen()); });
    canvas.addEventListener("blur", () => move(null));
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const at = grid.at || chosen();
      if (event.key === "Enter" || event.key === " ") AM.pickHead(view, ...at);
      else if (steps[event.key]) {
        const [down, right] = steps[event.key];
        const step = grid.across ? [down, right] : [right, down];
        move([bound(at[0] + step[0], panel.layers), bound(at[1] + step[1], panel.heads)]);
      } else return;
      event.preventDefault();
    });
    AM.whileShown(view, body, ["am-resize", "am-update"], draw);
    window.requestAnimationFrame(() => { if (!canvas.dataset.painted) draw(); }); // unless an update came before
    show();
    const legend = AM.legend({ low: 0, high: 1, diverging: false });
    legend.append(AM.el("span", {}, "√"));
    const png = () => AM.download("heads.png", canvas.toDataURL("image/png"));
    const save = AM.saveMenu(panel, view, { formats: ["png", "csv", "npz"], own: { png } });
    return AM.frame(panel, view, body, [legend, toggle, save]);
  };

  const bound = (i, count) => Math.min(Math.max(i, 0), count - 1);

  const decode = (panel) => panel.thumbnails.map(AM.bytes);

  // 256 colours as the 32-bit pixels that an ImageData takes; a byte is 255 sqrt(weight) already.
  const palette = () => {
    const ramp = AM.ramp("sequential");
    const bytes = new Uint8ClampedArray(4 * 256);
    for (let i = 0; i < 256; i++) bytes.set([...AM.mix(ramp, i / 255), 255], 4 * i);
    return new Uint32Array(bytes.buffer);
  };

  // All thumbnails side by side in one picture, then each scaled to its place.
  const strips = (panel, tiles) => {
    const colours = palette();
    const { heads, rows, cols } = panel;
    return tiles.map((bytes) => {
      const image = new ImageData(cols, rows * heads); // heads below one another: bytes in order
      const pixels = new Uint32Array(image.data.buffer);
      for (let i = 0; i < bytes.length; i++) pixels[i] = colours[bytes[i]];
      const strip = document.createElement("canvas");
      strip.width = cols;
      strip.height = rows * heads;
      strip.getContext("2d").putImageData(image, 0, 0);
      return strip;
    });
  };

  // Rows are layers, or heads where that lets the cells be larger.
  const arrange = (panel, width) => {
    const room = width - EDGE;
    const size = (down, right) => Math.min(room / right, 620 / down, 84);
    const across = size(panel.layers, panel.heads) >= size(panel.heads, panel.layers);
    const cell = Math.floor(across ? size(panel.layers, panel.heads) : size(panel.heads, panel.layers));
    return { across, cell };
  };

  const paint = (canvas, panel, tiles, grid, [layer, head], width) => {
    const { across, cell } = Object.assign(grid, arrange(panel, width));
    const [down, right] = across ? [panel.layers, panel.heads] : [panel.heads, panel.layers];
    const ratio = window.devicePixelRatio || 1;
    const dark = AM.isDark();
    if (!grid.strips || grid.dark !== dark) grid.strips = strips(panel, tiles);
    grid.dark = dark;
    const size = [EDGE + right * cell, EDGE + down * cell];
    const style = window.getComputedStyle(canvas); // read before the size changes: after, it is worked out anew
    const [ink, font] = [style.color, style.fontFamily];
    const [mark, soft] = ["--am-mark", "--am-soft"].map((name) => style.getPropertyValue(name));
    if (canvas.width !== Math.round(size[0] * ratio) || canvas.height !== Math.round(size[1] * ratio)) {
      canvas.width = Math.round(size[0] * ratio);
      canvas.height = Math.round(size[1] * ratio);
      canvas.style.width = `${size[0]}px`;
      canvas.style.height = `${size[1]}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, ...size);
    const side = cell - GAP;
    pen.imageSmoothingEnabled = panel.rows > side; // shrinking: average; growing: keep cells sharp
    for (let l = 0; l < panel.layers; l++) {
      for (let h = 0; h < panel.heads; h++) {
        const [i, j] = across ? [l, h] : [h, l];
        pen.drawImage(grid.strips[l], 0, h * panel.rows, panel.cols, panel.rows, EDGE + j * cell, EDGE + i * cell, side, side);
      }
    }
    pen.fillStyle = ink;
    pen.font = `11px ${font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const sparse = cell < 18 ? 2 : 1;
    for (let j = 0; j < right; j += sparse) pen.fillText(String(j), EDGE + j * cell + side / 2, EDGE / 2 + 2);
    for (let i = 0; i < down; i += sparse) pen.fillText(String(i), EDGE / 2 - 2, EDGE + i * cell + side / 2);
    pen.textAlign = "left";
    const [first, second] = across ? [panel.words.layer, panel.words.head] : [panel.words.head, panel.words.layer];
    canvas.title = `${first} ↓ ${second} →`;
    const outline = (at, colour, thick) => {
      if (!at) return;
      const [i, j] = across ? at : [at[1], at[0]];
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect(EDGE + j * cell - 1, EDGE + i * cell - 1, side + 2, side + 2);
    };
    pen.strokeStyle = mark;
    pen.lineWidth = 1.5;
    for (const at of panel.marks || []) {
      const [i, j] = across ? at : [at[1], at[0]];
      const [x, y] = [EDGE + j * cell, EDGE + i * cell];
      pen.stroke(new Path2D(`M${x},${y}l${side},${side}M${x + side},${y}l${-side},${side}`));
    }
    outline(grid.at, soft, 1.5);
    outline([layer, head], mark, 3);
  };
})();
