"""What a provider said, made into what can be kept: a provider is somebody else's code.

What is no outcome, or an answer that cannot be stored, says nothing of what was done: it is unknown, and resolved like
every unknown outcome.
"""

from math import ceil

from sagamore.engine.effect import Declined, NotReached, Outcome, Succeeded, Throttled, Unknown
from sagamore.engine.text import ERROR_CHARACTERS_MAX, storable

RETRY_AFTER_MAX_MS = 2**53  # beyond it a float does not count milliseconds


def kept(answer: object) -> Outcome:
    """The outcome that a call ended with."""
    match answer:
        case Succeeded(text) | Declined(text) if type(text) is str and storable(text) == text:
            return answer
        case Throttled(int() | float() as wait_ms) if 0 <= wait_ms <= RETRY_AFTER_MAX_MS:
            return Throttled(ceil(wait_ms))
        case NotReached(str(reason)):
            return NotReached(storable(reason[:ERROR_CHARACTERS_MAX]))
        case Unknown(str(reason)):
            return Unknown(storable(reason[:ERROR_CHARACTERS_MAX]))
    return Unknown(storable(f"the provider answered {answer!r}"[:ERROR_CHARACTERS_MAX]))
