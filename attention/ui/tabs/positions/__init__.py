"""Positions: two orders of the same words, the sinusoidal encoding, and what distance does to it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ....pooling import attend
from ....position import encode_positions, frequencies, rotate, similarity_by_distance
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading, signed
from ...page.plots import Curve, Plot
from ...page.scene import Goal, Scene, Tab, Task
from ...page.sheet import show
from ...page.texts import Words
from .far import able, biases, far_panels, far_snippet, far_tasks, slowed
from .hands import clocks, turning
from .plain import plain
from .sheets import sheet
from .study import FEATURES, MOVED, Inputs, Study, study

FINE = 4  # points of a curve from one position to the next
OFF = 0.1  # of a dot product: from here on a point has left the curve


def panels(s: Study, words: Words) -> list[Panel]:
    """Two orders side by side and their difference; the encoding; its dot products; rotary; far away."""
    turned = rotary_panels(s, words) if s.inputs.d % 2 == 0 else []
    return [*orders(s, words), *encoding_panels(s, words), *distance_panels(s, words), *turned,
            *far_panels(s, words)]  # fmt: skip


def orders(s: Study, words: Words) -> list[Panel]:
    """Weights and outputs of both orders, and what is left when the words are put back."""
    found, (first, second) = s.orders, s.names
    features = Axis([words("positions.feature", number=i + 1) for i in range(min(s.inputs.d, FEATURES))])
    high = torch.cat([found.first.output, found.second.output])[:, :FEATURES].abs().max().item()
    scale, word, kind = Scale(-high, high, True), words("positions.word"), s.inputs.positions
    change = (found.restored - found.first.output)[:, :FEATURES]
    # the rounding of the last digit is no number to be read
    cells = [["≈ 0" if v else "0" for v in row] for row in change.tolist()]
    query, key, names = (words("positions." + name) for name in ("query", "key", "names"))
    shown = words("positions.shown", count=len(features.labels), all=s.inputs.d)
    sides = (("", found.first, first), ("_other", found.second, second))
    return [
        heading(words("positions.step_orders"), words("positions.step_orders_text")),
        figures(s, words),
        *(Heatmap("weights" + end, words("positions.weights" + end), one.weights, Axis(labels, query),
                  Axis(labels, key), caption=names) for end, one, labels in sides),
        *(Heatmap("output" + end, words("positions.output" + end), one.output[:, :FEATURES],
                  Axis(labels, word), features, scale, caption=shown) for end, one, labels in sides),
        Heatmap("difference", words("positions.difference"), change, Axis(first, word), features, scale,
                Look(wide=True, cells=cells if found.difference < MOVED else None),
                words("positions.difference_" + kind)),
    ]  # fmt: skip


def figures(s: Study, words: Words) -> Readouts:
    """How far outputs and weights move from one order to the other, the words put back."""
    found, kind = s.orders, s.inputs.positions
    weights = (found.restored_weights - found.first.weights).abs().max().item()
    moved = int((found.moved > MOVED).sum())
    return Readouts("moved", [
        (words("positions.largest"), show(found.difference), words("positions.largest_" + kind)),
        (words("positions.moved"), f"{moved} / {len(s.words)}", words("positions.moved_note")),
        (words("positions.largest_weight"), show(weights), words("positions.largest_weight_note")),
    ], wide=True)  # fmt: skip


def encoding_panels(s: Study, words: Words) -> list[Panel]:
    """The encoding over position and dimension, and up to four of its sines, from the fastest on."""
    d, places = s.inputs.d, positions(s)
    columns = zip(range(0, min(d, 8), 2), ("accent", "data", "truth", "muted"), strict=False)
    smooth = between(0, len(places) - 1)
    along = encode_positions(smooth, d)
    waves = [
        Curve(words("positions.column", number=j), "line", smooth, along[:, j], role) for j, role in columns
    ]
    return [
        heading(words("positions.step_encoding"), words("positions.step_encoding_text")),
        clocks(s, words),
        Heatmap("encoding", words("positions.encoding"), s.encoding, Axis(places, words("positions.place")),
                Axis([str(j) for j in range(d)], words("positions.dimension")), Scale(-1.0, 1.0, True),
                Look(wide=d > 24), words("positions.encoding_caption")),
        Plot("waves", words("positions.waves"), waves, words("positions.place"), words("positions.value"),
             words("positions.waves_caption" if d > 2 else "positions.waves_caption_one")),
    ]  # fmt: skip


def between(first: int, last: int) -> Tensor:
    """Places from first to last, fine enough for a smooth curve; whole numbers are among them."""
    return torch.linspace(first, last, max(FINE * (last - first), 0) + 1)


def positions(s: Study) -> list[str]:
    return [str(i) for i in range(s.inputs.length)]


def distance_panels(s: Study, words: Words) -> list[Panel]:
    """What is left of the encoding in a dot product: distance."""
    span, here = distances(s)
    formula = similarity_by_distance(span, s.inputs.d)
    # a lone sine knows the place: all of it at d = 1, almost nothing of it at 3, 5, ...
    end = "_caption" if s.inputs.d % 2 == 0 else "_lone" if s.inputs.d == 1 else "_odd"
    of_map = "dot_caption" + end.removeprefix("_caption")
    return [
        heading(words("positions.step_distance"), words("positions.step_distance_text")),
        Heatmap("dot", words("positions.dot"), s.dot, Axis(positions(s), "p"), Axis(positions(s), "q"),
                signed(s.dot), Look(digits=1), words(f"positions.{of_map}")),
        Plot("distance", words("positions.distance"), [
            Curve(words("positions.formula"), "line", span, formula, "accent"),
            Curve(words("positions.measured", place=s.place), "points", here, s.dot[s.place], "data"),
        ], words("positions.distance_x"), words("positions.distance_y"), words(f"positions.distance{end}")),
    ]  # fmt: skip


def distances(s: Study) -> tuple[Tensor, Tensor]:
    """All distances there are, finely, and every position's distance to the one looked at."""
    length = s.inputs.length
    return between(1 - length, length - 1), torch.arange(length) - s.place


def rotary_panels(s: Study, words: Words) -> list[Panel]:
    """A query and a key turned by their positions: their score knows the distance alone."""
    (query, key), names, length = s.pair, s.pair_names, s.inputs.length
    span, here = distances(s)
    keys = rotate(key.expand(len(span), -1), span)
    left, right = (rotate(one.expand(length, -1), torch.arange(length)) for one in (query, key))
    scores = attend(left, right, key.expand(length, -1)).scores
    from_0, from_p = (words("positions.rotary_from", place=place) for place in (0, s.place))
    return [
        heading(words("positions.step_rotary"), words("positions.step_rotary_text", **names)),
        turning(s, words),
        Heatmap("rotary_scores", words("positions.rotary_scores", **names), scores, Axis(positions(s), "p"),
                Axis(positions(s), "q"), signed(scores), Look(digits=1),
                words("positions.rotary_scores_caption")),
        Plot("rotary", words("positions.rotary_plot"), [
            Curve(from_0, "line", span, attend(query[None], keys, keys).scores[0], "accent"),
            Curve(from_p, "points", here, scores[s.place], "data"),
        ], words("positions.distance_x"), words("positions.score"), words("positions.rotary_caption")),
    ]  # fmt: skip


def notices(s: Study, words: Words) -> list[str]:
    """What is shown instead of what was asked for."""
    sentences, inputs = [], s.inputs
    if s.other is None and inputs.other.strip():
        sentences.append(words("positions.not_an_order"))
    elif s.other is None and s.orders.shuffled == s.words:
        sentences.append(words("positions.same_order"))
    if inputs.position >= inputs.length:
        sentences.append(words("positions.last_place", place=inputs.length - 1))
    if inputs.d % 2:
        sentences.append(words("positions.odd_notice"))
    return sentences


def snippet(s: Study) -> str:
    """Both orders and their difference, the encoding and its dot products."""
    inputs = s.inputs
    kind = "rotary" if inputs.positions == "rotary" else "sinusoidal"
    second = f"shuffled = {s.other!r}" if s.other else "shuffled = None    # an order drawn from the seed"
    return f"""import torch
from attention.position import shuffle_experiment, similarity_by_distance, sinusoidal_encoding

words = {s.words!r}
{second}
read = shuffle_experiment(words, shuffled, seed={inputs.seed}, d={inputs.d},
                          use_positions={inputs.positions != "none"}, kind={kind!r})
print(read.permutation)          # where each word of the second order stood in the first
print(read.first.weights)
print(read.second.weights)
print(read.first.output[:, :{FEATURES}])
print(read.second.output[:, :{FEATURES}])
print(read.difference)           # largest change of an output, the words put back in place

encoding = sinusoidal_encoding({inputs.length}, {inputs.d})
print(encoding)
print(encoding[{s.place}] @ encoding.T)    # dot products with position {s.place}
print(similarity_by_distance(torch.arange({inputs.length}) - {s.place}, {inputs.d}))
{far_snippet(s)}"""


def results(s: Study) -> Json:
    """Plain numbers for the API. Raises ``Refusal`` for a second order of other words."""
    if s.inputs.other.strip() and s.other is None:
        raise Refusal("other_words", field="positions.other")
    found = s.orders
    hands: Json = {"slowed": slowed(s, s.inputs.scaling).tolist()} if able(s) else {}
    return {
        "words": found.words, "shuffled": found.shuffled, "permutation": found.permutation,
        "weights": found.first.weights.tolist(), "weights_other": found.second.weights.tolist(),
        "output": found.first.output.tolist(), "output_other": found.second.output.tolist(),
        "moved": found.moved.tolist(), "difference": found.difference,
        "encoding": s.encoding.tolist(), "dot": s.dot.tolist(), "alibi": biases(s).tolist(),
    } | hands  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """Predict, then look: each answer is computed from the inputs on screen."""
    turned = [turned_task(s, words)] if s.inputs.d % 2 == 0 else []
    return [*order_tasks(s, words), *encoding_tasks(s, words), *turned, leaving(s, words),
            *far_tasks(s, words)]  # fmt: skip


def order_tasks(s: Study, words: Words) -> list[Task]:
    """A number of an output in the other order; whether a word that stayed is moved by the others."""
    bare, added = s.with_positions("none"), s.with_positions("sinusoidal")
    names, n = s.names[0], len(s.words)
    back = [bare.permutation.index(i) for i in range(n)]
    mover = next((i for i in range(n) if back[i] != i), 0)
    question = words("positions.task_off", word=names[mover], value=show(bare.first.output[mover, 0].item()))
    answer, why = bare.restored[mover, 0].item(), words("positions.task_off_why")
    hides = ["moved", "output_other", "difference"]
    found = [Task("off", question, answer, why, tolerance=0.005, hides=hides)]
    stayed = [i for i in range(n) if back[i] == i]
    if stayed and added.difference > MOVED:
        word = max(stayed, key=lambda i: added.moved[i].item())
        moved = added.moved[word].item()
        found.append(
            Task("stayed", words("positions.task_stayed", word=names[word]), int(moved > MOVED),
                 words("positions.task_stayed_why", moved=show(moved)),
                 [words("positions.task_stayed_" + o) for o in ("same", "moved")], hides=hides)
        )  # fmt: skip
    return found


def encoding_tasks(s: Study, words: Words) -> list[Task]:
    """A dot product with itself, one at the same distance, the turn of the second hand."""
    d, place = s.inputs.d, s.inputs.position
    i = min(1, (d - 1) // 2)
    omega = frequencies(d)[i].item()
    wavelength = 2 * math.pi / omega
    near, far = encode_positions(torch.tensor([2, 5]), d), encode_positions(torch.tensor([10, 13]), d)
    parity, hides = "even" if d % 2 == 0 else "odd", ["dot", "distance"]
    itself = encode_positions(torch.tensor([place]), d)[0].square().sum().item()
    return [
        Task("itself", words("positions.task_itself", place=place, d=d), itself,
             words("positions.task_itself_" + parity, pairs=d // 2), tolerance=0.1, hides=hides),
        Task("distance", words("positions.task_distance", value=show((near[0] @ near[1]).item())),
             (far[0] @ far[1]).item(), words("positions.task_distance_" + parity), tolerance=0.1,
             hides=hides),
        Task("wave", words("positions.task_wave", hand=i, omega=show(omega)), wavelength,
             words("positions.task_wave_why", omega=show(omega), turn=f"{wavelength:.2f}"),
             tolerance=0.1 * wavelength),
    ]  # fmt: skip


def turned_task(s: Study, words: Words) -> Task:
    """The score of a query and a key that both move on."""
    (query, key), scale = s.pair, s.inputs.d**-0.5
    near, far = (
        (rotate(query[None], torch.tensor([p]))[0] @ rotate(key[None], torch.tensor([q]))[0]).item() * scale
        for p, q in ((2, 5), (10, 13))
    )
    question = words("positions.task_turned", value=show(near), **s.pair_names)
    return Task("turned", question, far, words("positions.task_turned_why"), tolerance=0.01,
                hides=["turning", "rotary", "rotary_scores"])  # fmt: skip


def leaving(s: Study, words: Words) -> Goal:
    """The points are to leave the curve, which they do where a fast sine stands alone."""
    _, here = distances(s)
    far = (s.dot[s.place] - similarity_by_distance(here, s.inputs.d)).abs().max().item()
    values = {"far": f"{far:.2f}", "bound": f"{OFF:g}"}
    now, why = words("positions.goal_leave_now", **values), words("positions.goal_leave_why", **values)
    return Goal("leave", words("positions.goal_leave", **values), far > OFF, now, why)


TAB = Tab(
    id="positions",
    inputs=Inputs,
    scenes={"": Scene(
        fields=("text", "other", "positions", "seed", "d", "length", "position", "heads", "scaling",
                "factor"), study=study,
        panels=panels, sheet=sheet, snippet=snippet, results=results, tasks=tasks, notices=notices,
        plain=plain,
    )},
    examples=(
        ("example_same", {}),
        ("example_break", {"positions": "sinusoidal"}),
        ("example_rotary", {"positions": "rotary"}),
        ("example_shuffle", {"text": "she only said that she loved him", "other": "", "seed": 3}),
        ("example_chinese", {"text": "我不喜欢他", "other": "他不喜欢我", "positions": "sinusoidal"}),
        ("example_odd", {"d": 5, "length": 40}),
        ("example_wide", {"d": 64, "length": 64, "position": 32}),
        ("example_far", {"positions": "rotary", "d": 64, "scaling": "yarn", "factor": 8}),
    ),
)  # fmt: skip
