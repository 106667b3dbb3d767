"""``python -m attention.classifier``: see :func:`attention.classifier.main`."""

from . import main

main()
