// Open a head: only its own panels are fetched, the overview stays as it is.
export const pickHead = async (view, layer, head) => {
  const number = (view.state.picks = (view.state.picks || 0) + 1);
  const part = await view.ask("head", { inputs: { ...view.payload.inputs, layer, head } });
  if (number !== view.state.picks) return;
  if (part.error) { view.say(part.error); return; }
  (view.settle || view.update).call(view, merged(view.payload, part, "head"));
};

// The panels of a part, and what hangs on them, in place of the old ones.
export const merged = (payload, part, name) => {
  if (part.everything) return { ...payload, ...part };
  const old = payload.panels;
  const gone = (panel) => panel.part === name || (name === "head" && panel.part === "answers");
  const place = old.findIndex(gone);
  const start = place < 0 ? old.length : place;
  const panels = [...old.slice(0, start), ...part.panels, ...old.slice(start).filter((panel) => !gone(panel))];
  return { ...payload, ...part, panels };
};
