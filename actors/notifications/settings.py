"""What a host may choose about its notifications."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sagamore.actors.checks import check_list, check_mapping, check_whole
from sagamore.actors.notifications.allowance import SENDS_MAX, UserLimit
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.text import check_text, shown
from sagamore.engine.effect import Rate
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import DAY_MS

TYPES_MAX = 1_000
RATES_MAX = 5  # a second, a minute, an hour, a day, and one more
CALLS_MAX = 1_000_000
WINDOW_MS_MAX = 31 * DAY_MS
KEPT_MS_MAX = 3650 * DAY_MS


class NotificationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Raises InvalidInput for a field of another type or out of its bounds."""

    event_types: tuple[EventType, ...] = ()
    """Beside those of orders."""
    categories: tuple[Category, ...] = ()
    """Beside `orders`; one of that name takes its place."""
    templates: tuple[str | Path, ...] = ()
    """Folders, the first one that has a template wins; the built-in ones come last."""
    locale: str = "en"
    """For users that have none, and where a template has not theirs."""
    order_channels: tuple[str, ...] = ()
    """Where the events of orders go; by default to all channels."""
    user_limit: UserLimit = UserLimit()
    rates: Mapping[str, tuple[Rate, ...]] = {}
    """Per channel, beside what its provider allows."""
    kept_ms: int = 90 * DAY_MS
    """How long a notification is kept once all of it has ended."""

    def __post_init__(self) -> None:
        for field, expected in (("event_types", EventType), ("categories", Category)):
            check_list(field, getattr(self, field), 0, TYPES_MAX)
            for value in getattr(self, field):
                if not isinstance(value, expected):
                    raise InvalidInput(field, shown(value), f"a list of {expected.__name__}(…)")
        check_list("templates", self.templates, 0, TYPES_MAX)
        check_text("locale", self.locale)
        check_list("order_channels", self.order_channels, 0, TYPES_MAX)
        check_whole("user_limit.sends_max", self.user_limit.sends_max, 0, SENDS_MAX)
        check_whole("user_limit.window_ms", self.user_limit.window_ms, 1, WINDOW_MS_MAX)
        check_whole("user_limit.under_way_max", self.user_limit.under_way_max, 1, SENDS_MAX)
        check_mapping("rates", self.rates, 0, TYPES_MAX)
        for channel, rates in self.rates.items():
            check_list(f"rates[{channel!r}]", rates, 0, RATES_MAX)
            for rate in rates:
                check_whole(f"rates[{channel!r}].calls_max", rate.calls_max, 1, CALLS_MAX)
                check_whole(f"rates[{channel!r}].window_ms", rate.window_ms, 1, WINDOW_MS_MAX)
        check_whole("kept_ms", self.kept_ms, 1, KEPT_MS_MAX)
