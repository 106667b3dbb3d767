// Panels that tell each other: which row is pointed at, and events of the view while a panel is shown.

// Which row a panel points at now (null: none), told to the panels that follow it (see followRows).
export const tellRow = (node, panel, row) => {
  const event = new CustomEvent("am-row", { bubbles: true, detail: { panel: panel.id, row } });
  (node.closest("figure") || node).dispatchEvent(event);
};

// One listener per view, whatever comes and goes: elements of class am-follows have amRow(row, id).
export const followRows = (view) => {
  if (view.state.followsRows) return;
  view.state.followsRows = true;
  view.root.addEventListener("am-row", (event) => {
    for (const node of view.root.querySelectorAll(".am-follows")) {
      if (!node.contains(event.target) && !event.target.contains(node)) node.amRow(event.detail.row, event.detail.panel);
    }
  });
};

// Listen on the view for as long as the node is part of it.
export const whileShown = (view, node, names, react) => {
  let shown = false;
  const listen = (event) => {
    shown = shown || node.isConnected;
    if (node.isConnected) react(event);
    else if (shown) for (const name of names) view.root.removeEventListener(name, listen);
  };
  for (const name of names) view.root.addEventListener(name, listen);
};
