"""``python -m attention.check mine.py``: is your own attention right, and if not, which mistake is it?

Runs on the learner's machine only, their file in a process of its own with a time limit. ``cases``
draws what is asked, ``wrong`` holds the seeded wrong programs, ``run`` judges one function,
``words`` says it in English and Chinese.
"""
