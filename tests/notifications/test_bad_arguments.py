"""Every argument of every door of notifications, with every value of `bad_values`: each is an InvalidInput that names
the argument, shows the value and says what would be right, and not one row of one file changes."""

import inspect
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from sagamore import Sagamore, Settings
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.errors import (
    BadAddress,
    UnknownAudience,
    UnknownBroadcast,
    UnknownChannel,
    UnknownItem,
    UnknownNotification,
    UnknownUser,
)
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.inbox import Inbox
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.doors.audiences import Audiences
from sagamore.doors.inbox import Inboxes
from sagamore.doors.notifications import Notifications
from sagamore.doors.users import Users
from sagamore.engine.errors import InvalidInput, Refused
from tests.bad_values import (
    CARD,
    CURSOR,
    FLAG,
    KEY,
    NO_TEXT,
    OPTIONAL_TEXT,
    SPAN,
    TEXT,
    TIME,
    UNSTORABLE,
    Values,
    choice,
    whole,
)
from tests.notifications.core import Ping
from tests.notifications.test_shop import Chat
from tests.test_bad_arguments import brief, method_of, told
from tests.test_bad_input import rows

SOON = timedelta(seconds=10)
NOTIFICATION = "of the notification that is there"
DELIVERY = "of its delivery"
PRINTABLE: Values = [*TEXT, ("a\nb", "printable")]
PAGE: dict[str, Values] = {"limit": whole(1, 200), "cursor": CURSOR}
NO_CHANNEL: Values = [(value, "one of: chat, inbox") for value in (None, 7, "", "fax", "chat ", ["chat"], True, CARD)]
NO_CATEGORY: Values = [(value, "a category:") for value in (None, 7, "", "cats", True, CARD)]
NO_EVENT: Values = [(value, "Event") for value in (None, 7, "PING", {}, {"event_type": "PING"}, b"{}", CARD)]
NO_ADDRESSES: list[Any] = [None, 7, "chat", {"chat": "a"}, iter([])]
NO_PAIR: list[Any] = [None, 7, "ab", ("chat",), ("chat", "a", "b"), {"chat": "a"}]
ADDRESSES: Values = [
    *((value, "a list") for value in NO_ADDRESSES),
    ([("chat", str(n)) for n in range(21)], "0 to 20"),
    *(([value], "a channel and an address") for value in NO_PAIR),
    *(([(value, "a")], right) for value, right in NO_CHANNEL),
    *(([("chat", value)], right) for value, right in (*NO_TEXT, *UNSTORABLE, ("a" * 4_097, "at most"))),
]  # fmt: skip
PREFERENCES: Values = [
    *((value, "a dict") for value in (7, "a", [("pings", "chat")])),
    *(({value: True}, "(category, channel)") for value in (7, "pings", ("pings",), ("pings", "chat", "x"))),
    *(({(value, "chat"): True}, right) for value, right in NO_CATEGORY if value.__hash__),
    *(({("pings", value): True}, right) for value, right in NO_CHANNEL if value.__hash__),
    *(({("*", "*"): value}, right) for value, right in FLAG),
]
NO_HOURS: list[Any] = [7, "22-7", (time(22),), (time(22), time(7), time(8)), (22, 7), ("22:00", "07:00"), {}, CARD]
QUIET: Values = [
    *((value, "two local times") for value in NO_HOURS),
    *((value, "two different times, or None") for value in ((time(22), time(22)), [time(0), time(0, 0, 59)])),
]
LOCALE: Values = [
    *OPTIONAL_TEXT,
    ("d" * 36, "at most"),
    *((locale, "as de-AT") for locale in ("english", "xx_yy", "de_AT", "d", "-", "de-", "de-A", "/etc", "*", "de AT")),
]
ZONE: Values = [
    *OPTIONAL_TEXT,
    *((zone, "an IANA time zone") for zone in ("Berlin", "europe/berlin", "../etc", "+01:00")),
]
AUDIENCE: Values = [*PRINTABLE, ("a/b", "without /")]
MEMBERS: Values = [
    *((value, "a list") for value in (None, 7, "ann", {"ann"}, iter(["ann"]))),
    *((["ann", value], right) for value, right in TEXT),
]
JOIN: tuple[dict[str, Any], dict[str, Values]] = (
    {"audience": "news", "users": ["ann"]}, {"audience": AUDIENCE, "users": MEMBERS},
)  # fmt: skip
USER = {"user_id": TEXT}
PING = Event(event_type="PING", user_id="ann")

METHODS: dict[str, tuple[dict[str, Any], dict[str, Values]]] = {
    "notifications.publish": ({"event": PING}, {"event": NO_EVENT, "idempotency_key": KEY}),
    "notifications.cancel": ({}, {"notification_id": TEXT}),
    "notifications.receipt": (
        {"delivery_id": DELIVERY, "kind": "delivered", "at": datetime(2026, 1, 1, tzinfo=UTC)},
        {
            "delivery_id": [*TEXT, *((text, "dlv_…") for text in ("x", "dlv_1", "ntf_1_1", f"dlv_1_{'9' * 200}x"))],
            "kind": choice("delivered", "bounced", "complained"), "at": [(None, "aware"), *TIME],
        },
    ),
    "notifications.get": ({}, {"notification_id": TEXT}),
    "notifications.wait": ({"notification_id": NOTIFICATION}, {"notification_id": TEXT, "timeout": SPAN[1:]}),
    "notifications.list": (
        {},
        {
            **PAGE, "user_id": OPTIONAL_TEXT,
            "status": choice("SCHEDULED", "ACTIVE", "DONE", optional=True),
        },
    ),
    "notifications.story": ({}, {"notification_id": TEXT}),
    "notifications.broadcast": (
        {"audience": "news", "event": Event(event_type="PING", user_id="")},
        {"audience": TEXT, "event": [*NO_EVENT, (PING, "empty: the audience")], "idempotency_key": KEY},
    ),
    "notifications.get_broadcast": ({}, {"broadcast_id": TEXT}),
    "notifications.cancel_broadcast": ({}, {"broadcast_id": TEXT}),
    "users.set": (
        {"user_id": "ann"},
        {
            "user_id": PRINTABLE, "addresses": ADDRESSES, "locale": LOCALE,
            "zone": ZONE, "preferences": PREFERENCES, "quiet_hours": QUIET,
        },
    ),
    "users.prefer": (
        {"user_id": "ann", "category": "pings", "channel": "chat", "allowed": True},
        {"user_id": TEXT, "category": NO_CATEGORY, "channel": NO_CHANNEL[:-3], "allowed": FLAG},
    ),
    "users.get": ({}, USER),
    "users.list": ({}, PAGE),
    "users.erase": ({}, USER),
    "audiences.subscribe": JOIN,
    "audiences.unsubscribe": JOIN,
    "audiences.get": ({}, {"audience": TEXT}),
    "audiences.list": ({}, PAGE),
    "audiences.has": ({"audience": "news", "user_id": "ann"}, {"audience": TEXT, "user_id": TEXT}),
    "inbox.list": ({"user_id": "ann"}, {**PAGE, "user_id": TEXT}),
    "inbox.feed": ({}, USER),
    "inbox.mark_read": ({"user_id": "ann"}, {"user_id": TEXT, "delivery_id": OPTIONAL_TEXT}),
}  # fmt: skip
FIELD_OF = {"category": "preferences", "channel": "preferences", "allowed": "preferences"}
"""One wish is named as what it is among: the preferences."""

EVENT_FIELDS: dict[str, Values] = {
    "event_type": [*TEXT, ("NOPE", "one of"), ("ping", "one of")],
    "user_id": TEXT,
    "channels": [
        *((value, "a list") for value in (None, 7, "chat", {"chat"})),
        (["chat"] * 21, "0 to 20"),
        *(([value], right) for value, right in NO_CHANNEL),
    ],
    "version": [(value, "1 to 1") for value in (None, 0, 2, -1, True, 1.0, "1", 2**63, 10**5_000)],
    "data": [
        *((value, "a dict") for value in (None, 7, "x", [("n", 1)])),
        ({str(n): n for n in range(201)}, "0 to 200"),
        *(({"n": value}, "PING") for value in ("1", None, 1.5, 2**70, object(), "\ud800")),
        ({"type": "ALARM/1"}, "another name"),
    ],
    "dedupe_key": OPTIONAL_TEXT,
    "dedupe_for": SPAN,
    "send_at": TIME,
    "expires_at": TIME,
}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Sagamore]:
    """Ann has one notification, and is an audience."""
    settings = NotificationSettings(
        event_types=(EventType(Ping, "pings", ("chat",)),), categories=(Category(name="pings"),)
    )
    async with Sagamore.open(
        tmp_path / "shop", Settings(notifications=settings), channels=[Chat(), Inbox()]
    ) as opened:  # fmt: skip
        await opened.users.set("ann", addresses=[("chat", "#ann")])
        await opened.audiences.subscribe("news", ["ann"])
        published = await opened.notifications.publish(PING)
        await opened.notifications.wait(published.id, timeout=SOON)
        yield opened


async def refusal(answer: Any) -> Exception | None:
    """What a call of a door raises."""
    try:
        made = answer()
        await (anext(made) if hasattr(made, "__anext__") else made)
    except Exception as raised:
        return raised
    return None


@pytest.mark.parametrize("name", METHODS)
async def test_every_argument_is_checked_and_nothing_changes(shop: Sagamore, name: str) -> None:
    ((known,),) = ((await shop.notifications.list()).items,)
    ids = {NOTIFICATION: known.id, DELIVERY: f"dlv_{known.id[4:]}_1"}
    before, wrong = rows(shop.path), []
    usual, arguments = METHODS[name]
    usual = {argument: ids.get(value, value) if isinstance(value, str) else value for argument, value in usual.items()}
    for argument, values in arguments.items():
        for value, right in values:
            error = await refusal(lambda: method_of(shop, name)(**usual | {argument: value}))  # noqa: B023
            field = FIELD_OF.get(argument, argument) if name == "users.prefer" else argument
            if not told(error, field, value, right):
                wrong.append(f"{argument}={brief(value)[:80]}: {type(error).__name__}: {error}"[:400])
    assert wrong == []
    assert rows(shop.path) == before


@pytest.mark.parametrize("field", EVENT_FIELDS)
@pytest.mark.parametrize("door", ["publish", "broadcast"])
async def test_every_field_of_an_event_is_checked_and_nothing_changes(shop: Sagamore, door: str, field: str) -> None:
    before, wrong = rows(shop.path), []
    usual: dict[str, Any] = {"event_type": "PING", "user_id": "ann" if door == "publish" else ""}
    for value, right in EVENT_FIELDS[field]:
        if door == "broadcast" and field == "user_id":
            continue
        event = Event(**usual | {field: value})
        if door == "publish":
            error = await refusal(lambda: shop.notifications.publish(event))  # noqa: B023
        else:
            error = await refusal(lambda: shop.notifications.broadcast("news", event))  # noqa: B023
        if not told(error, field, value, right):
            wrong.append(f"{field}={brief(value)[:80]}: {type(error).__name__}: {error}"[:400])
    assert wrong == []
    assert rows(shop.path) == before


@pytest.mark.parametrize(
    ("door", "prefix"),
    [(Notifications, "notifications."), (Users, "users."), (Audiences, "audiences."), (Inboxes, "inbox.")],
)
def test_no_argument_of_no_method_is_left_out(door: type, prefix: str) -> None:
    for name, method in vars(door).items():
        parameters = [*inspect.signature(method).parameters][1:] if inspect.isfunction(method) else []
        if name[0] != "_" and parameters:
            assert METHODS[prefix + name][1].keys() == set(parameters), name
    assert EVENT_FIELDS.keys() == set(Event.__struct_fields__)


UNKNOWN: list[tuple[str, tuple[Any, ...], type[Refused]]] = [
    ("notifications.publish", (Event(event_type="PING", user_id="eve"),), UnknownUser),
    ("notifications.get", ("ntf_9",), UnknownNotification),
    ("notifications.get", ("user:ann",), UnknownNotification),
    ("notifications.cancel", ("ntf_9",), UnknownNotification),
    ("notifications.wait", ("ntf_9",), UnknownNotification),
    ("notifications.story", ("ntf_9",), UnknownNotification),
    ("notifications.receipt", ("dlv_9_1", "bounced", datetime(2026, 1, 1, tzinfo=UTC)), UnknownNotification),
    ("notifications.broadcast", ("nobody", Event(event_type="PING", user_id="")), UnknownAudience),
    ("notifications.get_broadcast", ("bc_9",), UnknownBroadcast),
    ("notifications.cancel_broadcast", ("bc_9",), UnknownBroadcast),
    ("users.get", ("eve",), UnknownUser),
    ("users.erase", ("eve",), UnknownUser),
    ("audiences.get", ("nobody",), UnknownAudience),
    ("audiences.has", ("nobody", "ann"), UnknownAudience),
    ("audiences.unsubscribe", ("nobody", ["ann"]), UnknownAudience),
    ("inbox.mark_read", ("ann", "dlv_9_1"), UnknownItem),
]


@pytest.mark.parametrize(("name", "arguments", "error"), UNKNOWN)
async def test_what_is_not_there_is_refused_by_name(
    shop: Sagamore, name: str, arguments: tuple[Any, ...], error: type[Refused]
) -> None:
    assert type(await refusal(lambda: method_of(shop, name)(*arguments))) is error


async def test_an_address_that_is_none_is_refused_by_its_channel(shop: Sagamore) -> None:
    with pytest.raises(BadAddress, match="chat address is ''; text that is not empty") as refused:
        await shop.users.set("ann", addresses=[("chat", "#a"), ("CHAT", "")])
    assert refused.value.channel == "chat"
    assert (await shop.users.get("ann")).addresses_of("chat") == ("#ann",)


async def test_without_channels_every_door_that_writes_says_what_to_compose(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop") as shop:
        for answer in (
            lambda: shop.notifications.publish(Event(event_type="ORDER_CREATED", user_id="ann")),
            lambda: shop.notifications.broadcast("news", Event(event_type="ORDER_CREATED", user_id="")),
            lambda: shop.audiences.subscribe("news", ["ann"]),
            lambda: shop.inbox.mark_read("ann"),
            lambda: shop.users.set("ann", addresses=[("chat", "a")]),
            lambda: shop.users.set("ann"),
            lambda: shop.users.prefer("ann", "*", "*", allowed=False),
        ):
            error = await refusal(answer)
            assert isinstance(error, UnknownChannel), error
            assert isinstance(error, InvalidInput)
