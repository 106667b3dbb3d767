"""``python -m attention.seq2seq``: see :func:`attention.seq2seq.main`."""

from . import main

main()
