"""Training the storyteller, and what it can and cannot do, each a measured share.

``python -m attention.storyteller train`` makes the shipped weights and figures again (the same ones
from the same seed, on one thread); ``python -m attention.storyteller figures`` measures the shipped
weights once more and prints them.

The figures: held-out accuracy is the share of stories about pairs never met together (see
:mod:`~attention.storyteller.sentences`) whose settled word the model finds likeliest, 500 a pattern
and language. The checkpoints tell when each pattern was learned: the loss falls smoothly, a pattern
arrives in a jump. :data:`LIMITS` are stories one step beyond what was taught; those it fails are listed
as "cannot".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..assets import assets
from ..masks import pad_sequences
from .limits import LIMITS
from .sentences import END, LANGUAGES, NAMES, PATTERNS, UNKNOWN, Story, make_story, make_text, vocabulary
from .transformer import Sizes, Storyteller

WEIGHTS = assets() / "trained" / "storyteller.safetensors"
FIGURES = WEIGHTS.with_name("storyteller_figures.json")
SEED, STEPS, BATCH, RATE, DECAY = 0, 12_000, 64, 4e-3, 0.1
FAILS = 0.6  # a share of LIMITS below this counts as "cannot"
COUNT = 500  # held-out stories of each pattern and language
CHECKPOINTS = range(0, 8000, 1000)  # by then every pattern has come; the end is always one more


def encode(words: Iterable[str]) -> list[int]:
    """Words to their numbers; a word that no story uses is ``<unk>``."""
    numbers = _numbers()
    return [numbers.get(word, numbers[UNKNOWN]) for word in words]


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(vocabulary())}


def train(
    seed: int = SEED,
    steps: int = STEPS,
    report: Callable[[dict[str, Any]], None] = lambda checkpoint: None,
    sizes: Sizes | None = None,
) -> tuple[Storyteller, list[dict[str, Any]]]:
    """AdamW (Loshchilov and Hutter 2019) under a one-cycle rate, on stories drawn as it goes.

    Returns the model and its checkpoints ``{"step", "loss", "accuracy": {"gave.en": ...}}``: the
    mean loss per word of the last 50 steps, and accuracy on 100 held-out stories of each pattern
    and language. report: called with each of them at once. All randomness comes from ``seed``.
    """
    generator = torch.Generator().manual_seed(seed)
    model = Storyteller(sizes or Sizes(len(vocabulary())), generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1, pct_start=0.1)
    examples = held_out_stories(100, seed=1)
    checkpoints: list[dict[str, Any]] = []
    losses: list[float] = []
    for step in range(steps + 1):
        if step in CHECKPOINTS or step == steps:
            checkpoints.append({
                "step": step,
                "loss": round(sum(losses[-50:]) / len(losses[-50:]), 3) if losses else None,
                "accuracy": {name: round(accuracy(model, one), 4) for name, one in examples.items()},
            })  # fmt: skip
            report(checkpoints[-1])
        if step == steps:
            break
        loss = _loss(model, [make_text(generator) for _ in range(BATCH)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return model.eval().requires_grad_(False), checkpoints


def _loss(model: Storyteller, texts: Sequence[tuple[tuple[str, ...], tuple[int, ...]]]) -> Tensor:
    """Cross-entropy of every next word up to the end mark, plus that of the settled words alone.

    Most words of a story cannot be known (which of ten people?), and what they add to the gradient is
    noise; so the ones that can be known are counted apart, or learning them takes ten times as long.
    Where a person enters, each of the ten counts alike: the training says that somebody comes, not
    who. Asked who, the model would learn beside whom nobody was ever met, and would not say a
    held-out name even where the rule asks for it.
    """
    ids, lengths = pad_sequences([encode(words) for words, _ in texts])
    target = ids[:, 1:]
    logits = model(ids[:, :-1])
    log = logits.log_softmax(-1)
    every = -log.gather(-1, target[..., None])[..., 0]
    language, enters = _entering(ids)
    anybody = -(log @ _people().T).gather(-1, language[..., None])[..., 0]
    every = torch.where(enters, anybody, every)[torch.arange(1, ids.shape[1]) < lengths[:, None]].mean()
    rows = torch.tensor([row for row, (_, settled) in enumerate(texts) for _ in settled])
    at = torch.tensor([at - 1 for _, settled in texts for at in settled])
    return every + F.cross_entropy(logits[rows, at], target[rows, at])


@lru_cache(maxsize=1)
def _people() -> Tensor:
    """(languages, V): an even share for each name of a language."""
    shares = torch.zeros(len(LANGUAGES), len(vocabulary()))
    for row, language in enumerate(LANGUAGES):
        shares[row, encode(NAMES[language])] = 1 / len(NAMES[language])
    return shares


def _entering(ids: Tensor) -> tuple[Tensor, Tensor]:
    """ids (b, n) -> for every word but the first: whose language a name is of, 0 for other words, and
    whether it is a name that its text had not said before; both (b, n - 1)."""
    names = _people() > 0
    target = ids[:, 1:]
    earlier = torch.ones(ids.shape[1] - 1, ids.shape[1], dtype=torch.bool).tril()  # word j + 1, its past
    said = ((target[:, :, None] == ids[:, None, :]) & earlier).any(-1)
    return names[:, target].int().argmax(0), names[:, target].any(0) & ~said


def held_out_stories(count: int = COUNT, seed: int = 2) -> dict[str, list[Story]]:
    """``count`` held-out stories by name, ``"gave.en"`` to ``"question.zh"``."""
    generator = torch.Generator().manual_seed(seed)
    return {
        f"{pattern}.{language}": [make_story(pattern, language, generator, True) for _ in range(count)]
        for pattern in PATTERNS
        for language in LANGUAGES
    }


@torch.no_grad()
def accuracy(model: Storyteller, stories: Sequence[Story]) -> float:
    """The share of stories whose settled word is the likeliest next one."""
    prompts, lengths = pad_sequences([encode(story.prompt) for story in stories])
    likeliest = torch.cat([model(part).argmax(-1) for part in torch.split(prompts, 250)])
    found = likeliest.gather(1, lengths[:, None] - 1)[:, 0]
    wanted = torch.tensor(encode(story.answer for story in stories))
    return (found == wanted).float().mean().item()


def measure(model: Storyteller) -> dict[str, dict[str, float]]:
    """Both kinds of figures: ``"held_out"`` by pattern and language, ``"limits"`` by name."""
    generator = torch.Generator().manual_seed(3)
    limits = {
        name: accuracy(model, [limit.make(generator) for _ in range(COUNT)]) for name, limit in LIMITS.items()
    }
    held_out = {name: accuracy(model, stories) for name, stories in held_out_stories().items()}
    return {"held_out": held_out, "limits": limits}


def save(model: Storyteller, checkpoints: list[dict[str, Any]], seed: int) -> None:
    """Weights and vocabulary to :data:`WEIGHTS`, figures and checkpoints to :data:`FIGURES`."""
    tensors = {name: weight.contiguous() for name, weight in model.state_dict().items()}
    words = json.dumps(vocabulary(), ensure_ascii=False)
    save_file(tensors, WEIGHTS, metadata={"vocabulary": words, "sizes": json.dumps(vars(model.sizes))})
    found = measure(model)
    kept = {
        "seed": seed,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "stories": COUNT,
        **found,
        "cannot": {name: LIMITS[name].sentence for name, share in found["limits"].items() if share < FAILS},
        "checkpoints": checkpoints,
    }
    FIGURES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    figures.cache_clear()


@lru_cache(maxsize=1)
def load() -> Storyteller:
    """The shipped storyteller, frozen. Raises ``ValueError`` for weights of another vocabulary."""
    with safe_open(WEIGHTS, "pt") as opened:
        known = opened.metadata()
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if tuple(json.loads(known["vocabulary"])) != vocabulary():
        raise ValueError(
            f"{WEIGHTS.name} was trained on other words than the stories have now; train it again "
            "with python -m attention.storyteller train"
        )
    model = Storyteller(Sizes(**json.loads(known["sizes"])))
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False)


@lru_cache(maxsize=1)
def figures() -> dict[str, Any]:
    """The kept figures, as :func:`save` wrote them."""
    found: dict[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    return found


__all__ = [
    "END", "FIGURES", "WEIGHTS", "accuracy", "encode", "figures", "held_out_stories", "load",
    "measure", "save", "train",
]  # fmt: skip
