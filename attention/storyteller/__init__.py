"""Chapter 8: a whole language model in the open.

Small enough that every number of it can be looked at, and trained here, on sentences made here:

- ``model``      the network, GPT-2's layout in under 200 lines, and every point of a pass
- ``sentences``  what it reads: five patterns in two languages, with people who never meet in training
- ``train``      ``python -m attention.storyteller train`` makes the shipped weights, ``figures`` measures
- ``limits``     what it cannot do, as stories: measured too
- ``writing``    a word chosen by a number that anyone can check
- ``pretrained.adopted``  the same weights as one of the pretrained models, running ``attend``

What it is: two layers of four heads that continue a few hundred thousand possible stories. What it is
not: it knows no word beyond its vocabulary, nothing about the world, and fails one step beyond what it
was shown (:data:`~attention.storyteller.limits.LIMITS`, with its shares in the figures).
"""
