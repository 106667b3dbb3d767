"""Writing one word at a time, in five files; :mod:`~attention.decode.passes` is the way in."""

from .passes import Around, Decoder, Written, forward, moved_keys, write

__all__ = ["Around", "Decoder", "Written", "forward", "moved_keys", "write"]
