"""``python -m attention.recommender``: see :func:`attention.recommender.main`."""

from . import main

main()
