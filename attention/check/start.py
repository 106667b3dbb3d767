"""The file of stubs that ``--start`` writes."""

STUBS = '''"""Your own attention. Fill in what you like, delete the rest, then run
python -m attention.check THIS_FILE

Masks are boolean, True = may attend; a row that may attend to nothing gives zeros.
b batch, h heads, n queries, m keys, d features, v value features.
"""

import torch


def masked_softmax(scores, mask):
    """scores (n, m), mask (n, m) -> weights (n, m)."""
    raise NotImplementedError


def attend(query, key, value, mask=None):
    """query (b, h, n, d), key (b, h, m, d), value (b, h, m, v), mask (b, 1, n, m) -> (b, h, n, v)."""
    raise NotImplementedError


def split_heads(x, num_heads):
    """x (b, n, num_heads * d) -> (b, num_heads, n, d)."""
    raise NotImplementedError


def positional_encoding(length, d):
    """Sine and cosine in turn, base 10000 -> (length, d)."""
    raise NotImplementedError


def kernel_regression(queries, keys, values, bandwidth):
    """softmax(-(q - k)^2 / (2 bandwidth^2)) over the keys: (n,), (m,), (m,) -> (n,)."""
    raise NotImplementedError


def masked_mean(x, mask):
    """The mean over the words: x (b, n, d), mask (b, n) -> (b, d)."""
    raise NotImplementedError


def online_softmax(score_blocks, value_blocks):
    """Lists of scores (k,) and values (k, v), block by block -> softmax(all scores) @ values, (v,)."""
    raise NotImplementedError


class Cache:
    """Keys and values of the tokens so far."""

    def step(self, query, key, value):
        """One token, each (d,) -> its attention over all tokens so far, itself included, (d,)."""
        raise NotImplementedError
'''
