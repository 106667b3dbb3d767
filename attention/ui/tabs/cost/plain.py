"""The five scenes of the cost tab in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....storyteller.train import encode
from ...page.plain import pretrained, program, storyteller
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
    """Word after word with keys and values kept; the row of weights of the word just read."""
    given = ids_of(s.model, s.inputs.story, "cost.story")[0].tolist()
    ids = [*given, *(one.token for one in s.ledger[: s.at])]
    if s.inputs.writer != "storyteller":
        return _cached_large(s, ids)
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


def _cached_large(s: Cached, ids: list[int]) -> str:
    ahead = "" if s.inputs.looks_back else ", attention_mask=torch.zeros(1, 1, n, n)"
    return program([
        *pretrained(s.inputs.writer, "AutoModelForCausalLM", tokenizer=False),
        "",
        f"ids = torch.tensor([{ids}])    # {' '.join(s.tokens)!r}",
        *([] if s.inputs.looks_back else ["n = ids.shape[1]    # every word also looks ahead"]),
        "with torch.no_grad():",
        f"    output = model(input_ids=ids{ahead}, use_cache=True, output_attentions=True)",
        f"print(output.attentions[{s.inputs.layer}][0, {s.inputs.head}, -1])    # the new query's row",
        "kept = output.past_key_values.layers    # a cache keeps these: several heads share a key",
        "print(sum(4 * (layer.keys.numel() + layer.values.numel()) for layer in kept))    # bytes",
        "print(output.logits[0, -1].argmax())    # the next word",
    ])  # fmt: skip


def shared(s: Shared) -> str:
    """Heads that share keys and values, each the mean of its neighbours, or short vectors in their place:
    what the model keeps."""
    kind = s.chosen.kind
    sizes = [form.size for form in s.forms if form.kind == kind]
    if s.inputs.model == "storyteller":
        return _shared_story(s, sizes, kind == "latent")
    return _shared_pretrained(s, sizes, kind == "latent")


def _shared_story(s: Shared, sizes: list[int], latent: bool) -> str:
    ids = ids_of(s.model, s.inputs.sentence, "cost.sentence")[0].tolist()
    lines = storyteller(ids, s.tokens, shared="" if latent else "share")
    start = next(i for i, line in enumerate(lines) if line.startswith("x = w["))
    share = [
        "def share(part):    # (heads, n, 16)",
        "    means = part.unflatten(0, (groups, -1)).mean(1)",
        "    return means.repeat_interleave(4 // groups, 0)",
    ]
    squeeze = [
        "def squeeze(w_qkv):    # keys and values from the best few numbers there are",
        "    axes = torch.linalg.svd(w_qkv[64:], full_matrices=False)[0][:, :rank]",
        "    return torch.cat([w_qkv[:64], axes @ (axes.T @ w_qkv[64:])])",
    ]
    body, w_qkv = lines[start:], "w[at + 'attention.w_qkv']"
    if latent:
        body = [line.replace(w_qkv, f"squeeze({w_qkv})") for line in body]
    name = "rank" if latent else "groups"
    return program([
        *lines[:start],
        *(squeeze if latent else share),
        "",
        f"for {name} in {sizes}:",
        *(f"    {line}" for line in body),
        "    chances = logits[-1].softmax(-1)",
        f"    print({name}, chances[{int(s.whole.answer.argmax())}])    # of {s.word!r}",
    ])  # fmt: skip


def _shared_pretrained(s: Shared, sizes: list[int], latent: bool) -> str:
    encoder, name = s.model.kind == "encoder", "rank" if latent else "groups"
    layers, own = ("encoder.layer", "attention.self") if encoder else ("model.layers", "self_attn")
    key, value = ("key", "value") if encoder else ("k_proj", "v_proj")
    mean = [
        f"    for layer in changed.{layers}:",
        f"        for part in (layer.{own}.{key}, layer.{own}.{value}):",
        "            for matrix in part.parameters():",
        f"                heads = matrix.unflatten(0, (groups, {s.own} // groups, {s.d}))",
        "                matrix.copy_(heads.mean(1, keepdim=True).expand_as(heads).flatten(0, 2))",
    ]
    squeeze = [
        f"    for layer in changed.{layers}:    # keys and values from the best few numbers there are",
        f"        parts = layer.{own}.{key}.weight, layer.{own}.{value}.weight",
        "        both = torch.cat(parts)",
        "        axes = torch.linalg.svd(both, full_matrices=False)[0][:, :rank]",
        "        for part, new in zip(parts, (axes @ (axes.T @ both)).chunk(2)):",
        "            part.copy_(new)",
    ]
    answer = [
        "def vector(model):",
        "    return F.normalize(model(**tokens).last_hidden_state[0].mean(0), dim=0)",
        "",
        "base = vector(model)",
    ] if encoder else [
        "def chance(model):    # of the untouched model's likeliest word",
        f"    return model(**tokens).logits[0, -1].softmax(-1)[{int(s.whole.answer.argmax())}]",
        "",
    ]  # fmt: skip
    kept = "base @ vector(changed))    # cosine with the untouched model" if encoder else (
        f"chance(changed))    # of {s.word!r}"
    )  # fmt: skip
    return program([
        "import copy",
        *pretrained(s.inputs.model, "AutoModel" if encoder else "AutoModelForCausalLM", eager=False,
                    functional=encoder),
        f"tokens = tokenizer({s.inputs.sentence!r}, return_tensors='pt', split_special_tokens=True)",
        *(["tokens = {name: part[:, :32] for name, part in tokens.items()}"] if s.cut else []),
        "torch.set_grad_enabled(False)",
        "",
        *answer,
        f"for {name} in {sizes}:",
        "    changed = copy.deepcopy(model)",
        *(squeeze if latent else mean),
        f"    print({name}, {kept}",
    ])  # fmt: skip
