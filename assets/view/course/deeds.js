// What a learner does in an assignment, for the hand-in: inputs moved and cells opened, a short line each.
const MOST = 200; // lines, and characters of one, as attention/course/format.py has it
const LONGEST = 80;

const briefly = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// One line more; a slider that is dragged stays one line.
const add = (course, what, value) => {
  const head = `${course.at + 1} ${what}`;
  const line = `${head}${value}`.slice(0, LONGEST);
  const last = course.did[course.did.length - 1];
  if (last === line) return false;
  if (value && last && last.startsWith(head)) course.did.pop();
  course.did = [...course.did, line].slice(-MOST);
  return true;
};

// viewOf: the view of a tab (run.js); changed: called where something was added.
export const noteDeeds = (course, viewOf, changed) => {
  let before = { at: -1, inputs: {} };
  const here = (root) => {
    const place = course.places[course.at];
    const view = place && viewOf(place.tab);
    return view && view.payload && view.root === root ? view : null;
  };
  document.addEventListener("am-update", (event) => {
    const view = here(event.target);
    if (!view || !course.arrived) return;
    const now = { at: course.at, inputs: view.payload.inputs };
    const moved = before.at === now.at ? Object.keys(now.inputs).filter((name) => JSON.stringify(now.inputs[name]) !== JSON.stringify(before.inputs[name])) : [];
    before = now;
    if (moved.map((name) => add(course, `${name}=`, briefly(now.inputs[name]))).some(Boolean)) changed();
  }, true);
  document.addEventListener("am-open", (event) => {
    const { panel, row, column } = event.detail;
    if (here(event.target) && add(course, `open ${panel}.${row}.${column}`, "")) changed();
  }, true);
};
