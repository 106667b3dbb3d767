// Buttons that stand beside Copy link: each (view) -> element, added by whoever has one.
export const tools = [];
