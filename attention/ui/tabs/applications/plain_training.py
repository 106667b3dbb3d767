"""Training classifier and recommender in plain PyTorch: every step's loss, then the held-out marks."""

from __future__ import annotations

from ....classifier import load_classifier
from ....training import generator_at
from ...page.plain import DATA, program
from .fields import Inputs
from .history import by_theme, history_of
from .reading import tokens_of

HEAD = [
    "import torch",
    "import torch.nn.functional as F",
    "from safetensors.torch import load_file",
]


def first_seed(inputs: Inputs) -> int:
    """The seed of the first parameters; step t has the t-th after it."""
    return generator_at(inputs.seed, -1).initial_seed()


def learn(inputs: Inputs, loss: list[str]) -> list[str]:
    """The loop: Adam along the gradients of a loss that draws its batch from ``generator``."""
    return [
        "for one in learned:",
        "    one.requires_grad_()",
        f"optimizer = torch.optim.Adam(learned, lr={inputs.learning_rate!r})",
        f"for step in range({inputs.steps}):",
        f"    generator = torch.Generator().manual_seed({first_seed(inputs) + 1} + step)",
        *(f"    {line}" for line in loss),
        "    optimizer.zero_grad()",
        "    loss.backward()",
        "    optimizer.step()",
        "    print(loss.item())    # nats",
        "",
        "torch.set_grad_enabled(False)",
    ]


def classifier_trained(inputs: Inputs) -> str:
    """All reviews, words hidden now and then; accuracy, and what the heads take from each token."""
    tokens = tokens_of(inputs.text)
    loss = [
        "batch = torch.randint(len(ids), (64,), generator=generator)",
        "hidden = torch.rand(64, ids.shape[1], generator=generator) < w['hidden'][ids[batch]]",
        "logits, _ = read(ids[batch].masked_fill(hidden, 1), lengths[batch])    # 1: an unknown word",
        "loss = F.cross_entropy(logits, labels[batch])",
    ]
    return program([
        *HEAD,
        "",
        f"w = load_file('reviews.safetensors')    {DATA}",
        "ids, lengths, labels = (w['training.' + name].long() for name in ('ids', 'lengths', 'labels'))",
        f"generator = torch.Generator().manual_seed({first_seed(inputs)})",
        "embedding = 0.2 * torch.randn(len(w['hidden']), 64, generator=generator)",
        "glorot = torch.nn.init.xavier_uniform_",
        "blocks = [glorot(torch.empty(64, 64), generator=generator) for _ in range(4)]",
        "w_qkv, w_o, b_qkv, b_o = torch.cat(blocks[:3]), blocks[3], torch.zeros(192), torch.zeros(64)",
        "weight, bias = torch.zeros(2, 64), torch.zeros(2)",
        "learned = [embedding, w_qkv, b_qkv, w_o, b_o, weight, bias]",
        "angles = torch.arange(64)[:, None] / 10000 ** (torch.arange(0, 64, 2) / 64)",
        "position = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)    # of 64 places",
        "",
        "def read(ids, lengths):    # (reviews, words) -> logits (reviews, 2), weights",
        "    real = torch.arange(ids.shape[1]) < lengths[:, None]",
        "    x = embedding[ids] + position[: ids.shape[1]]",
        "    parts = F.linear(x, w_qkv, b_qkv).chunk(3, -1)",
        "    q, k, v = (part.unflatten(-1, (4, 16)).transpose(1, 2) for part in parts)    # 4 heads",
        "    scores = (q @ k.mT / 4).masked_fill(~real[:, None, None], float('-inf'))    # 4 = sqrt(16)",
        "    weights = scores.softmax(-1)",
        "    output = F.linear((weights @ v).transpose(1, 2).flatten(2), w_o, b_o)",
        "    mean = (output * real[..., None]).sum(1) / lengths[:, None]",
        "    return F.linear(mean, weight, bias), weights",
        "",
        *learn(inputs, loss),
        "ids, lengths, labels = (w['held_out.' + name].long() for name in ('ids', 'lengths', 'labels'))",
        "right = (read(ids, lengths)[0].argmax(-1) == labels).float()",
        "print(right.mean(), right[w['held_out.pair']].mean())    # of all, of those in pairs",
        f"ids = torch.tensor([{load_classifier().encode(tokens)}])    # {' '.join(tokens)}",
        "logits, weights = read(ids, torch.tensor([ids.shape[1]]))",
        "print(logits.softmax(-1))    # negative, positive",
        "print(weights[0].mean(-2))    # what each head takes from each word",
    ])  # fmt: skip


def recommender_trained(inputs: Inputs) -> str:
    """All users' next items; recall, and how one candidate of each theme looks at the history."""
    history = history_of(inputs)
    rows = [next((i for i in ids if i not in history), ids[0]) for ids in by_theme()]
    loss = [
        "batch = torch.randint(len(wanted), (128,), generator=generator)",
        "loss = F.cross_entropy(score(history[batch])[0], wanted[batch])",
    ]
    return program([
        *HEAD,
        "",
        f"w = load_file('users.safetensors')    {DATA}",
        "history, wanted = w['training.history'], w['training.wanted']    # eight items each, and the next",
        f"generator = torch.Generator().manual_seed({first_seed(inputs)})",
        "item, w_q, w_k, w_v = (torch.randn(rows, 16, generator=generator) / 4 for rows in (64, 16, 16, 16))",
        "popularity = torch.zeros(64)",
        "learned = [item, w_q, w_k, w_v, popularity]",
        "",
        "def score(history):    # (users, m) -> scores (users, 64), weights (users, 64, m)",
        "    past = item[history]",
        "    query, key, value = item @ w_q.T, past @ w_k.T, past @ w_v.T",
        "    weights = (query @ key.mT / 4).softmax(-1)    # 4 = sqrt(16)",
        "    scores = (weights @ value * item).sum(-1) + popularity",
        "    return scores.scatter(-1, history, float('-inf')), weights    # nothing twice",
        "",
        *learn(inputs, loss),
        "best = score(w['held_out.history'])[0].topk(10).indices",
        "found = (best == w['held_out.wanted'][:, None]).float()",
        "print(found[:, :5].sum(-1).mean(), found.sum(-1).mean())    # recall at 5 and at 10",
        f"scores, weights = score(torch.tensor([{history}], dtype=torch.long))",
        "print(scores[0].argmax())    # the item it recommends first",
        f"print(weights[0, {rows}])    # one item of each theme, how it looks at the history",
    ])  # fmt: skip
