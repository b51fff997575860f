"""What a host chooses about notifications is checked when it is made: whatever is wrong is named with its field, and
with what would be right."""

from pathlib import Path
from typing import Any

import pytest

from sagamore.actors.notifications.allowance import UserLimit
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.effect import Rate
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Record
from tests.bad_values import CARD, FLAG, TEXT, Values, whole
from tests.notifications.core import Ping
from tests.test_bad_arguments import brief, told


class Untagged(Record):
    """Nothing that is stored could say what it is."""


class Odd(Record, tag="ODD"):
    """In JSON both are arrays."""

    at: tuple[int, ...] | frozenset[str] = ()


class Lost(Record, tag="LOST"):
    """Nobody knows what it is made of."""

    at: "Nowhere"  # type: ignore[name-defined]  # noqa: F821 - that is the point


NO_LIST: Values = [(None, "a list"), (7, "a list"), ("inbox", "a list"), ({"inbox"}, "a list"), (iter([]), "a list")]
NO_RECORD: list[Any] = [None, 3, "PING", {}, {"name": "pings"}, Ping, (3, 1_000)]
NO_FOLDER: list[Any] = [None, 7, "", "a\0b", b"a", ["a"]]
NAMES: Values = [(["inbox", value], right) for value, right in TEXT]
YEAR_MS, DAY_MS = 365 * 86_400_000, 86_400_000
FIELDS: dict[str, Values] = {
    "event_types": [*NO_LIST, *(([value], "EventType(…)") for value in NO_RECORD), ([EventType], "EventType(…)")],
    "categories": [*NO_LIST, *(([value], "Category(…)") for value in NO_RECORD), ([Category], "Category(…)")],
    "templates": [*NO_LIST, *(([value], "a folder's path") for value in NO_FOLDER)],
    "locale": [*TEXT, *((value, "as de-AT") for value in ("english", "xx_yy", "en_GB", "e", "en-", "/etc", "*"))],
    "order_channels": [*NO_LIST, *NAMES],
    "user_limit": [(value, "UserLimit(…)") for value in (*NO_RECORD, UserLimit, Rate(3))],
    "rates": [
        *((value, "a dict") for value in (None, 7, "inbox", [("inbox", ())])),
        *(({value: ()}, right) for value, right in TEXT if value.__hash__),
        *(({"inbox": value}, "a list") for value in (None, 7, Rate(3))),
        *(({"inbox": (value,)}, "Rate(…)") for value in (*NO_RECORD, Rate)),
        *(({"inbox": (Rate(value),)}, right) for value, right in whole(1, 1_000_000)),
        *(({"inbox": (Rate(1, value),)}, right) for value, right in whole(1, 31 * DAY_MS)),
    ],
    "kept_ms": whole(1, 10 * YEAR_MS),
}
OF_LIMIT: dict[str, Values] = {
    "sends_max": whole(0, 1_000), "window_ms": whole(1, 31 * DAY_MS), "under_way_max": whole(1, 1_000),
}  # fmt: skip
OF_CATEGORY: dict[str, Values] = {
    "name": [*TEXT, ("a\nb", "printable")],
    "critical": FLAG,
    "bulk": FLAG,
    "fallbacks": [
        *((value, "a dict") for value in (None, 7, "sms", [("push", "sms")])),
        *(({value: "sms"}, right) for value, right in TEXT if value.__hash__),
        *(({"push": value}, right) for value, right in TEXT),
    ],
    "silence_ms": whole(0, YEAR_MS),
    "expires_ms": whole(0, YEAR_MS),
    "duplicates": [(value, "counted, never") for value in (None, 7, True, "", "maybe", ["never"], CARD)],
}
OF_EVENT_TYPE: dict[str, Values] = {
    "data": [
        *((value, "derived from Record") for value in (None, 7, "PING", dict, Ping(), Untagged, Record, CARD)),
        (Odd, "of what JSON has"), (Lost, "of what JSON has"),
    ],
    "category": [*TEXT, ("a\nb", "printable")],
    "channels": [*NO_LIST, *NAMES],
}  # fmt: skip
WHOLE: dict[str, tuple[Any, str, dict[str, Any], dict[str, Values]]] = {
    "user_limit": (UserLimit, "user_limit", {}, OF_LIMIT),
    "categories": (Category, "categories[0]", {"name": "pings"}, OF_CATEGORY),
    "event_types": (EventType, "event_types[0]", {"data": Ping, "category": "pings"}, OF_EVENT_TYPE),
}


def refusal(**fields: Any) -> Exception | None:
    """What making the settings raises."""
    try:
        NotificationSettings(**fields)
    except Exception as raised:
        return raised
    return None


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_is_checked(field: str) -> None:
    wrong = []
    for value, right in FIELDS[field]:
        error = refusal(**{field: value})
        if not told(error, field, value, right):
            wrong.append(f"{field}={brief(value)[:80]}: {type(error).__name__}: {error}"[:400])
    assert wrong == []


@pytest.mark.parametrize("field", WHOLE)
def test_every_field_of_a_record_in_them_is_checked(field: str) -> None:
    wrong = []
    record, path, usual, fields = WHOLE[field]
    for name, values in fields.items():
        for value, right in values:
            made = record(**usual | {name: value})
            error = refusal(**{field: made if field == path else [made]})
            if not told(error, f"{path}.{name}", value, right):
                wrong.append(f"{path}.{name}={brief(value)[:80]}: {type(error).__name__}: {error}"[:400])
    assert wrong == []


def test_no_field_is_left_out() -> None:
    assert FIELDS.keys() == set(NotificationSettings.__struct_fields__)
    for record, _, _, fields in WHOLE.values():
        assert fields.keys() == set(record.__struct_fields__)


def test_what_is_right_is_taken() -> None:
    made = NotificationSettings(
        event_types=[EventType(Ping, "pings", ["inbox"])], categories=[Category(name="pings", fallbacks={"a": "b"})],  # type: ignore[arg-type]
        templates=["a", Path("b")], locale="zh-Hant-TW", order_channels=["inbox"], rates={"inbox": [Rate(3)]},  # type: ignore[arg-type, dict-item]
    )  # fmt: skip
    assert made.locale == "zh-Hant-TW"


def test_the_message_says_which_of_them_and_what_it_takes() -> None:
    with pytest.raises(InvalidInput) as refused:
        NotificationSettings(user_limit=3)  # type: ignore[arg-type]
    assert str(refused.value) == "user_limit is 3; UserLimit(…)"
