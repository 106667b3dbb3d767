"""Why does a model write its thousandth word as fast as its tenth? It keeps the keys and values.

A decoder that looks only back never changes what it computed for a word once that word was read: later
words cannot reach it. So the keys and values of every layer can be kept, and a new word costs one query
row instead of a whole matrix. That is legal because of the causal mask alone: ``decode`` runs a model with
and without a cache, takes the mask away and measures how old keys change, and ``cache_pitfalls`` switches
on the mistakes that people make.

Shapes: b texts, n new tokens, m tokens so far, g key and value heads, d features.

>>> cache = KeyValueCache()
>>> keys, values = cache.append(0, torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))
>>> keys, values = cache.append(0, torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4))
>>> keys.shape, cache.length, cache.bytes  # 2 x 2 heads x 4 tokens x 4 features x 4 bytes
(torch.Size([1, 2, 4, 4]), 4, 256)
"""

from __future__ import annotations

import torch
from torch import Tensor


class KeyValueCache:
    """The keys (rotated, where a model rotates) and values of every layer, in buffers that double.

    seen: tokens appended so far; length: those still there, fewer after :meth:`evict`.
    """

    def __init__(self) -> None:
        self._buffers: list[list[Tensor]] = []  # per layer: keys and values (b, g, room, d)
        self._lengths: list[int] = []
        self._evicted = 0

    @property
    def length(self) -> int:
        return self._lengths[-1] if self._lengths else 0

    @property
    def seen(self) -> int:
        return self.length + self._evicted

    @property
    def bytes(self) -> int:
        """What the tokens that are there take, all layers; the room to grow is not counted."""
        pairs = (pair for layer in range(len(self._lengths)) for pair in self.view(layer))
        return sum(x.numel() * x.element_size() for x in pairs)

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add key and value (b, g, n, d) of n tokens; returns all of the layer so far (b, g, m, d).

        Layers come in order, from 0. Raises ``ValueError`` for another order or other shapes.
        """
        if layer > len(self._lengths) or key.shape[:-1] != value.shape[:-1]:
            raise ValueError(
                f"layers are filled in order and a key needs a value: got layer {layer} after "
                f"{len(self._lengths)} layers, shapes {tuple(key.shape)} and {tuple(value.shape)}"
            )
        if layer == len(self._lengths):
            self._buffers.append([key[..., :0, :], value[..., :0, :]])
            self._lengths.append(0)
        start, stop = self._lengths[layer], self._lengths[layer] + key.shape[-2]
        for which, new in enumerate((key, value)):
            old = self._buffers[layer][which]
            if old.shape[:-2] != new.shape[:-2] or old.shape[-1] != new.shape[-1]:
                raise ValueError(f"the cache holds {tuple(old.shape)}, got {tuple(new.shape)}")
            if stop > old.shape[-2]:  # twice the room each time: copying costs O(1) a token
                room = new.new_empty(*new.shape[:-2], max(2 * old.shape[-2], stop), new.shape[-1])
                room.narrow(-2, 0, start).copy_(old.narrow(-2, 0, start))
                old = self._buffers[layer][which] = room
            old.narrow(-2, start, stop - start).copy_(new)
        self._lengths[layer] = stop
        return self.view(layer)

    def view(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values (b, g, m, d) of a layer: views, not copies."""
        (key, value), length = self._buffers[layer], self._lengths[layer]
        return key.narrow(-2, 0, length), value.narrow(-2, 0, length)

    def evict(self, keep: int, first: int = 0) -> None:
        """Forget all but the first ``first`` and the last ``keep`` tokens, in every layer."""
        gone = self.length - keep - first
        if gone > 0:
            for layer, buffers in enumerate(self._buffers):
                for which, old in enumerate(self.view(layer)):
                    buffers[which] = torch.cat([old[..., :first, :], old[..., first + gone :, :]], -2)
                self._lengths[layer] -= gone
            self._evicted += gone
