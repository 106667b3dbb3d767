// Where everything of the pass stands: words across on the left, the spine, the column's numbers on the right.

export const WIDE = 880;
export const LEFT = 116; // the words' columns begin
export const RIGHT = 552; // and end
export const SPINE = 584;
export const NAMES = 608; // names of the strips
export const STRIP = 672; // the strips begin
export const ROOM = 200; // and are this wide
// Heights: of a strip, a strip's row, a head's row, a candidate's row; how far the first strips stand below the
// words. In a step the whole way is on one screen with its question.
const FREE = { thin: 10, pitch: 16, head: 36, line: 17, below: 16 }, TIGHT = { thin: 9, pitch: 13, head: 22, line: 15, below: -8 };
const STREAM = new Set(["stream", "middle", "after"]);

// How wide the words' columns are, and whether their names stand upright.
export const columnsOf = (tokens) => {
  const wide = Math.min((RIGHT - LEFT) / tokens.length, 64);
  const longest = Math.max(...tokens.map((word) => inked(word)));
  const turned = longest > wide - 6;
  return { wide, turned, tall: turned ? Math.min(longest, 74) + 12 : 24, start: RIGHT - wide * tokens.length };
};

// Roughly how long a word is in 13 px type.
export const inked = (word) => [...word].reduce((sum, letter) => sum + (letter.charCodeAt(0) > 0x2e7f ? 13 : 7.3), 0);

// {height, tight, thin, head, line, boxes: one for each point {x, y, wide, tall, at: (cell) -> x}, layers, heads, bottom}
export const planOf = (panel, tight = false) => {
  const columns = columnsOf(panel.tokens);
  const { thin, pitch, head, line, below } = tight ? TIGHT : FREE;
  const plan = { tight, thin, head, line, columns, boxes: [], layers: [], heads: [], adds: [], reads: [], nets: [] };
  let y = columns.tall + below;
  const strip = (point, x = STRIP, wide = ROOM) => {
    const box = { x, y, wide, tall: thin, cell: wide / point.size };
    plan.boxes.push(box);
    return box;
  };
  panel.points.forEach((point) => {
    if (point.kind === "norm_1") {
      y += 8;
      plan.layers.push({ y: y - 6, number: point.layer });
    }
    if (point.kind === "weights") plan.heads.push(headAt(plan, point, y, panel.place));
    else if (["query", "key", "value", "head"].includes(point.kind)) {
      const at = ["query", "key", "value", "head"].indexOf(point.kind);
      strip(point, STRIP + 51 * at + 12, 35);
    } else if (point.kind === "written") {
      y += pitch - 1;
      plan.adds.push({ y: strip(point).y, head: plan.heads.length - 1 });
      y += head - pitch + 1;
    } else if (point.kind === "hidden") {
      plan.nets.push({ y, layer: point.layer });
      plan.boxes.push({ x: LEFT, y: y - 14, wide: RIGHT - LEFT, tall: 2 * pitch - 2, cell: (RIGHT - LEFT) / point.size, bars: true });
    } else if (point.kind === "logits") plan.bottom = y + 10;
    else {
      if (STREAM.has(point.kind)) y += 2;
      const box = strip(point);
      if (point.kind === "feed_forward") plan.adds.push({ y: box.y, net: plan.nets.length - 1 });
      if (point.kind.startsWith("norm")) plan.reads.push({ y: box.y, kind: point.kind, layer: point.layer });
      y += pitch + (STREAM.has(point.kind) ? 4 : 0);
      if (point.kind === "after") plan.layers[plan.layers.length - 1].end = y - 4;
    }
  });
  plan.boxes.push({ x: STRIP, y: plan.bottom, wide: ROOM, tall: 15, cell: 15, rows: true });
  plan.height = plan.bottom + Math.max(line * panel.candidates.length, 104) + (tight ? 2 : 14);
  return plan;
};

// A head's bars stand on the words' columns.
const headAt = (plan, point, y, place) => {
  const { columns } = plan;
  const box = { x: columns.start, y, wide: columns.wide * (place + 1), tall: plan.head - (plan.tight ? 4 : 7), cell: columns.wide, bars: true, words: true };
  plan.boxes.push(box);
  return { y, layer: point.layer, head: point.head, box };
};
