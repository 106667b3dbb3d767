"""The classifier's half of the applications tab: predict, open the heads, then meddle with them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..classifier import Classified, classify, explain_cell, load_classifier, permute
from ..reviews import LABELS, MAX_TOKENS, tokenise
from .applications_fields import LARGEST, say
from .applications_marks import marks
from .guard import Refusal
from .sheet import cell_sheet, output_sheet, show
from .texts import Words
from .view import heading, heatmap, plot, readouts

SHUFFLES = 50  # permutations drawn, beside the one chosen
MODELS = ("attention", "bag", "uniform", "permuted")
GROUPS = ("all", "new", "negation", "double")


def factors_of(values: dict[str, Any], count: int) -> Tensor:
    """One factor per token: those given, and 1 for the rest."""
    given = [float(part) for part in values["token_weights"].split(",") if part][:count]
    return torch.tensor(given + [1.0] * (count - len(given)))


def look(values: dict[str, Any]) -> Classified:
    """The prediction for these inputs, with the learned weights or with the changed ones."""
    text = values["text"]
    try:
        tokens = tokenise(text)
    except ValueError:
        raise Refusal("review_size", field="applications.text", limit=MAX_TOKENS) from None
    model, how = load_classifier(), values["override"]
    if how == "permute":
        return classify(model, text, permute_seed=values["permute_seed"])
    seen = classify(model, text)
    if how == "drag":
        return classify(model, text, weights_override=seen.weights * factors_of(values, len(tokens)))
    if how == "uniform":
        return classify(model, text, weights_override=torch.ones_like(seen.weights))
    return seen


def labels(seen: Classified) -> list[str]:
    """The tokens; one that the model never met carries a small circle."""
    return [t if known else f"{t}°" for t, known in zip(seen.tokens, seen.known, strict=True)]


def per_head(seen: Classified) -> Tensor:
    """(h, n, c): what the value of a token would add to the logits with all of a head's weight."""
    model = load_classifier()
    heads, _, d = seen.value.shape
    w_o = model.attention.w_o.unflatten(1, (heads, d))  # (d_model, h, d)
    return torch.einsum("hnd,ohd,co->hnc", seen.value, w_o, model.weight)


def shuffled(seen: Classified) -> Tensor:
    """P(positive) after each of SHUFFLES permutations of the learned weights."""
    received = torch.stack([permute(seen.original_weights, s).mean(-2) for s in range(SHUFFLES)])
    return (torch.einsum("shn,hnc->sc", received, per_head(seen)) + seen.base).softmax(-1)[:, 1]


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Prediction, bars, heads, shares, permutations and marks."""
    w = partial(say, words)
    seen, how = look(values), values["override"]
    names, classes = labels(seen), [w(label) for label in LABELS]
    heads, n, _ = seen.weights.shape
    received = seen.weights.mean(-2)  # (h, n)
    learned = seen.original_weights.mean(-2).mean(0)
    series = [{"name": w("learned"), "values": seen.original_probabilities.tolist()}]
    if how != "none":
        series.append({"name": w(f"override.{how}"), "values": seen.probabilities.tolist()})
    lines = heatmap(
        "contributions", w("contributions"), torch.cat([seen.contributions, seen.base[None]]).T,
        classes, [*names, w("bias")], diverging=True, sums=True, wide=True,
        caption=w("contributions_caption", logits=" · ".join(
            f"{name} {show(x, 3)}" for name, x in zip(classes, seen.logits.tolist(), strict=True))),
    )  # fmt: skip
    return [
        heading(w("predict_title"), w("predict_text")),
        {"kind": "pairbars", "id": "prediction", "title": w("prediction"), "digits": 4,
         "names": classes, "series": series, "caption": "" if seen.decided else w("undecided_caption")},
        verdict(seen, how, w),
        {"kind": "tokenbars", "id": "bars", "title": w("bars"), "caption": w("bars_caption"),
         "wide": True, "tokens": names, "learned": learned.tolist(), "high": LARGEST,
         "now": received.mean(0).tolist(), "drag": how == "drag", "changed": how != "none",
         "factors": [round(x, 4) for x in factors_of(values, n).tolist()] if how == "drag" else [1.0] * n,
         "words": {"reset": w("reset"), "share": w("share"), "factor": w("factor")}},
        heading(w("heads_title"), w(f"heads_text_{how}")),
        *(heatmap(f"head_{h}", w("head", number=h + 1), seen.weights[h], names, names,
                  row_title=w("query"), column_title=w("key")) for h in range(heads)),
        heading(w("shares_title"), w("shares_text")),
        heatmap("received", w("received"), received, [w("head", number=h + 1) for h in range(heads)],
                names, sums=True, wide=True, caption=w("received_caption")),
        lines,
        heading(w("why_title"), w("why_text")),
        plot("shuffles", w("shuffles", count=SHUFFLES), [
            {"name": w("shuffled"), "kind": "points", "role": "data",
             "x": torch.arange(SHUFFLES), "y": shuffled(seen)},
            {"name": w("learned"), "kind": "line", "role": "accent", "x": [0, SHUFFLES - 1],
             "y": [seen.original_probabilities[1].item()] * 2},
        ], x_title=w("permute_seed"), y_title="P(" + w("positive") + ")", caption=w("shuffles_caption",
            moved=f"{marks()['permuting']['moved']:.0%}", count=f"{marks()['reviews']:,}")),
        marks_panel(w),
    ]  # fmt: skip


def verdict(seen: Classified, how: str, w: Any) -> dict[str, Any]:
    """The label in words, and whether the change moved it; none where no word is known."""
    if not seen.decided:
        return readouts("verdict", [(w("label"), w("undecided"), w("undecided_note"))])
    best = seen.probabilities.max().item()
    items = [(w("label"), w(seen.label), w("label_note", share=show(best)))]
    if how != "none":
        distance = (seen.probabilities - seen.original_probabilities).abs().sum().item() / 2
        items += [
            (w("moves"), w("moved" if seen.moved else "stayed"), w("moves_note")),
            (w("distance"), show(distance, 3), w("distance_note")),
        ]
    return readouts("verdict", items)


def marks_panel(w: Any) -> dict[str, Any]:
    """Held-out accuracy: attention, a bag of words, and attention broken on purpose."""
    found = marks()["classifier"]
    matrix = torch.tensor([[found[model][group] for group in GROUPS] for model in MODELS])
    return heatmap(
        "marks", w("marks"), matrix, [w(f"model_{m}") for m in MODELS], [w(f"group_{g}") for g in GROUPS],
        opens=False, digits=3, caption=w("marks_caption", count=f"{marks()['reviews']:,}",
                                 new=f"{marks()['new_reviews']:,}"),
    )  # fmt: skip


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """Words that training never met; that there is no verdict when it met none of them."""
    seen = look(values)
    if not seen.decided:
        return [words("applications.undecided_notice")]
    strange = [t for t, known in zip(seen.tokens, seen.known, strict=True) if not known]
    return [words("applications.unknown", words=" ".join(dict.fromkeys(strange)))] if strange else []


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """A weight of a head, what a token receives, or what it adds to a logit."""
    w = partial(say, words)
    seen, names = look(values), labels(look(values))
    heads, n, _ = seen.weights.shape
    head_names = [w("head", number=h + 1) for h in range(heads)]
    if panel.removeprefix("head_") in map(str, range(heads)) and max(row, column) < n:
        return weight_sheet(seen, values, words, int(panel[-1]), row, column)
    if panel == "received" and row < heads and column < n:
        return received_sheet(seen, words, row, column)
    if panel == "contributions" and row < len(LABELS) and column < n:
        title = w("adds_to", key=names[column], label=w(LABELS[row]))
        shares, effects = seen.weights.mean(-2)[:, column], per_head(seen)[:, column, row]
        made = output_sheet(words, title, shares, effects, head_names)
        made["sections"][0] |= {"title": w("adds_how"), "text": w("adds_text")}
        made["sections"][0]["table"]["columns"][:3] = [w("head_word"), w("share"), w("effect")]
        return made
    if panel == "contributions" and row < len(LABELS) and column == n:
        return bias_sheet(w, row)
    raise Refusal("no_such_cell")


def received_sheet(seen: Classified, words: Words, head: int, column: int) -> dict[str, Any]:
    """What a head takes from a token: the mean of a column of its weights."""
    names = labels(seen)
    title = say(words, "received_of", key=names[column], head=head + 1)
    even = torch.full((len(names),), 1 / len(names))
    made = output_sheet(words, title, even, seen.weights[head, :, column], names)
    made["sections"][0] |= {"title": say(words, "received_how")}
    made["sections"][0]["table"]["columns"][:3] = [say(words, "query"), "1/n", words("sheet.weight")]
    return made


def bias_sheet(w: Any, label: int) -> dict[str, Any]:
    """The part of a logit that no token moves: W b_o + b."""
    model = load_classifier()
    through = F.linear(model.attention.b_o, model.weight)[label].item()
    own = model.bias[label].item()
    formula = f"{show(through)} + {show(own)}"
    lines = [["W b_o", "", show(through)], ["b", "", show(own)], [w("bias"), formula, show(through + own)]]
    return {"title": w("bias_title", label=w(LABELS[label])), "sections": [{"lines": lines}]}


def weight_sheet(seen, values, words, head: int, row: int, column: int) -> dict[str, Any]:
    """The learned weight from query and key to softmax; then what was done to it."""
    names, how = labels(seen), values["override"]
    made = cell_sheet(explain_cell(seen, head, row, column), words, names[row], names[column])
    if how == "none":
        return made
    before, after = seen.original_weights[head, row], seen.weights[head, row, column].item()
    title = words("applications.changed_title")
    if how == "drag":
        factor = factors_of(values, len(names))
        part, total = (before * factor)[column].item(), (before * factor).sum().item()
        product = f"{show(before[column].item())} × {show(factor[column].item(), 2)}"
        scaled = [words("applications.scaled"), product, show(part)]
        rest = [words("applications.row_sum"), "Σ", show(total)]
        lines = [scaled, rest, [words("sheet.weight"), f"{show(part)} / {show(total)}", show(after)]]
    elif how == "uniform":
        lines = [[words("sheet.weight"), f"1 / {len(names)}", show(after)]]
    else:  # which key's weight came here: shuffle the numbers of the keys in the same way
        places = torch.arange(len(names)).expand(seen.weights.shape)
        source = int(permute(places, values["permute_seed"])[head, row, column])
        lines = [[words("sheet.weight"), words("applications.came_from", key=names[source]), show(after)]]
    made["sections"].append({"title": title, "lines": lines})
    return made | {"weight": after}


def snippet(values: dict[str, Any]) -> str:
    """Tokens, weights and probabilities, with the change that is set."""
    how, text = values["override"], values["text"]
    change = ""
    if how == "permute":
        change = f"seen = classify(model, text, permute_seed={values['permute_seed']})\n"
    elif how == "uniform":
        change = "seen = classify(model, text, weights_override=torch.ones_like(seen.weights))\n"
    elif how == "drag":
        factors = factors_of(values, len(tokenise(text))).tolist()
        change = (
            f"factors = torch.tensor({[round(x, 6) for x in factors]})  # one for each token\n"
            "seen = classify(model, text, weights_override=seen.weights * factors)\n"
        )
    return f"""import torch
from attention.classifier import classify, load_classifier

model = load_classifier()
text = {text!r}
seen = classify(model, text)
{change}print(seen.tokens)
print(seen.weights)        # heads x queries x keys
print(seen.logits)         # negative, positive
print(seen.probabilities)
"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API."""
    seen = look(values)
    return {
        "tokens": seen.tokens, "known": seen.known, "label": seen.label, "moved": seen.moved,
        "classes": list(LABELS), "probabilities": seen.probabilities.tolist(),
        "learned_probabilities": seen.original_probabilities.tolist(),
        "logits": seen.logits.tolist(), "weights": seen.weights.tolist(),
        "contributions": seen.contributions.tolist(), "base": seen.base.tolist(),
    }  # fmt: skip


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The label, the strongest word, the label without attention, and what counting cannot do."""
    w = partial(say, words)
    seen = look(values | {"override": "none"})
    even = look(values | {"override": "uniform"})
    names = labels(seen)
    pull = seen.contributions[:, 1] - seen.contributions[:, 0]
    first = pull.abs().argsort(descending=True)[:3].sort().values.tolist()
    best = max(first, key=lambda j: abs(pull[j].item()))
    pairs = marks()["classifier"]["bag"]["pair"]
    shown = ["prediction", "verdict", "bars", "contributions", "received", "shuffles"]
    counting = {
        "id": "pairs", "kind": "number", "unit": "%", "hides": ["marks"], "question": w("task_pairs"),
        "answer": 100 * pairs, "tolerance": 2.0, "why": w("task_pairs_why"),
    }  # fmt: skip
    if not seen.decided:  # no verdict, nothing to ask about it
        return [counting]
    return [
        {"id": "label", "kind": "choice", "hides": shown,
         "question": w("task_label", text=values["text"].strip()),
         "options": [w(label) for label in LABELS], "answer": LABELS.index(seen.label),
         "why": w("task_label_why", share=f"{seen.probabilities.max().item():.1%}")},
        {"id": "word", "kind": "choice", "hides": ["contributions"], "question": w("task_word"),
         "options": [f"{names[j]} ({j + 1})" for j in first], "answer": first.index(best),
         "why": w("task_word_why", key=names[best], pull=show(pull[best].item(), 2))},
        {"id": "even", "kind": "choice", "question": w("task_even"), "options": [w("yes"), w("no")],
         "answer": 0 if even.moved else 1, "why": w("task_even_why",
            before=f"{seen.probabilities[1].item():.1%}", after=f"{even.probabilities[1].item():.1%}")},
        counting,
    ]  # fmt: skip
