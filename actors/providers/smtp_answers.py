"""What an SMTP server says, and what it means for a delivery with one recipient.

before DATA     no answer, no connection, TLS, EHLO, AUTH    not reached: our set-up or the network, never the message
MAIL FROM       5xx about its size                           refused
                anything else                                not reached: the sender is our set-up
RCPT TO         4xx, 530, 534, 535, 538                      not reached: nothing was accepted
                other 5xx                                    refused; the address is dead if the enhanced code says so
DATA, the dot   250                                          sent
                4xx                                          not reached: it definitively was not accepted
                5xx                                          refused
                anything else, or no answer                  unknown

A reply that throttles (421 4.7.0, 450 4.7.1) names no time to come back: not reached, and the breaker slows down.
"""

import re
from typing import Literal

import msgspec

from sagamore.actors.notifications.channel import permanent
from sagamore.engine.effect import NotReached, Outcome, Unknown
from sagamore.engine.text import storable

Step = Literal["MAIL FROM", "RCPT TO", "DATA"]
LOST = 0
"""As a code: the connection broke before a reply came."""
SHOWN_CHARACTERS_MAX = 300  # of what the server said

_AUTHENTICATION = frozenset({530, 534, 535, 538})
_DEAD = frozenset({"5.1.1", "5.1.3", "5.1.6", "5.1.10"})
"""No such mailbox, no such syntax, moved, and a domain that takes no mail. Not 5.2.1 (disabled, but also too much mail
at once), not 5.1.2 (a domain that is not found today), and never a 550 alone, which may be a matter of policy: a live
address taken for dead costs every later message."""
_TOO_LARGE = frozenset({"5.2.3", "5.3.4"})
_enhanced = re.compile(r"5\.\d{1,3}\.\d{1,3}(?![\d.])").match


class Reply(msgspec.Struct, frozen=True):
    """What came instead of the reply that goes on."""

    step: Step
    code: int
    text: str

    @property
    def connection_ended(self) -> bool:
        """Nothing more can be said on that connection: it broke, or the server said 421 or what is no reply."""
        return self.code == 421 or not 400 <= self.code < 600

    def outcome(self) -> Outcome:
        """What it means."""
        said = f"{self.step}: {self.code or 'no answer,'} {shown(self.text)}"
        if 400 <= self.code < 500:
            return NotReached(said)
        if not 500 <= self.code < 600:
            return Unknown(said) if self.step == "DATA" else NotReached(said)
        found = _enhanced(self.text)
        enhanced = found.group() if found else ""
        about_sender = self.step == "MAIL FROM" and self.code != 552 and enhanced not in _TOO_LARGE
        if about_sender or self.code in _AUTHENTICATION:
            return NotReached(said)
        return permanent(f"smtp_{self.code}", said, dead_address=enhanced in _DEAD)


class NoConnection(Exception):
    """There is none, and why."""


def shown(text: str) -> str:
    """A server's words in one line that can be stored."""
    return storable(" ".join(text[:SHOWN_CHARACTERS_MAX].split()))
