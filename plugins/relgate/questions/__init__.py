"""How each question before a rollout is asked: the world is asked here, what came is judged in ``preflight``.

One function for each gate, in the module of its subject; each returns an ``Answer`` or raises a RelgateError that says
why nobody could answer.
"""

from relgate.questions.answer import Answer
from relgate.questions.table import of

__all__ = ["Answer", "of"]
