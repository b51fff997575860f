"""A user's places: how many deliveries of one user may be under way, and how many in any window.

A place is held from the turn that grants it until the turn that hears the delivery's end, which encloses the call
itself; then it stays used for one window (PROTOCOL 12). So the providers' own logs never show a user over the limit.
Times are of the steady clock, which no step of the wall clock moves; after a reboot nothing is known of it, and all
that was used counts as used now. Who finds no place waits in a numbered line on disk, so one who floods delays nobody
else.
"""

import msgspec
from msgspec.structs import replace

from sagamore.engine.message import Record, State
from sagamore.engine.policy import HOUR_MS

SENDS_MAX = 1_000  # of one window: their times are in a state that is written whole


class UserLimit(msgspec.Struct, frozen=True, kw_only=True):
    """`sends_max` in any `window_ms` over all channels, 0 for no such limit; `under_way_max` at once on each channel,
    which users share."""

    sends_max: int = 0
    window_ms: int = HOUR_MS
    under_way_max: int = 32


class Places(Record, frozen=True, omit_defaults=True):
    """On one channel: a provider that hangs there holds none of another's."""

    channel: str
    held: int = 0
    first: int = 1
    last: int = 0
    """The numbers that wait; none if `last` is before `first`."""

    @property
    def line(self) -> int:
        """How many wait."""
        return self.last - self.first + 1


class Allowance(State, tag="notifications.allowance", version=1, omit_defaults=True):
    """Kept under `allowance:USER`, while a place is held or used, or somebody waits."""

    user_id: str
    places: tuple[Places, ...] = ()
    """Of the channels on which one is held or waited for."""
    used_until: tuple[int, ...] = ()
    """Steady ms at which used places are free again, rising."""
    boot: str = ""

    def of(self, channel: str) -> Places:
        """Those on a channel."""
        return next((places for places in self.places if places.channel == channel), Places(channel))

    def having(self, changed: Places) -> "Allowance":
        """Those on a channel changed."""
        others = tuple(places for places in self.places if places.channel != changed.channel)
        return replace(self, places=(*others, changed) if changed.held or changed.line else others)

    @property
    def held(self) -> int:
        """On all channels."""
        return sum(places.held for places in self.places)

    @property
    def line(self) -> int:
        """How many wait, on all channels."""
        return sum(places.line for places in self.places)

    @property
    def idle(self) -> bool:
        """Nothing to remember."""
        return not self.places and not self.used_until


def at_time(allowance: Allowance, limit: UserLimit, steady_ms: int, boot: str) -> Allowance:
    """As it stands now."""
    if allowance.boot != boot:
        used = (steady_ms + limit.window_ms,) * len(allowance.used_until)
        return replace(allowance, boot=boot, used_until=used)
    if allowance.used_until and allowance.used_until[0] <= steady_ms:
        return replace(allowance, used_until=tuple(t for t in allowance.used_until if t > steady_ms))
    return allowance


def has_place(allowance: Allowance, limit: UserLimit, channel: str) -> bool:
    """Whether one more may begin there, of an allowance as it stands now."""
    if allowance.of(channel).held >= limit.under_way_max:
        return False
    return not limit.sends_max or allowance.held + len(allowance.used_until) < limit.sends_max


def must_wait(allowance: Allowance, limit: UserLimit, channel: str) -> bool:
    """Whether a new one has to join the line: there is no place, or one that waits would be passed over."""
    waiting = allowance.line if limit.sends_max else allowance.of(channel).line
    return bool(waiting) or not has_place(allowance, limit, channel)


def taken(allowance: Allowance, channel: str, change: int = 1) -> Allowance:
    """One more begins there; or one less, that has not used its place."""
    places = allowance.of(channel)
    return allowance.having(replace(places, held=places.held + change))


def joined(allowance: Allowance, channel: str) -> Allowance:
    """One more waits there, under the last number."""
    places = allowance.of(channel)
    return allowance.having(replace(places, last=places.last + 1))


def called(allowance: Allowance, channel: str) -> Allowance:
    """The first that waits there has its place."""
    places = allowance.of(channel)
    return allowance.having(replace(places, first=places.first + 1, held=places.held + 1))


def given_back(allowance: Allowance, limit: UserLimit, channel: str, steady_ms: int) -> Allowance:
    """One has ended there, and used its place."""
    used = (*allowance.used_until, steady_ms + limit.window_ms) if limit.sends_max else ()
    return replace(taken(allowance, channel, -1), used_until=used)


def allowance_key(user_id: str) -> str:
    """The key of a user's allowance."""
    return f"allowance:{user_id}"


class Waiting(State, tag="notifications.waiting", version=1):
    """One number of a user's line on a channel, kept under `line:USER/CHANNEL/NUMBER`."""

    delivery: str


def line_key(user_id: str, channel: str, number: int) -> str:
    """The key of a number in a user's line on a channel."""
    return f"line:{user_id}/{channel}/{number:012}"
