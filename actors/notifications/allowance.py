"""A user's places: how many deliveries of one user may be under way, and how many in any window.

A place is held from the turn that grants it until the turn that hears the delivery's end, which encloses the call
itself; then it stays used for one window (PROTOCOL 12). So the providers' own logs never show a user over the limit.
Times are of the steady clock, which no step of the wall clock moves; after a reboot nothing is known of it, and all
that was used counts as used now. Who finds no place waits in a numbered line on disk, so one who floods delays nobody
else.
"""

import msgspec
from msgspec.structs import replace

from sagamore.engine.message import State
from sagamore.engine.policy import HOUR_MS

SENDS_MAX = 1_000  # of one window: their times are in a state that is written whole


class UserLimit(msgspec.Struct, frozen=True, kw_only=True):
    """`sends_max` in any `window_ms`, 0 for no such limit; `under_way_max` at once, so that users share a channel."""

    sends_max: int = 0
    window_ms: int = HOUR_MS
    under_way_max: int = 32


class Allowance(State, tag="notifications.allowance", version=1, omit_defaults=True):
    """Kept under `allowance:USER`, while a place is held or used, or somebody waits."""

    user_id: str
    held: int = 0
    used_until: tuple[int, ...] = ()
    """Steady ms at which used places are free again, rising."""
    boot: str = ""
    first: int = 1
    last: int = 0
    """The numbers that wait; none if `last` is before `first`."""

    @property
    def line(self) -> int:
        """How many wait."""
        return self.last - self.first + 1

    @property
    def idle(self) -> bool:
        """Nothing to remember."""
        return not self.held and not self.used_until and not self.line


def at_time(allowance: Allowance, limit: UserLimit, steady_ms: int, boot: str) -> Allowance:
    """As it stands now."""
    if allowance.boot != boot:
        used = (steady_ms + limit.window_ms,) * len(allowance.used_until)
        return replace(allowance, boot=boot, used_until=used)
    if allowance.used_until and allowance.used_until[0] <= steady_ms:
        return replace(allowance, used_until=tuple(t for t in allowance.used_until if t > steady_ms))
    return allowance


def has_place(allowance: Allowance, limit: UserLimit) -> bool:
    """Whether one more may begin, of an allowance as it stands now."""
    if allowance.held >= limit.under_way_max:
        return False
    return not limit.sends_max or allowance.held + len(allowance.used_until) < limit.sends_max


def given_back(allowance: Allowance, limit: UserLimit, steady_ms: int) -> Allowance:
    """One has ended."""
    used = (*allowance.used_until, steady_ms + limit.window_ms) if limit.sends_max else ()
    return replace(allowance, held=allowance.held - 1, used_until=used)


def allowance_key(user_id: str) -> str:
    """The key of a user's allowance."""
    return f"allowance:{user_id}"


class Waiting(State, tag="notifications.waiting", version=1):
    """One number of a user's line, kept under `line:USER/NUMBER`."""

    delivery: str


def line_key(user_id: str, number: int) -> str:
    """The key of a number in a user's line."""
    return f"line:{user_id}/{number:012}"
