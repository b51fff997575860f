"""What clients say to notifications, checked and made into messages. Pure; `sagamore/doors/` sends them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import msgspec

from sagamore.actors.checks import check_flag, check_list, check_mapping, check_span, check_time, check_type
from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.desk import Desk
from sagamore.actors.notifications.errors import UnknownChannel
from sagamore.actors.notifications.locale import check_locale
from sagamore.actors.notifications.messages import Notify, SetPreferences, SetUser
from sagamore.actors.notifications.template_needs import needed, with_fallbacks
from sagamore.actors.notifications.user import ADDRESSES_MAX, PREFERENCES_MAX, Address, Preference, QuietHours
from sagamore.actors.notifications.wishes import ANY
from sagamore.actors.text import check_text, shown
from sagamore.engine.errors import InvalidInput

CHANNELS_MAX = 20
DATA_FIELDS_MAX = 200
DATA_BYTES_MAX = 65_536  # what a template needs, and a push or webhook takes, is far less
DEDUPE_FOR = timedelta(hours=24)


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Something to tell a user: `{eventType, userId, channels, version, data}` as JSON."""

    event_type: str
    user_id: str
    channels: tuple[str, ...] = ()
    """Empty: where its type says."""
    version: int = 1
    """Of the data's schema; an older one than the program's is read as it was meant."""
    data: Mapping[str, Any] = {}
    dedupe_key: str = ""
    """A second event for the user with that key within `dedupe_for` is suppressed."""
    dedupe_for: timedelta = DEDUPE_FOR
    send_at: datetime | None = None
    expires_at: datetime | None = None
    """Not sent any more then; by default as its category says."""


def notify(event: Event, desk: Desk, notification_id: str) -> Notify:
    """Raises InvalidInput (UnknownEvent, UnknownChannel, BadEventData) naming the field."""
    check_type("event", event, Event)
    check_text("user_id", event.user_id)
    check_text("event_type", event.event_type)
    check_list("channels", event.channels, 0, CHANNELS_MAX)
    named = tuple(_channel(f"channels[{n}]", channel, desk.channels) for n, channel in enumerate(event.channels))
    check_mapping("data", event.data, 0, DATA_FIELDS_MAX)
    data = desk.types.check(event.event_type, event.version, event.data)
    _check_told(event.event_type, named, desk)
    if len(data.encode()) > DATA_BYTES_MAX:
        raise InvalidInput("data", f"{len(data.encode())} bytes", f"at most {DATA_BYTES_MAX} bytes")
    check_text("dedupe_key", event.dedupe_key, optional=True)
    dedupe_ms = check_span("dedupe_for", event.dedupe_for) // timedelta(milliseconds=1)
    return Notify(
        notification_id, event.user_id, data, named, event.dedupe_key, dedupe_ms if event.dedupe_key else 0,
        check_time("send_at", event.send_at), check_time("expires_at", event.expires_at),
    )  # fmt: skip


def _check_told(name: str, named: Sequence[str], desk: Desk) -> None:
    """Somewhere, and with templates; the channels of its type were looked at when the shop was opened."""
    event_type = desk.types.types[name]
    if not named and not event_type.channels:
        raise InvalidInput("channels", (), f"at least one: {name} goes to none by itself")
    for channel in with_fallbacks(named, desk.types.category(event_type.category)):
        if channel in desk.channels and (missing := desk.templates.missing(name, desk.channels[channel])):
            raise InvalidInput("channels", channel, needed(missing))


def set_user(
    user_id: str, channels: Mapping[str, Channel], *, addresses: Sequence[Any], locale: str, zone: str,
    preferences: Mapping[Any, Any], quiet_hours: Any, categories: Iterable[str],
) -> SetUser:  # fmt: skip
    """Raises InvalidInput (BadAddress, UnknownChannel) naming the field."""
    check_text("user_id", user_id, printable=True)
    check_list("addresses", addresses, 0, ADDRESSES_MAX)
    known: dict[Address, None] = {}
    for n, pair in enumerate(addresses):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InvalidInput(
                f"addresses[{n}]", shown(pair), "a channel and an address, as ('email', 'ann@example.com')"
            )
        channel = _channel(f"addresses[{n}]", pair[0], channels)
        address = check_text(f"addresses[{n}]", pair[1], most=4_096, provider=True, optional=True)
        known[Address(channel, channels[channel].check_address(address))] = None
    check_locale("locale", locale, optional=True)
    check_text("zone", zone, optional=True)
    if zone and zone not in _zones():
        raise InvalidInput("zone", shown(zone), "an IANA time zone, as Europe/Berlin")
    return SetUser(
        user_id, tuple(known), locale, zone, _preferences(preferences, channels, categories), _quiet(quiet_hours)
    )  # fmt: skip


def set_preferences(
    user_id: str, preferences: Mapping[Any, Any], channels: Mapping[str, Channel],
    categories: Iterable[str],
) -> SetPreferences:  # fmt: skip
    """Raises InvalidInput naming the field."""
    check_text("user_id", user_id)
    return SetPreferences(user_id, _preferences(preferences, channels, categories))


def _preferences(
    preferences: Mapping[Any, Any], channels: Mapping[str, Channel], categories: Iterable[str]
) -> tuple[Preference, ...]:
    check_mapping("preferences", preferences, 0, PREFERENCES_MAX)
    known = (*categories, ANY)
    wishes: list[Preference] = []
    for key, allowed in preferences.items():
        if not isinstance(key, tuple) or len(key) != 2:
            raise InvalidInput("preferences", shown(key), "(category, channel), each of them or '*'")
        category, channel = key
        if category not in known:
            raise InvalidInput("preferences", shown(category), f"a category: {', '.join(known)}")
        if channel != ANY:
            channel = _channel("preferences", channel, channels)
        wishes.append(Preference(category, channel, check_flag(f"preferences[{category}, {channel}]", allowed)))
    return tuple(wishes)


def _quiet(hours: Any) -> QuietHours | None:
    if hours is None:
        return None
    if not isinstance(hours, tuple | list) or len(hours) != 2 or not all(isinstance(t, time) for t in hours):
        raise InvalidInput("quiet_hours", shown(hours), "two local times, as (time(22), time(7))")
    begin, end = (t.hour * 60 + t.minute for t in hours)
    if begin == end:
        right = "two different times, or None for no quiet hours; all day is (time(0), time(23, 59))"
        raise InvalidInput("quiet_hours", shown(hours), right)
    return QuietHours(begin, end)


def _channel(field: str, channel: object, channels: Mapping[str, Channel]) -> str:
    name = channel.lower() if isinstance(channel, str) else ""  # EMAIL and email are one
    if name not in channels:
        raise UnknownChannel(field, shown(channel), f"one of: {', '.join(channels) or 'none is composed'}")
    return name


@cache
def _zones() -> frozenset[str]:
    """A walk over files, so once."""
    return frozenset(available_timezones())
