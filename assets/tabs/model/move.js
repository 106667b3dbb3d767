// A picture of the model tab moves some inputs: it is drawn anew, and Gradio's inputs follow it.
export const move = async (view, changes) => {
  const payload = await view.ask("draw", { inputs: { ...view.payload.inputs, ...changes } });
  if (payload.error || !view.settle) view.update(payload);
  else view.settle(payload);
};
