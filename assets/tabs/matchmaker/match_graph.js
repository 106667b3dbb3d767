// What leads to what in the picture: nodes by name ("key.0.1"), edges from one to the next.

const range = (count) => Array.from({ length: count }, (_, i) => i);

// panel -> [[from, to]]. The softmax binds all candidates; those edges (by way of "sum") are apart.
export const edgesOf = (panel) => {
  const people = range(panel.names.length), met = range(panel.traits.length), facts = range(panel.facts.length);
  const wanted = range(panel.query.length);
  const { scoring } = panel;
  const last = isScaled(panel) ? "scaled" : "score";
  const edges = [];
  if (scoring === "bilinear") for (const i of wanted) for (const k of met) edges.push([`want.${i}`, `through.${k}`]);
  for (const j of people) {
    for (const k of met) {
      if (scoring === "bilinear") edges.push([`through.${k}`, `key.${j}.${k}`]);
      else for (const i of scoring === "additive" ? wanted : [k]) edges.push([`want.${i}`, `key.${j}.${k}`]);
      edges.push([`key.${j}.${k}`, `score.${j}`]);
    }
    if (last === "scaled") edges.push([`score.${j}`, `scaled.${j}`]);
    edges.push([`${last}.${j}`, `numerator.${j}`], [`numerator.${j}`, `share.${j}`]);
    for (const f of facts) edges.push([`share.${j}`, `value.${j}.${f}`], [`value.${j}.${f}`, `output.${f}`]);
  }
  return edges;
};

export const sumsOf = (panel) => range(panel.names.length).flatMap((j) => [[`numerator.${j}`, "sum"], ["sum", `share.${j}`]]);

// Whether a score is anything else once it is scaled.
export const isScaled = (panel) => panel.scale !== 1 || panel.temperature !== 1;

const reach = (start, edges, from, to) => {
  const found = new Set([start]);
  const waiting = [start];
  while (waiting.length) {
    const node = waiting.pop();
    for (const edge of edges) {
      if (edge[from] !== node || found.has(edge[to])) continue;
      found.add(edge[to]);
      waiting.push(edge[to]);
    }
  }
  return found;
};

// Everything on the way to a node and from it -> {nodes, edges: Set of "from>to"}.
export const wayOf = (start, edges, sums) => {
  const back = reach(start, edges, 1, 0), forward = reach(start, edges, 0, 1);
  const lit = (list, nodes) => list.filter(([from, to]) => nodes.has(from) && nodes.has(to)).map((edge) => edge.join(">"));
  const nodes = new Set([...back, ...forward]);
  const ways = [...lit(edges, back), ...lit(edges, forward)];
  if (start === "sum") for (const edge of sums) { // a share is a part of this sum
    edge.forEach((node) => nodes.add(node));
    ways.push(edge.join(">"));
  } else if (start.startsWith("share.")) for (const edge of sums) {
    if (edge[1] !== "sum" && edge[1] !== start) continue;
    edge.forEach((node) => nodes.add(node));
    ways.push(edge.join(">"));
  }
  return { nodes, edges: new Set(ways) };
};
