// The row of a tab's examples: one component of Gradio's, whose event asks which one was clicked.
const chosen = {};

export const example = (tab) => chosen[tab];

export const examples = (element, tab, choose) => element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-which]");
  if (!button) return;
  chosen[tab] = button.dataset.which;
  choose();
});
