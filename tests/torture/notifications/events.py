"""What the torture of notifications tells whom: users and events, drawn from (seed, number), so that every life, and
the judge, know them without being told; and how many deliveries each must become.

Three channels: `chat` (takes no key, its provider allows so many a second), `mail` (takes a key, the settings allow so
many), `text` (takes no key; the fallback of chat).
"""

from datetime import UTC, datetime, time
from random import Random
from zoneinfo import ZoneInfo

from msgspec import Struct

from sagamore.actors.notifications.allowance import UserLimit
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.effect import Rate
from sagamore.engine.message import Record

KEYED = {"chat": False, "mail": True, "text": False}
CHAT_RATE, MAIL_RATE = Rate(400, 1_000), Rate(80, 250)
USER_LIMIT = UserLimit(sends_max=10, window_ms=1_000, under_way_max=6)
HOT, HOT_SHARE = 0.01, 0.05  # of the users; of the events, which they get
BROADCAST_EVERY, AUDIENCE_USERS = 500, 50
QUIET_MIN = 10  # minutes: how long before the start quiet hours began


class Ping(Record, tag="PING", version=1):
    """To most."""

    n: int


class Alarm(Record, tag="ALARM", version=1):
    """Critical: whatever people wish, at whatever hour."""

    n: int


class Offer(Record, tag="OFFER", version=1):
    """Bulk."""

    n: int


class Code(Record, tag="CODE", version=1):
    """Rather not at all than twice."""

    n: int


class Parcel(Record, tag="PARCEL", version=1):
    """Told another way if nobody hears that it arrived; only scripts tell it."""

    n: int


CRITICAL = ("ALARM",)
NEVER_TWICE = ("CODE",)
SILENT = ("PARCEL",)
SILENCE_MS = 60_000
SETTINGS = NotificationSettings(
    event_types=(
        EventType(Ping, "pings"), EventType(Alarm, "alarms"), EventType(Offer, "offers"), EventType(Code, "codes"),
        EventType(Parcel, "parcels"),
    ),
    categories=(
        Category(name="pings", fallbacks={"chat": "text"}), Category(name="alarms", critical=True),
        Category(name="parcels", fallbacks={"mail": "text"}, silence_ms=SILENCE_MS), Category(name="offers", bulk=True),
        Category(name="codes", duplicates="never", expires_ms=20_000),
    ),
    user_limit=USER_LIMIT, rates={"mail": (MAIL_RATE,)},
)  # fmt: skip
CATEGORIES = {event_type.name: event_type.category for event_type in SETTINGS.event_types}


class Person(Struct, frozen=True):
    """A user."""

    id: str
    addresses: tuple[tuple[str, str], ...]
    opted_out: frozenset[tuple[str, str]]
    zone: str
    quiet: bool

    def quiet_hours(self, until_ms: int) -> tuple[time, time] | None:
        """Local times; they end at that Unix time, a whole minute."""
        if not self.quiet:
            return None
        begin, end = (
            datetime.fromtimestamp(until_ms // 1_000 - minutes * 60, UTC).astimezone(ZoneInfo(self.zone))
            for minutes in (QUIET_MIN, 0)
        )
        return time(begin.hour, begin.minute), time(end.hour, end.minute)

    def deliveries(self, event: "Told") -> int:
        """How many an event becomes, fallbacks not counted."""
        out = set() if event.type in CRITICAL else self.opted_out
        category = CATEGORIES[event.type]
        count = 0
        for channel in event.channels:
            addresses = sum(known == channel for known, _ in self.addresses)
            count += 1 if (category, channel) in out else max(1, addresses)
        return count


class Told(Struct, frozen=True):
    """An event, or a broadcast if it has no user."""

    user: str
    type: str
    channels: tuple[str, ...]
    expires_ms: int = 0
    """After it was begun, as all times."""
    send_in_ms: int = 0
    cancels: bool = False
    dedupe: str = ""


def person(seed: int, n: int) -> Person:
    """The n-th user."""
    chance = Random(f"{seed} user {n}")
    counts = {"chat": chance.choice((0, 1, 1, 2)), "mail": chance.choice((1, 1, 2)), "text": chance.choice((0, 1, 1))}
    addresses = tuple((channel, f"{channel}-{n}-{i}") for channel, count in counts.items() for i in range(count))
    wishes = {(category, channel) for category in CATEGORIES.values() for channel in KEYED if chance.random() < 0.08}
    zone = chance.choice(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"))
    return Person(f"u{n}", addresses, frozenset(wishes), zone, quiet=chance.random() < 0.1)


def audience(users: int) -> list[str]:
    """Whom broadcasts go to."""
    return [f"u{n}" for n in range(min(users, AUDIENCE_USERS))]


def told(seed: int, n: int, users: int) -> Told:
    """The n-th event."""
    if n % BROADCAST_EVERY == BROADCAST_EVERY // 2:
        return Told("", "OFFER", ("mail", "text"))
    chance = Random(f"{seed} event {n}")
    user = chance.randrange(max(2, round(users * HOT)) if chance.random() < HOT_SHARE else users)
    kind = chance.choices(("PING", "ALARM", "OFFER", "CODE"), (6, 1, 2, 1))[0]
    channels = tuple(chance.sample(("chat", "mail", "text"), chance.choice((1, 1, 2))))
    what = chance.random()
    dedupe = f"d{n // 20}" if chance.random() < 0.02 else ""
    if what < 0.05:
        return Told(f"u{user}", kind, channels, expires_ms=chance.randrange(50, 3_000), dedupe=dedupe)
    if what < 0.10:
        return Told(f"u{user}", kind, channels, send_in_ms=chance.randrange(500, 4_000), cancels=chance.random() < 0.6)
    return Told(f"u{user}", kind, channels, cancels=what > 0.97, dedupe=dedupe)
