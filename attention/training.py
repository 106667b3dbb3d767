"""One way to train: stop, pack, carry, go on.

A long training runs in chunks whose state the browser carries, so the server keeps nothing. A
:class:`Recipe` says what is trained and where its randomness comes from, a :class:`Run` is one
training under way, and ``Run.pack`` and ``Run.unpack`` turn it into bytes and back. Two chunks of
ten steps are one of twenty, bit for bit.

What comes back has been in other hands: ``states`` checks it before any of it is used.

>>> def loss(model, generator):
...     return model(torch.ones(1, 1)).square().sum()
>>> recipe = Recipe("doctest", lambda generator: nn.Linear(1, 1), loss, adam=False)
>>> run = Run.begin(recipe, seed=0)
>>> before = run.advance(0.1)
>>> Run.unpack(recipe, 0, run.pack()).advance(0.1) < before
True
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from .giving_way import give_way
from .states import (
    MAX_BYTES,
    MAX_STEPS,
    VERSION_KEY,
    check_numbers,
    check_size,
    check_step,
    check_whole,
    read_state,
)

__all__ = [
    "MAX_BYTES", "MAX_STEPS", "VERSION", "Diverged", "Recipe", "Run", "check_whole", "generator_at",
    "go_on", "load_model", "recipe_of", "train_steps",
]  # fmt: skip

VERSION = 2  # of the bytes; one more whenever a state of yesterday cannot go on today
MAX_NUMBER = 1000.0
# "task" is what the bytes call a recipe
_RECIPE, _SEED, _STEP, _GENERATOR = (f"training.{what}" for what in ("task", "seed", "step", "generator"))

Model = TypeVar("Model", bound=nn.Module)


def _is_finite(x: Tensor) -> bool:
    # one sum as a rule; a sum may overflow where every number is finite
    return math.isfinite(x.sum().item()) or bool(x.isfinite().all())


class Diverged(ValueError):
    """The numbers of a training ran away."""


@dataclass(frozen=True)
class Recipe(Generic[Model]):
    """What is trained, and how; shared by all its runs.

    name: whose states these are; a state of another name is refused. model(generator): the network
    with its first parameters. loss(model, generator): the scalar loss of one batch, all randomness
    from the generator. seeds(seed, draw): the number that seeds the generator before each draw, 0
    for the first parameters and t for the batch of step t; None, the default: seeded once, by the
    seed, the generator runs on, and a state carries its place. adam: Adam (Kingma and Ba 2015,
    algorithm 1), default, or plain gradient descent. clip: the largest norm of a gradient, default
    no limit. largest: the largest parameter of an honest run, default 1000. backward(model, generator):
    the same loss and its gradient for each parameter, written out; None, the default: autograd finds them.
    """

    name: str
    model: Callable[[torch.Generator], Model]
    loss: Callable[[Model, torch.Generator], Tensor]
    seeds: Callable[[int, int], int] | None = None
    adam: bool = True
    clip: float | None = None
    largest: float = MAX_NUMBER
    backward: Callable[[Model, torch.Generator], tuple[Tensor, list[Tensor]]] | None = None

    @property
    def number(self) -> int:
        return zlib.crc32(self.name.encode())


class Run(Generic[Model]):
    """A training under way: a model, the moments of Adam, a seed, steps done, a place in randomness."""

    def __init__(self, recipe: Recipe[Model], seed: int) -> None:
        """Step 0: parameters from the seed."""
        self.recipe, self.seed, self.step = recipe, seed, 0
        self.generator = torch.Generator().manual_seed(seed)
        self._seed_draw(0)
        self.model = recipe.model(self.generator)
        self.parameters = list(self.model.parameters())  # found by a walk through all modules
        self.optimizer = torch.optim.Adam(self.parameters, foreach=True) if recipe.adam else None

    @classmethod
    def begin(cls, recipe: Recipe[Model], seed: int) -> Run[Model]:
        return cls(recipe, seed)

    def measure(self) -> float:
        """The loss of the next step and its gradients; no parameter moves.

        Raises :class:`Diverged` where one of them is no finite number.
        """
        give_way()
        self._seed_draw(self.step + 1)
        if self.recipe.backward is None:
            for parameter in self.parameters:
                parameter.grad = None
            loss = self.recipe.loss(self.model, self.generator)
        else:
            loss, gradients = self.recipe.backward(self.model, self.generator)
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = gradient
        number = loss.item()
        finite = math.isfinite(number)
        if finite and self.recipe.backward is None:
            loss.backward()
        if not finite or not all(_is_finite(p.grad) for p in self.parameters if p.grad is not None):
            raise Diverged(
                f"the training diverged at step {self.step + 1}; start again, with a lower learning rate"
            )
        return number

    def update(self, learning_rate: float) -> None:
        """One step along the gradients that :meth:`measure` found."""
        if self.recipe.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        if self.optimizer is not None:
            self.optimizer.param_groups[0]["lr"] = learning_rate
            self.optimizer.step()
        else:
            with torch.no_grad():
                for parameter in self.parameters:
                    if parameter.grad is not None:
                        parameter.sub_(learning_rate * parameter.grad)
        self.step += 1

    def advance(self, learning_rate: float) -> float:
        """One whole step -> the loss before it."""
        loss = self.measure()
        self.update(learning_rate)
        return loss

    def pack(self) -> bytes:
        """The run as bytes. Raises ``ValueError`` if it has left the bounds of :meth:`unpack`."""
        tensors = self._tensors()
        check_step(self.step)
        self._check_numbers(tensors)
        state = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
        check_size(state)
        return state

    @classmethod
    def unpack(cls, recipe: Recipe[Model], seed: int, state: bytes) -> Run[Model]:
        """The run that :meth:`pack` wrote. state comes from outside, so nothing in it is believed.

        Raises ``ValueError`` unless it is at most 2 MB of safetensors of this version, recipe and
        seed, with exactly the tensors of such a run (names, shapes, dtypes), all within bounds.
        """
        run = cls(recipe, seed)
        held = read_state(state, run._tensors())
        for name, wanted, what in (
            (VERSION_KEY, VERSION, "version"), (_RECIPE, recipe.number, "model"),
            (_SEED, seed, "seed"),
        ):  # fmt: skip
            got = int(held[name])
            if got != wanted:
                raise ValueError(
                    f"this training was begun with {what} {got}, got {what} {wanted}; go on with its "
                    f"own {what}, or start again: a training state fits one version, model and seed"
                )
        run.step = int(held[_STEP])
        check_step(run.step)
        run._check_numbers(held)
        run._take(held)
        return run

    def _seed_draw(self, draw: int) -> None:
        if self.recipe.seeds is not None:
            self.generator.manual_seed(self.recipe.seeds(self.seed, draw))

    def _tensors(self) -> dict[str, Tensor]:
        """Everything a run is, by name."""
        numbers = {VERSION_KEY: VERSION, _RECIPE: self.recipe.number, _SEED: self.seed, _STEP: self.step}
        tensors = {name: torch.tensor(number) for name, number in numbers.items()}
        if self.recipe.seeds is None:
            tensors[_GENERATOR] = self.generator.get_state()
        for name, parameter in self.model.named_parameters():
            tensors[f"parameter.{name}"] = parameter.detach()
            if self.optimizer is not None:
                moments = self.optimizer.state.get(parameter, {})
                for ours, theirs in (("mean", "exp_avg"), ("square", "exp_avg_sq")):
                    moment = moments.get(theirs, torch.zeros_like(parameter))
                    tensors[f"adam.{ours}.{name}"] = moment.detach()
        return tensors

    def _take(self, held: dict[str, Tensor]) -> None:
        """Go to where the checked tensors of a state are."""
        if self.recipe.seeds is None:
            try:
                self.generator.set_state(held[_GENERATOR])
            except RuntimeError as error:
                raise ValueError(f"the training state holds no randomness ({error}); start again") from None
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(held[f"parameter.{name}"])
                if self.optimizer is not None:
                    self.optimizer.state[parameter] = {
                        "step": torch.tensor(float(self.step)),
                        "exp_avg": held[f"adam.mean.{name}"],
                        "exp_avg_sq": held[f"adam.square.{name}"],
                    }

    def _check_numbers(self, tensors: dict[str, Tensor]) -> None:
        """Bounds of every honest run: a gradient of norm c leaves no mean above c, no square above c^2."""
        clip = self.recipe.clip
        mean, square = (MAX_NUMBER,) * 2 if clip is None else (1.001 * clip, 1.001 * clip**2)
        limits = {"parameter": self.recipe.largest, "adam.mean": mean, "adam.square": square}
        check_numbers(tensors, limits)


def go_on(
    recipe: Recipe[Model], state: bytes | None, *, seed: int, steps: int, learning_rate: float
) -> tuple[Run[Model], list[float]]:
    """``steps`` steps more: state None begins, bytes go on -> the run, and the loss of each step."""
    run = Run.begin(recipe, seed) if state is None else Run.unpack(recipe, seed, state)
    check_step(run.step + steps)
    return run, [run.advance(learning_rate) for _ in range(steps)]


def generator_at(seed: int, step: int) -> torch.Generator:
    """The randomness of one step, counted from 0, of one training: the same wherever it runs.

    Step -1 is for the first parameters. Raises ``ValueError`` unless seed is in [0, 2^31).
    """
    return torch.Generator().manual_seed(_seeds(seed, step + 1))


def _seeds(seed: int, draw: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(f"seed must be a whole number in [0, {2**31}), got {seed!r}")
    return seed * (MAX_STEPS + 1) + draw


def train_steps(
    model: nn.Module,
    loss_at: Callable[[torch.Generator], Tensor],
    state: bytes | None,
    *,
    seed: int,
    steps: int,
    learning_rate: float,
) -> tuple[bytes, int, list[float]]:
    """Run ``steps`` steps of Adam on from ``state``, with the randomness of :func:`generator_at`.

    model: freshly made from ``generator_at(seed, -1)`` and owned by the caller; its parameters are
        overwritten by the state's and then trained in place. loss_at(generator): the loss of one
        batch. state: None begins. steps in [1, 1000]; learning_rate in (0, 0.1].
    Returns ``(state, steps done in all, losses of this chunk)``. Raises ``ValueError`` for numbers
    outside, for a state of another model or seed, and for a training that diverges.
    """
    check_whole("steps", steps, 1, 1000)
    if not 0 < learning_rate <= 0.1:
        raise ValueError(f"learning_rate must lie in (0, 0.1], got {learning_rate!r}")
    recipe = recipe_of(model, lambda _, generator: loss_at(generator))
    run, losses = go_on(recipe, state, seed=seed, steps=steps, learning_rate=learning_rate)
    return run.pack(), run.step, losses


def load_model(state: bytes, model: Model, seed: int) -> Model:
    """Fill model with the parameters that a state of :func:`train_steps` carries, and return it.

    Raises ``ValueError`` for a state of another model or seed.
    """
    return Run.unpack(recipe_of(model, lambda *_: torch.zeros(())), seed, state).model


def recipe_of(model: Model, loss: Callable[[Model, torch.Generator], Tensor]) -> Recipe[Model]:
    """The recipe of :func:`train_steps`: a model that is there already, seeded anew at each step."""
    return Recipe(type(model).__name__, lambda _: model, loss, _seeds)
