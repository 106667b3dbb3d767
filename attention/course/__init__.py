"""An assignment goes out as a link, hand-ins come back as links, and the server keeps nothing.

1. ``format``    what an assignment and a hand-in are: typed, versioned, bounded
2. ``compact``   the same as text for a link (deflate, base64url), and as a JSON file
3. ``marks``     every mark computed again from inputs and answer
4. ``collate``   a class: table, histograms of guesses, the commonest misconception, CSV

``python -m attention.course collate FILES...`` prints a class. What recomputing can tell: a mark
that was edited is not taken over, since none is carried. What it cannot: who typed the answer, how
often it was really tried, or whether it was copied; attempts and names are what the file says.

>>> link = to_text(Assignment("Lesson", steps=(Step("?tab=heads"),)))
>>> read_assignment(link).steps[0].view
'?tab=heads'
"""

from .collate import Class, collate
from .compact import read_assignment, read_hand_in, to_json, to_text
from .format import Answer, Assignment, HandIn, Question, Step, Target
from .marks import AnswerOf, Mark, Results, mark

__all__ = [
    "Answer",
    "AnswerOf",
    "Assignment",
    "Class",
    "HandIn",
    "Mark",
    "Question",
    "Results",
    "Step",
    "Target",
    "collate",
    "mark",
    "read_assignment",
    "read_hand_in",
    "to_json",
    "to_text",
]
