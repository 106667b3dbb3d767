"""The storyteller's pass, and what each head does to the next word, in plain PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....storyteller.writing import spoken
from ...page.plain import program, storyteller

if TYPE_CHECKING:
    from .story.study import Study
    from .why.study import Study as Why


def story(s: Study) -> str:
    """The heads' weights of the column, and the share of each word shown beside it."""
    inputs, words = s.inputs, list(s.candidate_words)
    at = f"logits[{s.place}]"
    taking = " ".join(map(spoken, s.candidates.words[: inputs.top_k]))
    shares = [f"likely = {at}.topk({inputs.top_k}).indices    # the others take no part",
              f"shares = ({at}[likely] / {inputs.temperature!r}).softmax(-1)",
              f"print(shares)    # of {taking}"]  # fmt: skip
    if not inputs.top_k:
        shares = [f"shares = ({at} / {inputs.temperature!r}).softmax(-1)", f"print(shares[{words}])"]
    return program([
        *storyteller(s.ids, s.names, within=[f"print(weights[:, {s.place}, : {s.place + 1}])"]),
        "",
        f"print({at}[{words}])    # of {' '.join(map(spoken, words))}",
        *shares,
    ])  # fmt: skip


def why(s: Why) -> str:
    """Every head replaced by what it does on the other sentence, or knocked out, and what that moves.

    "" for models other than the storyteller.
    """
    if s.model.name != "storyteller":
        return ""
    lines = storyteller(s.tokens.ids, s.tokens.tokens)
    start = next(i for i, line in enumerate(lines) if line.startswith("ids = "))
    names = [spoken(word) for word in (s.target or 0, s.instead or 0)]
    said = f"{names[0]}, rather than {names[1]}"
    body = [f"    {line}" for line in lines[lines.index("for layer in range(2):") - 1 :]]
    at = next(i for i, line in enumerate(body) if "heads = (weights @ v)" in line)
    body[at] = "        heads = weights @ v    # (heads, n, 16)"
    body[at + 1 : at + 1] = [
        "        for head in changed.get(layer, ()):",
        "            heads[head] = given[layer][head]",
        "        own.append(heads)",
    ]
    after = body[at + 4]
    body[at + 4] = after.replace("F.linear(heads,", "F.linear(heads.transpose(0, 1).flatten(1),")
    other = ["own = read(ids)[1]", "given = [torch.zeros_like(heads) for heads in own]    # knocked out"]
    if s.other is not None:
        other = [f"other = torch.tensor({list(s.other.ids)})    # {' '.join(s.other.tokens)}",
                 "given = read(other)[1]"]  # fmt: skip
    return program([
        *lines[: start + 3],
        "",
        "def norm(x, name):",
        "    return F.layer_norm(x, x.shape[-1:], w[name + '.weight'], w[name + '.bias'])",
        "",
        "def read(ids, changed={}, given=()):",
        "    own = []",
        *body,
        f"    return logits[-1, {s.target}] - logits[-1, {s.instead}], own    # for {said}",
        "",
        *other,
        "before = read(ids)[0]",
        "print(before)",
        "for layer in range(2):",
        "    print([(read(ids, {layer: [head]}, given)[0] - before).item() for head in range(4)])",
    ])  # fmt: skip
