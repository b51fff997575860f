"""A user as notifications know them: addresses, language, time zone, wishes; and the addresses that are dead.

Everything personal is here and in notifications that have not ended: `users erase` removes both.
"""

from typing import Literal

from sagamore.engine.message import Record, State

ADDRESSES_MAX = 20  # of one user, over all channels; more is a list of people
PREFERENCES_MAX = 200  # categories times channels
DEAD_ADDRESSES_MAX = 50
DEDUPE_KEYS_MAX = 50

Dead = Literal["bounced", "complained", "refused"]


class Address(Record, frozen=True):
    """One way to reach a user."""

    channel: str
    address: str


class Preference(Record, frozen=True):
    """A wish; `*` is any category or any channel. The most specific one wins."""

    category: str
    channel: str
    allowed: bool


class QuietHours(Record, frozen=True):
    """Local times, minutes after midnight; from 22:00 to 7:00 is (1320, 420)."""

    begin_minute: int
    end_minute: int


class DeadAddress(Record, frozen=True):
    """Never written to again, not even by a critical category, until the address is set anew."""

    channel: str
    address: str
    why: Dead
    at_ms: int


class Deduplication(Record, frozen=True):
    """A key that was used, and until when an event that bears it again is a duplicate."""

    key: str
    notification: str
    until_ms: int


class User(State, tag="notifications.user", version=1, omit_defaults=True):
    """Kept under `user:ID`."""

    id: str
    addresses: tuple[Address, ...] = ()
    locale: str = ""
    zone: str = ""
    """IANA; empty is UTC."""
    preferences: tuple[Preference, ...] = ()
    quiet: QuietHours | None = None
    dead: tuple[DeadAddress, ...] = ()
    deduplication: tuple[Deduplication, ...] = ()

    def addresses_of(self, channel: str) -> tuple[str, ...]:
        """In the order in which they were set."""
        return tuple(known.address for known in self.addresses if known.channel == channel)

    def why_dead(self, channel: str, address: str) -> Dead | None:
        """Why an address must not be written to, or None."""
        return next((dead.why for dead in self.dead if (dead.channel, dead.address) == (channel, address)), None)


def user_key(user_id: str) -> str:
    """The key of a user's entity."""
    return f"user:{user_id}"
