"""What a host may choose about its notifications."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from sagamore.actors.checks import check_choice, check_flag, check_list, check_mapping, check_whole
from sagamore.actors.notifications.allowance import SENDS_MAX, UserLimit
from sagamore.actors.notifications.event_type import Category, Duplicates, EventType
from sagamore.actors.notifications.locale import check_locale
from sagamore.actors.text import check_text, shown
from sagamore.engine.effect import Rate
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Record
from sagamore.engine.policy import DAY_MS

TYPES_MAX = 1_000
RATES_MAX = 5  # a second, a minute, an hour, a day, and one more
CALLS_MAX = 1_000_000
WINDOW_MS_MAX = 31 * DAY_MS
SPAN_MS_MAX = 365 * DAY_MS  # a longer one is a mistyped unit
KEPT_MS_MAX = 3650 * DAY_MS


class NotificationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Raises InvalidInput for a field of another type or out of its bounds, also of the records in it."""

    event_types: tuple[EventType, ...] = ()
    """Beside those of orders."""
    categories: tuple[Category, ...] = ()
    """Beside `orders`; one of that name takes its place."""
    templates: tuple[str | Path, ...] = ()
    """Folders, the first one that has a template wins; the built-in ones come last."""
    locale: str = "en"
    """For users that have none, and where a template has not theirs."""
    order_channels: tuple[str, ...] = ()
    """Where the events of orders go; by default to all channels that have a template for each of them."""
    user_limit: UserLimit = UserLimit()
    rates: Mapping[str, tuple[Rate, ...]] = {}
    """Per channel, beside what its provider allows."""
    kept_ms: int = 90 * DAY_MS
    """How long a notification is kept once all of it has ended."""

    def __post_init__(self) -> None:
        check_list("event_types", self.event_types, 0, TYPES_MAX)
        for n, event_type in enumerate(self.event_types):
            _check_event_type(f"event_types[{n}]", event_type)
        check_list("categories", self.categories, 0, TYPES_MAX)
        for n, category in enumerate(self.categories):
            _check_category(f"categories[{n}]", category)
        check_list("templates", self.templates, 0, TYPES_MAX)
        for n, folder in enumerate(self.templates):
            _check_folder(f"templates[{n}]", folder)
        check_locale("locale", self.locale)
        _check_names("order_channels", self.order_channels)
        _check_made("user_limit", self.user_limit, UserLimit)
        check_whole("user_limit.sends_max", self.user_limit.sends_max, 0, SENDS_MAX)
        check_whole("user_limit.window_ms", self.user_limit.window_ms, 1, WINDOW_MS_MAX)
        check_whole("user_limit.under_way_max", self.user_limit.under_way_max, 1, SENDS_MAX)
        check_mapping("rates", self.rates, 0, TYPES_MAX)
        for channel, rates in self.rates.items():
            field = f"rates[{check_text('rates', channel)!r}]"
            check_list(field, rates, 0, RATES_MAX)
            for n, rate in enumerate(rates):
                _check_made(f"{field}[{n}]", rate, Rate)
                check_whole(f"{field}[{n}].calls_max", rate.calls_max, 1, CALLS_MAX)
                check_whole(f"{field}[{n}].window_ms", rate.window_ms, 1, WINDOW_MS_MAX)
        check_whole("kept_ms", self.kept_ms, 1, KEPT_MS_MAX)


def _check_event_type(field: str, event_type: EventType) -> None:
    _check_made(field, event_type, EventType)
    data: object = event_type.data
    if not isinstance(data, type) or not issubclass(data, Record) or not data.__tag__:
        right = 'a class derived from Record that has a tag, as class Parcel(Record, tag="PARCEL")'
        raise InvalidInput(f"{field}.data", shown(data), right)
    try:
        msgspec.json.Decoder(data)
    except (TypeError, NameError) as error:
        raise InvalidInput(f"{field}.data", data, f"a record of what JSON has: {error}") from error
    check_text(f"{field}.category", event_type.category, printable=True)
    _check_names(f"{field}.channels", event_type.channels)


def _check_category(field: str, category: Category) -> None:
    _check_made(field, category, Category)
    check_text(f"{field}.name", category.name, printable=True)
    check_flag(f"{field}.critical", category.critical)
    check_flag(f"{field}.bulk", category.bulk)
    check_mapping(f"{field}.fallbacks", category.fallbacks, 0, TYPES_MAX)
    for channel, other in category.fallbacks.items():
        check_text(f"{field}.fallbacks", channel)
        check_text(f"{field}.fallbacks[{channel!r}]", other)
    check_whole(f"{field}.silence_ms", category.silence_ms, 0, SPAN_MS_MAX)
    check_whole(f"{field}.expires_ms", category.expires_ms, 0, SPAN_MS_MAX)
    check_choice(f"{field}.duplicates", category.duplicates, get_args(Duplicates))


def _check_folder(field: str, folder: object) -> None:
    if not isinstance(folder, str | Path) or folder == "" or "\0" in str(folder):
        raise InvalidInput(field, shown(folder), 'a folder\'s path, as "templates"')


def _check_names(field: str, names: Sequence[str]) -> None:
    check_list(field, names, 0, TYPES_MAX)
    for n, name in enumerate(names):
        check_text(f"{field}[{n}]", name)


def _check_made(field: str, value: object, expected: type[msgspec.Struct]) -> None:
    """Not the class itself either."""
    if not isinstance(value, expected):
        raise InvalidInput(field, shown(value), f"{expected.__name__}(…)")
