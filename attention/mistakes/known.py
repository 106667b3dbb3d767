"""Every known slip of attention arithmetic, as a computation: Sheet -> the sheet filled in wrong.

A mistake keeps everything else right, and what follows from it follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..paper import KINDS, Cell, Sheet, cells, mean_over, number, raw_scores, tables

Tables = dict[str, Tensor]
SHOWS = 0.0005  # a change smaller than half of the third decimal is not seen on paper


@dataclass(frozen=True)
class Mistake:
    """key: its name in code, links and files. kinds: the sheets on which it can be made.

    ways: how people make it, each Sheet -> tables. says: a sentence in English and in Chinese
    about the number given. mute: where it changes nothing and why, "" where it always shows.
    """

    key: str
    kinds: tuple[str, ...]
    ways: tuple[Callable[[Sheet], Tables], ...]
    says: Mapping[str, str]
    mute: Mapping[str, str] | None = None


MISTAKES: dict[str, Mistake] = {}


def _known(
    en: str, zh: str, *, kinds: tuple[str, ...] = ("attention",), mute: tuple[str, str] | None = None
) -> Callable[[Callable[[Sheet], Tables]], Callable[[Sheet], Tables]]:
    def register(way: Callable[[Sheet], Tables]) -> Callable[[Sheet], Tables]:
        key = way.__name__
        hushed = None if mute is None else {"en": mute[0], "zh": mute[1]}
        MISTAKES[key] = Mistake(key, kinds, (way,), {"en": en, "zh": zh}, hushed)
        return way

    return register


def _finish(sheet: Sheet, score: Tensor, numerator: Tensor, weight: Tensor | None = None) -> Tables:
    """What follows from numerators (n, m), with a row of no numerator giving zeros."""
    denominator = numerator.sum(-1, keepdim=True)
    if weight is None:
        weight = torch.where(denominator > 0, numerator / denominator, 0.0)
    output = weight @ sheet.tensors()[2]
    return {
        "score": score,
        "numerator": numerator,
        "denominator": denominator,
        "weight": weight,
        "output": output,
        "entropy": torch.special.entr(weight).sum(-1, keepdim=True),
        "mean": mean_over(output, sheet.real),
    }


def _numerators(score: Tensor, mask: Tensor, dim: int = -1, base: float = math.e) -> Tensor:
    """base^(score - largest allowed along dim), 0 where masked."""
    shift = score.masked_fill(~mask, -math.inf).amax(dim, keepdim=True)
    return ((score - shift) * math.log(base)).exp().masked_fill(~mask, 0.0)


def _scaled(sheet: Sheet, scale: float) -> Tables:
    score = raw_scores(sheet) * scale
    return _finish(sheet, score, _numerators(score, sheet.tensors()[3]))


@_known("That is the answer without the division by √d.", "这是没有除以 √d 得到的结果。")
def no_scale(sheet: Sheet) -> Tables:
    return _scaled(sheet, 1.0)


@_known(
    "That is the answer with √d_model in place of √d, the width of one head.",
    "这里除的是 √d_model，应当除以单个头的 √d。",
)
def scale_by_d_model(sheet: Sheet) -> Tables:
    return _scaled(sheet, 1 / math.sqrt(sheet.d_model))


@_known(
    "That is a softmax over the wrong axis: over the queries of a column, not the keys of a row.",
    "softmax 的方向错了：这是沿一列的各个查询做的，应当沿一行的各个键做。",
    kinds=KINDS,
)
def softmax_axis(sheet: Sheet) -> Tables:
    right, mask = tables(sheet)["score"], sheet.tensors()[3]
    numerator = _numerators(right, mask, dim=0)
    denominator = numerator.sum(0, keepdim=True)
    weight = torch.where(denominator > 0, numerator / denominator, 0.0)
    return _finish(sheet, right, _numerators(right, mask), weight)


@_known("That is the answer without the mask.", "这是没有用掩码得到的结果。")
def unmasked(sheet: Sheet) -> Tables:
    score = tables(sheet)["score"]
    return _finish(sheet, score, _numerators(score, torch.ones_like(score, dtype=torch.bool)))


@_known(
    "That is what -1e9 in place of a mask gives a row that may attend to nothing: equal weights. "
    "By the rule here they are 0.",
    "用 -1e9 代替掩码时，一个键都不许看的行会得到相等的权重；按这里的约定，这一行应当全是 0。",
)
def minus_1e9(sheet: Sheet) -> Tables:
    score, mask = tables(sheet)["score"], sheet.tensors()[3]
    filled = torch.where(mask.any(-1, keepdim=True), _numerators(score, mask), 1.0)
    return _finish(sheet, score, filled)


@_known(
    "That is the mean over all rows, the padding counted as if it were a word.",
    "这是对所有行求的平均，把填充也当成词算进去了。",
)
def mean_over_padding(sheet: Sheet) -> Tables:
    return tables(sheet) | {"mean": tables(sheet)["output"].mean(0, keepdim=True)}


@_known(
    "That is the softmax taken before the scaling: the weights were divided by √d, not the scores.",
    "先做了 softmax 才缩放：除以 √d 的是权重，而不是分数。",
)
def softmax_before_scaling(sheet: Sheet) -> Tables:
    # from the weights on: a score not yet scaled would be the mistake no_scale
    right = tables(sheet)
    weight = no_scale(sheet)["weight"] * sheet.scale
    return _finish(sheet, right["score"], right["numerator"], weight)


@_known(
    "That is exp of the score itself, the row's largest not taken away first.",
    "这是直接对分数取 exp，没有先减去这一行的最大值。",
    kinds=KINDS,
    mute=(
        "In the weights it makes no difference while exp(score) is finite: numerator and denominator "
        "grow by the same factor. In float32 exp overflows above 88.7, in float16 above 11.",
        "只要 exp(分数) 没有溢出，权重就不受影响：分子和分母乘了同一个数。"
        "float32 超过 88.7、float16 超过 11 就会溢出。",
    ),
)
def no_shift(sheet: Sheet) -> Tables:
    score, mask = tables(sheet)["score"], sheet.tensors()[3]
    return _finish(sheet, score, score.exp().masked_fill(~mask, 0.0))


def _value_rows(sheet: Sheet, step: int) -> Tables:
    right = tables(sheet)
    output = right["weight"] @ sheet.tensors()[2].roll(step, 0)
    return right | {"output": output, "mean": mean_over(output, sheet.real)}


@_known(
    "That is the sum with the value of a neighbouring row: a weight met another key's value.",
    "值的行对错了：权重乘的是相邻一行的值，而不是同一个键的值。",
    kinds=KINDS,
)
def wrong_value_row(sheet: Sheet) -> Tables:
    return _value_rows(sheet, 1)


@_known(
    "That is the answer with weights not renormalised: the softmax went over all keys, and the "
    "masked weights were put to 0 afterwards.",
    "权重没有重新归一化：softmax 是对所有键做的，之后才把掩住的权重改成 0。",
)
def not_renormalised(sheet: Sheet) -> Tables:
    every = unmasked(sheet)
    weight = every["weight"].masked_fill(~sheet.tensors()[3], 0.0)
    return _finish(sheet, every["score"], every["numerator"], weight)


@_known(
    "That is the answer with the sign of the distance forgotten: far points score highest.",
    "距离前面的负号丢了：离得越远，分数反而越高。",
    kinds=("distance",),
)
def distance_sign(sheet: Sheet) -> Tables:
    return _scaled(sheet, -sheet.scale)


@_known(
    "That is the answer with base 2 in place of e, for exp or for the logarithm.",
    "底数用错了：这里的指数或对数是以 2 为底的，应当以 e 为底。",
    kinds=KINDS,
)
def base(sheet: Sheet) -> Tables:
    score, mask = tables(sheet)["score"], sheet.tensors()[3]
    return _finish(sheet, score, _numerators(score, mask, base=2.0))


def _bits(sheet: Sheet) -> Tables:
    """Right but for the unit of the entropy: log to base 2."""
    return tables(sheet) | {"entropy": tables(sheet)["entropy"] / math.log(2)}


def _add_way(key: str, way: Callable[[Sheet], Tables]) -> None:
    known = MISTAKES[key]
    MISTAKES[key] = Mistake(key, known.kinds, (*known.ways, way), known.says, known.mute)


_add_way("wrong_value_row", lambda sheet: _value_rows(sheet, -1))
_add_way("base", _bits)


@lru_cache(maxsize=4096)
def computed(sheet: Sheet, key: str) -> tuple[Tables, ...]:
    """The sheet as each way of the mistake fills it in; kept, since it depends on nothing else."""
    return tuple(way(sheet) for way in MISTAKES[key].ways)


def wrong_tables(sheet: Sheet, key: str, way: int = 0) -> Tables:
    """The sheet as the mistake fills it in. Raises ``ValueError`` where it cannot be made."""
    if key not in MISTAKES or sheet.kind not in MISTAKES[key].kinds:
        known = [name for name, mistake in MISTAKES.items() if sheet.kind in mistake.kinds]
        raise ValueError(f"on a sheet of kind {sheet.kind} the mistakes are {', '.join(known)}; got {key!r}")
    return computed(sheet, key)[way]


def changed_cells(sheet: Sheet, key: str, way: int = 0, at_least: float = SHOWS) -> list[Cell]:
    """The cells whose number the mistake changes by more than ``at_least``; [] = it does not show."""
    wrong = wrong_tables(sheet, key, way)
    return [
        cell
        for cell in cells(sheet)
        if abs(float(wrong[cell.table][cell.row, cell.column]) - number(sheet, cell)) > at_least
    ]
