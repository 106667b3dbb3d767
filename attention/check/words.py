"""What the command says, in English and Chinese. Mistakes of arithmetic speak for themselves."""

from __future__ import annotations

from ..mistakes import MISTAKES
from .run import Verdict

SAYS: dict[str, tuple[str, str]] = {
    "right": ("right in all {right} cases", "{right} 例全部正确"),
    "gradients": (", gradients too", "，梯度也正确"),
    "wrong": (
        "wrong: {right} of 20 cases right, case {first} is the first that is not",
        "不对：20 例中对了 {right} 例，第 {first} 例开始出错",
    ),
    "unknown": ("This is none of the known mistakes.", "这不属于任何一种已知的错误。"),
    "gradient": (
        "the numbers are right, but no right gradient flows in case {first} "
        "(is something detached, or computed outside torch?)",
        "数值正确，但第 {first} 例的梯度不对（是否用了 detach，或在 torch 之外计算？）",
    ),
    "crash": (
        "stopped in case {first}, line {line} of your file: {code}\n    {error}",
        "第 {first} 例出错，停在你文件的第 {line} 行：{code}\n    {error}",
    ),
    "absent": ("not there", "没有找到这个函数"),
    "timeout": ("took longer than {limit:g} s and was stopped", "超过 {limit:g} 秒，已停止"),
    "file": (
        "The file stops before any function: line {line}: {code}\n    {error}",
        "文件还没运行到函数就停了：第 {line} 行：{code}\n    {error}",
    ),
    "inverted_mask": (
        "The mask is read the wrong way round: True = may attend.",
        "掩码的含义弄反了：True 表示可以看。",
    ),
    "nan_row": (
        "A row that may attend to nothing gives NaN (0/0); by the rule it gives zeros.",
        "一个键都不许看的行得到了 NaN（0/0）；按约定应当是 0。",
    ),
    "h_not_squared": ("The bandwidth is not squared.", "带宽没有平方。"),
    "no_two": ("The 2 in 2 h² is missing.", "2h² 中的 2 漏掉了。"),
    "halves": (
        "All sines come first, then all cosines; they should take turns.",
        "正弦全在前、余弦全在后；两者应当交替排列。",
    ),
    "swapped": ("Sine and cosine are swapped.", "正弦和余弦的位置互换了。"),
    "full_power": ("The exponent is 4i/d: the 2 was counted twice.", "指数成了 4i/d：2 乘了两次。"),
    "from_one": ("Positions count from 1; they count from 0.", "位置从 1 数起了，应当从 0 数起。"),
    "base_e": ("The base is e; it is 10000.", "底数用了 e，应当是 10000。"),
    "not_divided": (
        "The sum is not divided by the denominator at the end.",
        "最后没有除以分母。",
    ),
    "thousand": ("The base is 1000; it is 10000.", "底数用了 1000，应当是 10000。"),
    "no_transpose": (
        "The heads are cut without a transpose: a head's row mixes several tokens.",
        "拆分头时没有转置：一个头的一行混进了几个词。",
    ),
    "interleaved": (
        "A head takes every h-th feature; it takes d neighbouring ones.",
        "每个头取的是间隔的特征，应当取相邻的 d 个。",
    ),
    "heads_behind": (
        "The head dimension stands behind the tokens: (b, n, h, d), not (b, h, n, d).",
        "头的维度排在词后面了：是 (b, n, h, d)，应当是 (b, h, n, d)。",
    ),
    "divided_by_all": (
        "The padding is left out of the sum, but the sum is divided by all rows.",
        "求和时去掉了填充，除的却还是总行数。",
    ),
    "no_rescale": (
        "Old sums are not rescaled when the maximum grows.",
        "最大值变大时，没有重新缩放旧的累加和。",
    ),
    "old_output": (
        "The denominator is rescaled, the output so far is not.",
        "分母重新缩放了，已累加的输出却没有。",
    ),
    "last_only": ("Only the last key is kept.", "只保留了最后一个键。"),
    "late": (
        "The new key is added after the attention; a token is to see itself too.",
        "先做注意力后加入新键；词应当也能看到自己。",
    ),
    "start": (
        "Wrote {path}: fill in the functions, then run python -m attention.check {path}",
        "已写入 {path}：填好函数后运行 python -m attention.check {path}",
    ),
}


def say(key: str, lang: str = "en", **parts: object) -> str:
    """A sentence of the table, or a mistake's own."""
    if key not in SAYS:
        return MISTAKES[key].says[lang]
    return SAYS[key][lang == "zh"].format(**parts)


def describe(found: Verdict, lang: str = "en", limit: float = 30.0) -> str:
    """A verdict as one or a few lines."""
    parts = {
        "right": found.right,
        "first": found.first + 1,
        "line": found.line,
        "code": found.code,
        "error": found.error,
        "limit": limit,
    }
    said = say(found.state, lang, **parts)
    if found.state == "right" and found.name != "positional_encoding":
        said += say("gradients", lang)
    if found.state == "wrong":
        keys = found.mistakes or ("unknown",)
        said += "".join(f"\n    {say(key, lang)}" for key in keys)
    return f"{found.name}: {said}"
