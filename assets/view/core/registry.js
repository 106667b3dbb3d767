// Who draws what: a kind of panel is a function (panel, view) -> element, registered by its script once.
const drawers = new Map();

export const register = (kinds) => {
  for (const [kind, draw] of Object.entries(kinds)) {
    if (drawers.has(kind)) throw new Error(`two scripts draw the panel kind "${kind}"`);
    drawers.set(kind, draw);
  }
};

export const drawerOf = (kind) => drawers.get(kind);
