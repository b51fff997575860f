"""Event types: what is checked of an event's data, and that what was stored in the past is read for ever."""

from typing import Any

import msgspec
import pytest

from sagamore.actors.notifications.errors import BadEventData, UnknownEvent
from sagamore.actors.notifications.event_type import Category, EventType, EventTypes
from sagamore.actors.notifications.messages import Notify
from sagamore.actors.notifications.order_events import ORDERS, order_event_types
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Record
from tests.notifications.core import Core


class Parcel(Record, tag="PARCEL", version=3):
    """1 had the weight in kilograms as `kg`; 2 had no `shop`."""

    shop: str
    grams: int
    codes: tuple[str, ...] = ()

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        """Each version is the next one's."""
        if version == 1:
            fields["grams"] = fields.pop("kg") * 1000
        return fields | {"shop": "unknown"}


PARCELS = (EventType(Parcel, "pings", ("mail",)),)
TYPES = EventTypes(PARCELS, [Category(name="pings")])
NEWEST = '{"type":"PARCEL/3","shop":"unknown","grams":2000,"codes":[]}'
RECORDED = [
    # as files of earlier releases have it: never change these
    ('{"type":"PARCEL/1","kg":2}', {"shop": "unknown", "grams": 2000, "codes": ()}),
    ('{"type":"PARCEL/2","grams":5,"codes":["a"]}', {"shop": "unknown", "grams": 5, "codes": ("a",)}),
    ('{"type":"PARCEL/3","shop":"s","grams":5,"codes":["a"]}', {"shop": "s", "grams": 5, "codes": ("a",)}),
]
ORDER_EVENTS = [
    ('{"type":"ORDER_CREATED/1","order_id":"ord_1","total":"25.00 GBP"}', "ORDER_CREATED"),
    ('{"type":"ORDER_CONFIRMED/1","order_id":"ord_1","total":"25.00 GBP"}', "ORDER_CONFIRMED"),
    ('{"type":"ORDER_CANCELLED/1","order_id":"ord_1","reason":"OUT_OF_STOCK"}', "ORDER_CANCELLED"),
    ('{"type":"ORDER_SHIPPED/1","order_id":"ord_1","tracking":"T1"}', "ORDER_SHIPPED"),
    ('{"type":"PAYMENT_FAILED/1","order_id":"ord_1","refusal":"DECLINED"}', "PAYMENT_FAILED"),
    ('{"type":"REFUND_ISSUED/1","order_id":"ord_1","refund_id":"1","amount":"1.00 GBP"}', "REFUND_ISSUED"),
]


@pytest.mark.parametrize(("stored", "fields"), RECORDED)
def test_recorded_data_is_read_in_the_newest_version(stored: str, fields: dict[str, object]) -> None:
    event_type, found = TYPES.read(stored)
    assert (event_type.name, found) == ("PARCEL", fields)


@pytest.mark.parametrize(("stored", "name"), ORDER_EVENTS)
def test_recorded_events_of_orders_are_read(stored: str, name: str) -> None:
    event_type, fields = EventTypes(order_event_types(("mail",)), [ORDERS]).read(stored)
    assert (event_type.name, fields["order_id"]) == (name, "ord_1")


def test_an_event_of_an_older_version_is_stored_in_the_newest() -> None:
    assert TYPES.check("PARCEL", 1, {"kg": 2}) == NEWEST


def test_an_older_version_that_waited_is_sent_in_the_newest() -> None:
    core = Core(types=PARCELS)
    core.user(("mail", "a@x"))
    old = NEWEST.replace('PARCEL/3","shop":"unknown","grams":2000', 'PARCEL/1","kg":2')
    core.take(Notify("ntf_1", "ann", old, send_at_ms=core.now_ms + 5))
    core.advance(5)
    assert core.states(1) == [("mail", "SENDING")]


@pytest.mark.parametrize(
    ("event_type", "version", "field"),
    [
        ("PARCEL", 4, "version"), ("PARCEL", 0, "version"), ("PARCEL", -1, "version"), ("PARCEL", True, "version"),
        ("PARCEL", 1.0, "version"), ("PARCEL", "1", "version"), ("PARCEL", None, "version"),
        ("parcel", 1, "event_type"), ("PARCEL/3", 3, "event_type"), ("", 1, "event_type"),
    ],
)  # fmt: skip
def test_a_type_or_version_that_this_program_does_not_know_is_refused(
    event_type: str, version: Any, field: str
) -> None:
    with pytest.raises(UnknownEvent) as refused:
        TYPES.check(event_type, version, {})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("version", "data", "named"),
    [
        (3, {}, "shop"),
        (3, {"shop": "s"}, "grams"),
        (3, {"shop": "s", "grams": "5"}, "$.grams"),
        (3, {"shop": "s", "grams": 1.5}, "$.grams"),
        (3, {"shop": None, "grams": 5}, "$.shop"),
        (3, {"shop": "s", "grams": 5, "codes": ["a", 7]}, "$.codes[1]"),
        (3, {"shop": "a\0b", "grams": 5}, "shop"),
        (3, {"shop": "\ud800", "grams": 5}, "data"),
        (3, {"shop": "s", "grams": 2**70}, "grams"),
        (3, {"shop": object(), "grams": 5}, "data"),
        (3, {"shop": "s", "grams": 5, "type": "ORDER_CREATED/1"}, "data.type"),
        (3, {"shop": "s", "grams": 5, "coeds": ["a"]}, "data.coeds"),
        (3, {"shop": "s", "grams": 5, 7: 1, "coeds": ["a"]}, "data.7"),
        (1, {"kilos": 2}, "kg"),
        (2, {}, "grams"),
    ],
)
def test_data_that_does_not_fit_is_refused_and_the_field_named(
    version: int, data: dict[str, object], named: str
) -> None:
    with pytest.raises(BadEventData) as refused:
        TYPES.check("PARCEL", version, data)
    assert refused.value.field.startswith("data")
    assert named in str(refused.value)


class Size(Record):
    """Inside a parcel's box; its height has another name in JSON."""

    width: int = 0
    height: int = msgspec.field(default=0, name="heightMm")


class Box(Record, tag="BOX"):
    size: Size = Size()
    others: tuple[Size, ...] = ()
    by_name: dict[str, Size] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)


BOXES = EventTypes([EventType(Box, "pings", ("mail",))], [Category(name="pings")])


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"size": {"width": 1, "depth": 2}}, "data.size.depth"),
        ({"size": {"height": 1}}, "data.size.height"),
        ({"others": [{"width": 1}, {"wdith": 2}]}, "data.others[1].wdith"),
        ({"by_name": {"a": {"width": 1, "b": 1}}}, "data.by_name.a.b"),
    ],
)
def test_a_field_that_a_record_inside_has_not_is_refused_and_not_dropped(data: dict[str, object], field: str) -> None:
    with pytest.raises(BadEventData) as refused:
        BOXES.check("BOX", 1, data)
    assert refused.value.field == field


def test_records_inside_may_be_given_as_they_are_stored() -> None:
    data = {
        "size": {"heightMm": 1}, "others": [{}, Size(2)], "by_name": {"a": {"width": 1}}, "labels": {"any": "text"},
    }  # fmt: skip
    stored = BOXES.check("BOX", 1, data)
    assert BOXES.read(stored)[1]["others"] == ({"width": 0, "heightMm": 0}, {"width": 2, "heightMm": 0})


class Short(Record, tag="SHORT", omit_defaults=True):
    """Stored without what is a default."""

    n: int = 7
    size: Size | None = None
    labels: dict[str, str] = msgspec.field(default_factory=lambda: {"a": "b"}, name="labelsOf")


def test_templates_are_given_the_fields_that_were_left_out_too() -> None:
    types = EventTypes([EventType(Short, "pings", ("mail",))], [Category(name="pings")])
    assert types.check("SHORT", 1, {"n": 7, "size": None}) == '{"type":"SHORT/1","labelsOf":{"a":"b"}}'
    whole = {"n": 7, "size": None, "labelsOf": {"a": "b"}}
    assert types.read('{"type":"SHORT/1"}')[1] == whole
    assert types.types["SHORT"].filled({}) == whole
    assert types.types["SHORT"].filled({"n": 8, "other": 1}) == whole | {"n": 8, "other": 1}
    assert EventType(Parcel, "pings").filled({}) == {"codes": ()}


def test_a_program_s_types_and_categories_fit_together() -> None:
    pings, other = Category(name="pings"), Category(name="pings", bulk=True)
    for types, categories, field in (
        ((*PARCELS, EventType(Parcel, "pings", ("sms",))), [pings], "event_types"),
        (PARCELS, [pings, other], "categories"),
        (PARCELS, [], "category of PARCEL"),
    ):
        with pytest.raises(InvalidInput) as refused:
            EventTypes(types, categories)
        assert refused.value.field == field


def test_a_category_that_is_gone_has_no_options() -> None:
    assert TYPES.category("gone") == Category(name="gone")
