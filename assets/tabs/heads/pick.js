// Open a head, or another region of a long one: only its own panels are fetched, the grid stays as it is. One
// question at a time; of those picked meanwhile the latest is asked for next.
export const pickHead = (view, layer, head) => pick(view, { layer, head });

export const pick = async (view, changes) => {
  view.state.wanted = { ...view.state.wanted, ...changes };
  if (view.state.picking) return;
  view.state.picking = true;
  try {
    while (view.state.wanted) {
      const asked = view.state.wanted;
      view.state.wanted = null;
      const part = await view.ask("head", { inputs: { ...view.payload.inputs, ...asked } });
      if (view.state.wanted) continue;
      if (part.error) view.say(part.error);
      else (view.settle || view.update).call(view, merged(view.payload, part, "head"));
    }
  } finally {
    view.state.picking = false;
  }
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
