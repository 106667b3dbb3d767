"""The five scenes of the cost tab in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....pretrained.catalog import CATALOG
from ....storyteller.train import encode
from ...page.plain import program, storyteller
from .inputs import SPREAD
from .models import ids_of

if TYPE_CHECKING:
    from .cache.study import Study as Cached
    from .linear.study import Study as Sums
    from .share.study import Study as Shared
    from .tiles.study import Study as Tiled
    from .window.study import Study as Windowed


def tiled(s: Tiled) -> str:
    """Three running numbers for each row, tile by tile; then every weight from what was stored."""
    (n, m), size, causal = s.shape, s.inputs.tile, s.inputs.look_back
    d, v = s.query.shape[1], s.value.shape[1]
    mask = [f"mask = torch.ones({n}, {m}).tril({m - n}).bool()    # no looking ahead"] if causal else []
    hidden = ["        scores = scores.masked_fill(~mask[rows, columns], float('-inf'))"] if causal else []
    whole = ".masked_fill(~mask, float('-inf'))" if causal else ""
    return program([
        "import torch",
        "",
        f"generator = torch.Generator().manual_seed({s.inputs.seed})",
        f"query = {SPREAD!r} * torch.randn({n}, {d}, generator=generator)",
        f"key = torch.randn({m}, {d}, generator=generator)",
        f"value = torch.randn({m}, {v}, generator=generator)",
        *mask,
        "output, lse = [], []",
        f"for top in range(0, {n}, {size}):",
        f"    rows = slice(top, top + {size})",
        "    maximum = torch.full((len(query[rows]), 1), float('-inf'))",
        f"    total, blend = torch.zeros_like(maximum), torch.zeros(len(query[rows]), {v})",
        f"    for left in range(0, {m}, {size}):",
        f"        columns = slice(left, left + {size})",
        f"        scores = query[rows] @ key[columns].T / {d**0.5!r}    # one tile, all that is held",
        *hidden,
        "        larger = torch.maximum(maximum, scores.amax(-1, keepdim=True))",
        "        shift = larger.nan_to_num(neginf=0)    # a row that has seen nothing yet",
        "        shrink, powers = (maximum - shift).exp(), (scores - shift).exp()",
        "        total = total * shrink + powers.sum(-1, keepdim=True)",
        "        blend = blend * shrink + powers @ value[columns]",
        "        maximum = larger",
        "        print(maximum.T, total.T)",
        "    output.append(blend / total.where(total > 0, 1))",
        "    lse.append(maximum + total.log())",
        "print(torch.cat(output))",
        f"scores = (query @ key.T / {d**0.5!r}){whole}",
        "print((scores - torch.cat(lse).nan_to_num(neginf=0)).exp())    # every weight",
    ])  # fmt: skip


def sums(s: Sums) -> str:
    """The same output as a matrix and as a state; a regression by random features; a memory overwritten."""
    inputs, (n, d), v = s.inputs, s.query.shape, s.value.shape[1]
    points = ([float(str(x)) for x in one.numpy()] for one in (s.x, s.y))  # shortest float32 spelling
    features = {
        "fourier": ["def f(x):",
                    "    return torch.cat([(x[:, None] * w).cos(), (x[:, None] * w).sin()], -1)"],
        "positive": ["def f(x):", "    return (x[:, None] * w - x[:, None] ** 2).exp()"],
    }[inputs.random]  # fmt: skip
    return program([
        "import torch",
        "import torch.nn.functional as F",
        "",
        f"generator = torch.Generator().manual_seed({inputs.seed})",
        f"query, key = torch.randn(2, {n}, {d}, generator=generator)",
        f"value = torch.randn({n}, {v}, generator=generator)",
        "asked, kept = F.elu(query) + 1, F.elu(key) + 1",
        "scores = (asked @ kept.T).tril()",
        "print(scores / scores.sum(-1, keepdim=True))    # weights, as a matrix",
        f"memory, total = torch.zeros({d}, {v}), torch.zeros({d})",
        f"for step in range({n}):    # the same output from a state that does not grow",
        "    memory = memory + torch.outer(kept[step], value[step])",
        "    total = total + kept[step]",
        "    print(asked[step] @ memory / (asked[step] @ total))",
        "",
        *(f"{name} = torch.tensor({given!r}).double()" for name, given in zip("xy", points, strict=True)),
        f"queries = torch.linspace(x.min(), x.max(), {len(s.queries)}).double()",
        f"generator = torch.Generator().manual_seed({inputs.seed})",
        f"w = torch.randn({inputs.features}, generator=generator).double()    # random directions",
        "middle = (x.max() + x.min()) / 2",
        *features,
        f"scores = f((queries - middle) / {inputs.bandwidth!r}) @ f((x - middle) / {inputs.bandwidth!r}).T",
        "print(scores @ y / scores.sum(-1))    # the regression by random features",
        "",
        f"memory = torch.zeros({s.added.shape[1]})",
        f"for place, told in zip({s.written}, {s.told.tolist()}):",
        f"    memory[place] += {inputs.rate!r} * (told - memory[place])    # the delta rule",
        "    print(memory)",
    ])  # fmt: skip


def windowed(s: Windowed) -> str:
    """Two stories behind a window: the last layer's weights, and the loss at every word."""
    near = f"torch.ones(n, n).tril().triu({1 - s.window}).bool()    # itself and {s.window - 1} before"
    mask = near if not s.first else (
        f"(torch.ones(n, n).triu({1 - s.window}) + (torch.arange(n) < {s.first})).tril().bool()"
    )  # fmt: skip
    return program([
        *storyteller(encode(s.tokens), s.tokens, mask),
        "",
        "print(weights.mean(0))    # the last layer's, mean of its heads",
        "print(F.cross_entropy(logits[:-1], ids[1:], reduction='none'))    # nats",
        f"heard = torch.eye(n)    # who hears whom, through {s.inputs.layers} layers",
        f"for step in range({s.inputs.layers}):",
        "    heard = ((mask.float() @ heard + heard) > 0).float()",
        "print(heard[-1])",
    ])  # fmt: skip


def cached(s: Cached) -> str:
    """Word after word with keys and values kept; the row of weights of the word just read.

    "" for a model that came in another precision.
    """
    if s.inputs.writer != "storyteller":
        return ""
    given = ids_of(s.model, s.inputs.story, "cost.story")[0].tolist()
    ids = [*given, *(one.token for one in s.ledger[: s.at])]
    mask = "None" if s.inputs.looks_back else "torch.ones(n, n).bool()    # every word also looks ahead"
    return program([
        *storyteller(ids, s.tokens, mask, between=["kept, seen = [], []"],
                     within=["kept.append((k, v))    # a cache keeps these", "seen.append(weights)"]),
        "",
        f"weights = seen[{s.inputs.layer}][{s.inputs.head}]",
        "print(weights[-1])    # the new query's row",
        "print(sum(part.numel() * 4 for pair in kept for part in pair))    # bytes",
        "print(logits[-1].argmax())    # the next word",
    ])  # fmt: skip


def shared(s: Shared) -> str:
    """Heads that share keys and values, each the mean of its neighbours, and what the model keeps.

    "" for a model that came in another precision.
    """
    sizes = [form.size for form in s.forms if form.kind == "shared"]
    if s.inputs.model == "storyteller":
        return _shared_story(s, sizes)
    return _shared_encoder(s, sizes) if s.inputs.model == "minilm" else ""


def _shared_story(s: Shared, sizes: list[int]) -> str:
    ids = ids_of(s.model, s.inputs.sentence, "cost.sentence")[0].tolist()
    lines = storyteller(ids, s.tokens, shared="share")
    start = next(i for i, line in enumerate(lines) if line.startswith("x = w["))
    return program([
        *lines[:start],
        "def share(part):    # (heads, n, 16)",
        "    means = part.unflatten(0, (groups, -1)).mean(1)",
        "    return means.repeat_interleave(4 // groups, 0)",
        "",
        f"for groups in {sizes}:",
        *(f"    {line}" for line in lines[start:]),
        "    chances = logits[-1].softmax(-1)",
        f"    print(groups, chances[{int(s.whole.answer.argmax())}])    # of {s.word!r}",
    ])  # fmt: skip


def _shared_encoder(s: Shared, sizes: list[int]) -> str:
    entry: Any = CATALOG[s.inputs.model]
    return program([
        "import copy",
        "import torch",
        "import torch.nn.functional as F",
        "from transformers import AutoModel, AutoTokenizer",
        "",
        f"name, revision = {entry.repo!r}, {entry.revision!r}",
        "tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)",
        "model = AutoModel.from_pretrained(name, revision=revision, dtype=torch.float32)",
        f"tokens = tokenizer({s.inputs.sentence!r}, return_tensors='pt', split_special_tokens=True)",
        *(["tokens = {name: part[:, :32] for name, part in tokens.items()}"] if s.cut else []),
        "torch.set_grad_enabled(False)",
        "",
        "def vector(model):",
        "    return F.normalize(model(**tokens).last_hidden_state[0].mean(0), dim=0)",
        "",
        "base = vector(model)",
        f"for groups in {sizes}:",
        "    changed = copy.deepcopy(model)",
        "    for layer in changed.encoder.layer:",
        "        for part in (layer.attention.self.key, layer.attention.self.value):",
        "            for matrix in (part.weight, part.bias):",
        f"                heads = matrix.unflatten(0, (groups, {s.own} // groups, {s.d}))",
        "                matrix.copy_(heads.mean(1, keepdim=True).expand_as(heads).flatten(0, 2))",
        "    print(groups, base @ vector(changed))    # cosine with the untouched model",
    ])  # fmt: skip
