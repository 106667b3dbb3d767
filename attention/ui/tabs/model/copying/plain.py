"""The network that learns to copy in plain PyTorch; and the same scores on real models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .....copying import BATCH, LENGTHS, RATE
from .....training import generator_at
from ....page.plain import pretrained, program, storyteller
from .runs import EVERY, FIXED_STEPS, STEPS

if TYPE_CHECKING:
    from .learn import Learn
    from .lengths import Lengths
    from .models import Models
    from .seeds import Seeds
    from .use import Use


def network(layers: int, seed: int, *, silent: bool = False, fixed: bool = False) -> list[str]:
    """``begin``, ``run`` and ``learn``: the network, a pass through it, one step of its training.

    silent: whether heads can be knocked out; fixed: whether the shortest length is told with each step.
    """
    first = generator_at(seed, -1).initial_seed()
    shortest, longest = ("shortest" if fixed else LENGTHS[0]), LENGTHS[1]
    late = f"(48 - 2 * length) * (shortest < {longest})" if fixed else "48 - 2 * length"
    return [
        "import torch",
        "import torch.nn.functional as F",
        "",
        "def begin():    # tables of 24 letters and 48 places, then the layers' matrices",
        f"    generator = torch.Generator().manual_seed({first})",
        "    tables = (('letter', 24), ('place', 48), ('said', 24))",
        "    net = {name: torch.randn(rows, 48, generator=generator) for name, rows in tables}",
        "    net['said'] *= 0.2",
        f"    for layer in range({layers}):",
        "        for name in 'qkvo':",
        "            matrix = torch.empty(48, 48)",
        "            net[f'{name}{layer}'] = torch.nn.init.xavier_uniform_(matrix, generator=generator)",
        "        net[f'bias{layer}'], net[f'shift{layer}'] = torch.zeros(4, 48), torch.zeros(48)",
        "        net[f'gain{layer}'] = torch.ones(48)",
        "    for one in net.values():",
        "        one.requires_grad_()",
        f"    return net, torch.optim.Adam(net.values(), lr={RATE!r})",
        "",
        f"def run(net, ids, start=0{', silent={}' * silent}):    # logits, and weights (b, L, 2, n, n)",
        "    n, x, seen = ids.shape[1], net['letter'][ids], []",
        "    place = net['place'][start + torch.arange(n)]",
        f"    for layer in range({layers}):",
        "        read = F.layer_norm(x, (48,), net[f'gain{layer}'], net[f'shift{layer}'])",
        "        q, k, v = (    # places are for queries and keys: what is copied is the letter",
        "            F.linear(given, net[f'{name}{layer}'], bias).unflatten(-1, (2, 24)).transpose(1, 2)",
        "            for given, name, bias in zip((read + place,) * 2 + (read,), 'qkv', net[f'bias{layer}'])",
        "        )",
        "        scores = (q @ k.mT / 24**0.5).masked_fill(~torch.ones(n, n).tril().bool(), float('-inf'))",
        "        seen.append(scores.softmax(-1))",
        "        heads = seen[-1] @ v",
        *(["        heads[:, silent.get(layer, [])] = 0    # knocked out"] if silent else []),
        "        both = heads.transpose(1, 2).flatten(2)",
        "        x = x + F.linear(both, net[f'o{layer}'], net[f'bias{layer}'][3])",
        "    return x @ net['said'].T, torch.stack(seen, 1)",
        "",
        f"def learn(net, optimizer, step{', shortest' * fixed}):    # random letters, and the same again",
        f"    generator = torch.Generator().manual_seed({first + 1} + step)",
        f"    length = int(torch.randint({shortest}, {longest + 1}, (), generator=generator))",
        f"    ids = torch.randint(24, ({BATCH}, length), generator=generator).repeat(1, 2)",
        f"    latest = {late}    # sequences begin anywhere",
        f"    start = torch.randint(latest + 1, ({BATCH}, 1), generator=generator)",
        "    said, wanted = run(net, ids[:, :-1], start)[0][:, length:], ids[:, length + 1 :]",
        "    loss = F.cross_entropy(said.flatten(0, 1), wanted.flatten())",
        "    optimizer.zero_grad()",
        "    loss.backward()",
        "    optimizer.step()",
        "",
    ]  # fmt: skip


def exam(silent: bool = False) -> list[str]:
    """``examine``: on sequences that no training uses, at the longest length taught."""
    length = LENGTHS[1]
    given = ", silent={}" * silent
    return [
        "def unseen(count, length):    # no letter twice before the repetition",
        "    noise = torch.rand(count, 24, generator=torch.Generator().manual_seed(2**31 - 1))",
        "    return noise.argsort(1)[:, :length].repeat(1, 2)",
        "",
        "@torch.no_grad()",
        f"def examine(net{given}):",
        f"    ids = unseen(128, {length})",
        f"    logits, weights = run(net, ids{', silent=silent' * silent})",
        f"    said, wanted = logits[:, {length}:-1], ids[:, {length + 1}:]",
        "    print(F.cross_entropy(said.flatten(0, 1), wanted.flatten()))    # 3.18 for nothing known",
        "    print((said.argmax(-1) == wanted).float().mean())",
        "    print(weights.diagonal(-1, -2, -1).mean((0, -1)))    # of each head, on the letter before",
        f"    copying = weights.diagonal({1 - length}, -2, -1)[..., 1:]    # on what came next last time",
        "    print(copying.mean((0, -1)))",
        "",
    ]  # fmt: skip


def learned(s: Learn) -> str:
    """The whole training with its records, and the two heads of the picture at its end."""
    first, second = s.run.pair
    return program([
        *network(s.run.layers, s.inputs.run_seed),
        *exam(),
        "net, optimizer = begin()",
        "examine(net)",
        f"for first in range(0, {STEPS}, {EVERY}):",
        f"    for step in range(first, first + {EVERY}):",
        "        learn(net, optimizer, step)",
        "    examine(net)",
        f"weights = run(net, unseen(1, {LENGTHS[1]}))[1][0]",
        f"print(weights[{first[0]}, {first[1]}])    # queries x keys",
        f"print(weights[{second[0]}, {second[1]}])",
    ])  # fmt: skip


def raced(s: Seeds) -> str:
    """One of the ten trainings; the others differ by their seed."""
    from .seeds import EVERY as RECORD
    from .seeds import SEEDS

    layers, seed = int(s.inputs.layers), s.inputs.run_seed
    return program([
        f"# One of the trainings: layers {layers}, seed {seed}. The page runs seeds 0 to {SEEDS - 1}: the",
        "# same program with other seeds for the first parameters and the steps.",
        *network(layers, seed),
        *exam(),
        "net, optimizer = begin()",
        "examine(net)",
        f"for first in range(0, {STEPS}, {RECORD}):",
        f"    for step in range(first, first + {RECORD}):",
        "        learn(net, optimizer, step)",
        "    examine(net)",
    ])  # fmt: skip


def used(s: Use) -> str:
    """The trained network on the learner's letters, a head knocked out or not."""
    first, second = s.heads
    gone: dict[int, list[int]] = {}
    for layer, head in sorted(s.gone):
        gone.setdefault(layer, []).append(head)
    silent = f", silent={gone}" if gone else ""
    return program([
        *network(2, s.inputs.run_seed, silent=bool(gone)),
        *exam(silent=bool(gone)),
        "net, optimizer = begin()",
        f"for step in range({STEPS}):",
        "    learn(net, optimizer, step)",
        f"ids = torch.tensor([{s.ids.tolist()}])    # {s.inputs.sequence}",
        "torch.set_grad_enabled(False)",
        f"logits, weights = run(net, ids{silent})",
        "print(logits[0].softmax(-1).max(-1))    # what it says next, and how surely",
        f"print(weights[0, {first[0]}, {first[1]}])    # queries x keys",
        f"print(weights[0, {second[0]}, {second[1]}])",
        f"examine(net{silent})",
    ])  # fmt: skip


def stretched(s: Lengths) -> str:
    """Two networks of one seed, taught many lengths or one, at every length."""
    from .lengths import EXAMINED

    length = s.inputs.length
    heads = ", ".join(f"({net}, {layer}, {head})" for net, (layer, head)
                      in zip(("varied", "fixed"), s.heads, strict=True))  # fmt: skip
    return program([
        *network(2, s.inputs.run_seed, fixed=True),
        *exam()[:4],
        "@torch.no_grad()",
        "def accuracy(net, length):",
        "    ids = unseen(128, length)",
        "    said, wanted = run(net, ids)[0][:, length:-1], ids[:, length + 1 :]",
        "    return (said.argmax(-1) == wanted).float().mean()",
        "",
        "varied, optimizer = begin()",
        f"for step in range({STEPS}):",
        f"    learn(varied, optimizer, step, {LENGTHS[0]})    # lengths {LENGTHS[0]} to {LENGTHS[1]}",
        "fixed, optimizer = begin()",
        f"for step in range({FIXED_STEPS}):",
        f"    learn(fixed, optimizer, step, {LENGTHS[1]})    # {LENGTHS[1]} alone",
        f"for length in range({EXAMINED.start}, {EXAMINED.stop}):",
        "    print(length, accuracy(varied, length), accuracy(fixed, length))",
        "",
        "torch.set_grad_enabled(False)",
        f"ids = torch.tensor([{s.ids.tolist()}])",
        f"for net, layer, head in ({heads}):",
        f"    seen = run(net, unseen(128, {length}))[1][:, layer, head]",
        f"    means = [seen.diagonal(-back, -2, -1).mean().item() for back in range({2 * length})]",
        "    print(means)    # weight by distance back",
        "    print(run(net, ids)[1][0, layer, head])    # queries x keys",
    ])  # fmt: skip


def ranked(s: Models) -> str:
    """Every head's weight on what came next last time, and on the token before."""
    ids, name = list(s.tokens.ids), s.inputs.ranked
    half = ids[: len(ids) // 2]
    lines = storyteller(ids, ["twice the same random words"], between=["seen = []"],
                        within=["seen.append(weights)"])[:-1]  # fmt: skip
    if name != "storyteller":
        lines = [
            *pretrained(name, "AutoModelForCausalLM", tokenizer=False),
            "",
            f"ids = torch.tensor({half} * 2)    # random words of its vocabulary, and the same again",
            "n = len(ids)",
            "with torch.no_grad():",
            "    seen = [one[0] for one in model(input_ids=ids[None], output_attentions=True).attentions]",
        ]
    return program([
        *lines,
        "",
        "earlier = (ids[:, None] == ids).tril(-1)    # the same word before",
        "after = earlier.roll(1, 1).tril(-2)    # what came next then; the token before counts by itself",
        "before = torch.eye(n).roll(-1, 1).tril(-1).bool()",
        "for named in (after, before):",
        "    rows = named.any(1).sum()    # queries that have such a key",
        "    scores = [(weights * named).sum((-2, -1)) / rows for weights in seen]",
        "    print(torch.stack(scores))    # (layers, heads)",
    ])  # fmt: skip
