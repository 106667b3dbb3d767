"""Judge one function: twenty cases, gradients, and the name of the mistake."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from .cases import REFERENCE, Arguments, call, copy, draw, leaves
from .wrong import pairs, single

STATES = ("right", "wrong", "gradient", "crash", "absent", "timeout")


@dataclass(frozen=True)
class Verdict:
    """state: one of STATES. mistakes: keys, one or two. first: place of the first case not right.

    right: how many of the twenty were. line, code: the line of theirs that crashed; error: its last line.
    """

    name: str
    state: str
    right: int = 0
    mistakes: tuple[str, ...] = ()
    first: int = -1
    line: int = 0
    code: str = ""
    error: str = ""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judge(name: str, function: Callable[..., Any] | None, seed: int = 0, path: str = "") -> Verdict:
    """Run ``function`` on the twenty cases of ``name``; path: their file, whose lines a crash shows."""
    if function is None:
        return Verdict(name, "absent")
    cases = draw(name, seed)
    expected = [call(name, REFERENCE[name], copy(case)) for case in cases]
    given = []
    for place, case in enumerate(cases):
        try:
            given.append(call(name, function, copy(case)).detach())
        except (Exception, SystemExit) as error:  # theirs may raise anything
            return _crash(name, error, path, place)
    right = [_same(a, b) for a, b in zip(given, expected, strict=True)]
    if not all(right):
        return Verdict(name, "wrong", sum(right), _name(name, cases, expected, given), right.index(False))
    if leaves(cases):
        for place, case in enumerate(cases):
            try:
                same = _same_gradient(name, function, case)
            except (Exception, SystemExit) as error:
                return _crash(name, error, path, place)
            if not same:
                return Verdict(name, "gradient", len(cases), first=place)
    return Verdict(name, "right", len(cases))


def _same(given: Tensor, expected: Tensor) -> bool:
    """Equal to 1e-5 of the largest number (float32 is good enough), NaN only where NaN is expected."""
    if given.shape != expected.shape:
        return False
    given, expected = given.double(), expected.double()
    finite = expected[expected.isfinite()]
    size = max(1.0, float(finite.abs().max())) if finite.numel() else 1.0
    return torch.allclose(given, expected, rtol=1e-4, atol=1e-5 * size, equal_nan=True)


def _same_gradient(name: str, function: Callable[..., Any], case: Arguments) -> bool:
    """d/d inputs of a fixed weighted sum of the outputs; an output without a gradient has none."""
    found = []
    for run in (REFERENCE[name], function):
        inputs = copy(case, gradient=True)
        output = call(name, run, inputs)
        if not output.requires_grad:
            return False
        factors = torch.linspace(-1, 1, output.numel(), dtype=torch.float64).reshape(output.shape)
        wanted = leaves(inputs)
        got = torch.autograd.grad((output.double() * factors).sum(), wanted, allow_unused=True)
        found.append([torch.zeros_like(x) if g is None else g for x, g in zip(wanted, got, strict=True)])
    return all(_same(mine, theirs) for theirs, mine in zip(*found, strict=True))


def _name(name: str, cases: list[Arguments], expected: list[Tensor], given: list[Tensor]) -> tuple[str, ...]:
    """The one seeded fault, or else the one pair, that gives these answers in every case."""
    for programs in (single(name), pairs(name)):
        fitting = []
        for key, program in programs.items():
            for mine, case in zip(given, cases, strict=True):
                if not _same(mine, call(name, program, copy(case))):
                    break
            else:
                fitting.append(key)
        if fitting:
            return tuple(fitting[0].split("+")) if len(fitting) == 1 else ()
    return ()


def _crash(name: str, error: BaseException, path: str, place: int) -> Verdict:
    said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == path:
            return Verdict(name, "crash", place, (), place, frame.lineno or 0, frame.line or "", said)
    return Verdict(name, "crash", place, (), place, 0, "", said)
