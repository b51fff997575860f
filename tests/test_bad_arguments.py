"""Every argument of every public method of a shop, with every value of `bad_values`: each is an InvalidInput that names
the argument, shows the value and says what would be right, and not one row of one file changes."""

import inspect
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sagamore import Actor, InvalidInput, Money, OrderSettings, Sagamore, Settings, SimulatedPayments, blocking
from sagamore.actors.orders.orders import OrdersActor
from sagamore.actors.orders.settings import PATIENCE_MS_MAX
from sagamore.doors.dead_letters import DeadLetters
from sagamore.doors.inventory import Inventory
from sagamore.doors.orders import Orders
from sagamore.doors.payments import Payments
from sagamore.engine.limits import Limits
from sagamore.engine.message import INTEGER_MAX
from sagamore.shop import Shop
from tests.bad_values import (
    ANY_KEY,
    CARD,
    CHARGES,
    CURSOR,
    EVENT,
    FLAG,
    GOODS,
    KEY,
    LINES,
    METADATA,
    MONEY,
    MUGS,
    OPTIONAL_TEXT,
    PRICE,
    SPAN,
    SURROGATE,
    TEXT,
    TIME,
    Values,
    choice,
    event,
    whole,
)
from tests.engine.actors import Book
from tests.storage.refusals import contents
from tests.test_bad_input import rows

SOON = timedelta(seconds=10)
ORDER = "of the order that is there"
ORDER_KEY: dict[str, Values] = {"order_id": TEXT, "idempotency_key": KEY}
STOCK_CHANGE: dict[str, Values] = {"product_id": TEXT, "reason": TEXT, "by": OPTIONAL_TEXT, "idempotency_key": KEY}
PAGE: dict[str, Values] = {"limit": whole(1, 200), "cursor": CURSOR}
MONEY_OF_GBP: Values = [*MONEY, (Money(1, "EUR"), "in GBP"), (Money(-1, "GBP"), "nothing")]

METHODS: dict[str, tuple[dict[str, Any], dict[str, Values]]] = {
    "orders.place": (
        {"user_id": "ann", "lines": [MUGS], "payment_method": "pm_card"},
        {
            "user_id": TEXT, "lines": LINES, "charges": CHARGES, "payment_method": OPTIONAL_TEXT,
            "amount": [*MONEY, (Money(25, "EUR"), "in GBP"), (PRICE, "add up to 25.00 GBP")],
            "reference": OPTIONAL_TEXT, "metadata": METADATA, "pay_by": TIME, "placed_at": TIME,
            "idempotency_key": KEY, "check_stock": FLAG,
        },
    ),
    "orders.pay": ({"order_id": ORDER, "payment_method": "pm_card"}, {**ORDER_KEY, "payment_method": TEXT}),
    "orders.cancel": ({"order_id": ORDER}, {**ORDER_KEY, "by": OPTIONAL_TEXT}),
    "orders.refund": (
        {"order_id": ORDER, "amount": PRICE, "reason": "late"},
        {
            **ORDER_KEY, "amount": [(None, "money"), (Money(0, "GBP"), "nothing"), *MONEY_OF_GBP],
            "reason": OPTIONAL_TEXT,
        },
    ),
    "orders.ship": ({"order_id": ORDER}, {**ORDER_KEY, "tracking": OPTIONAL_TEXT}),
    "orders.deliver": ({"order_id": ORDER}, ORDER_KEY),
    "orders.return_goods": (
        {"order_id": ORDER, "goods": {"MUG": 1}, "restock": True},
        {**ORDER_KEY, "goods": GOODS, "amount": MONEY_OF_GBP, "restock": FLAG, "reason": OPTIONAL_TEXT},
    ),
    "orders.get": ({}, {"order_id": TEXT}),
    "orders.wait": (
        {"order_id": ORDER, "timeout": SOON}, {"order_id": TEXT, "settled": FLAG, "timeout": SPAN},
    ),
    "orders.changes": ({}, {"order_id": TEXT}),
    "orders.list": (
        {},
        {
            **PAGE, "user_id": OPTIONAL_TEXT, "reference": OPTIONAL_TEXT,
            "status": choice("PENDING", "CONFIRMED", "CANCELLED", optional=True),
        },
    ),
    "orders.by_reference": ({}, {"reference": TEXT}),
    "orders.story": ({}, {"order_id": TEXT}),
    "inventory.receive": (
        {"product_id": "MUG", "quantity": 1, "reason": "delivery"}, {**STOCK_CHANGE, "quantity": whole(1, 10**9)},
    ),
    "inventory.adjust": (
        {"product_id": "MUG", "quantity": 1, "reason": "found"}, {**STOCK_CHANGE, "quantity": whole(-(10**9), 10**9)},
    ),
    "inventory.set": (
        {"product_id": "MUG", "on_hand": 10, "expected": 10, "reason": "count"},
        {**STOCK_CHANGE, "on_hand": whole(0, 10**9), "expected": whole(0, INTEGER_MAX)},
    ),
    "inventory.get": ({}, {"product_id": TEXT}),
    "inventory.list": ({}, PAGE),
    "payments.get": ({}, {"order_id": TEXT}),
    "payments.list": ({}, {**PAGE, "attention": choice("UNKNOWN", "PARKED", "STUCK", optional=True)}),
    "payments.resolve": (
        {"order_id": ORDER, "outcome": "captured", "reference": "px_1", "by": "eve"},
        {
            "order_id": TEXT, "reference": TEXT, "by": TEXT, "amount": whole(0, INTEGER_MAX),
            "outcome": choice("captured", "authorised", "refused", "voided", "refunded"),
        },
    ),
    "payments.event": ({}, {"event": EVENT}),
    "dead_letters.list": ({}, {**PAGE, "status": choice("WAITING", "REPLAYED", "DISCARDED")}),
    "dead_letters.show": ({}, {"letter": TEXT}),
    "dead_letters.replay": ({"letter": "dl_1", "by": "eve"}, {"letter": TEXT, "by": TEXT}),
    "dead_letters.discard": (
        {"letter": "dl_1", "by": "eve", "reason": "old"}, {"letter": TEXT, "by": TEXT, "reason": TEXT},
    ),
    "ask": (
        {"kind": "payments", "message": event()},
        {
            "kind": [*TEXT, ("nobody", "this program has")], "idempotency_key": KEY,
            "message": [(value, "a Message") for value in (None, 7, "x", {}, [], b"{}", MUGS, CARD)],
        },
    ),
    "read": ({"kind": "orders", "key": ORDER}, {"kind": [*TEXT, ("nobody", "this program has")], "key": ANY_KEY}),
}  # fmt: skip


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A stopped shop with ten mugs and one order that is settled."""
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()) as shop:
        await shop.inventory.receive("MUG", 10, reason="first")
        placed = await shop.orders.place(user_id="ann", lines=[MUGS], payment_method="pm_card")
        await shop.orders.wait(placed.id, settled=True, timeout=SOON)
    return tmp_path / "shop"


@pytest.fixture
async def shop(path: Path) -> AsyncIterator[Sagamore]:
    """It is open."""
    async with Sagamore.open(path, payments=SimulatedPayments()) as opened:
        yield opened


def calls(name: str, order_id: str) -> list[tuple[str, Any, dict[str, Any], str]]:
    """Every call of a method that must be refused: the argument, its value, all arguments, what would be right."""
    usual, arguments = METHODS[name]
    usual = {argument: order_id if value is ORDER else value for argument, value in usual.items()}
    return [
        (argument, value, usual | {argument: value}, right)
        for argument, values in arguments.items()
        for value, right in values
    ]


def told(error: Exception | None, argument: str, value: object, right: str) -> bool:
    """Whether an error names the argument, shows the value and says what would be right, in one short line."""
    if not isinstance(error, InvalidInput) or not error.field.startswith(argument):
        return False
    text = str(error)
    shown = error.field != argument or error.value is not value or brief(value)[:80] in text
    hidden = not any(card in text + brief(error.value) for card in (CARD, CARD.replace(" ", "")))
    legible = not isinstance(error.value, Money)  # shown as people write it, not as programs do
    return shown and hidden and legible and right in error.expected and len(text) < 300 and text.isprintable()


def brief(value: object) -> str:
    """What can be shown of it."""
    return "huge" if isinstance(value, int) and value.bit_length() > 1_000 else repr(value)


@pytest.mark.parametrize("name", METHODS)
async def test_every_argument_is_checked_and_nothing_changes(shop: Sagamore, name: str) -> None:
    (order,) = (await shop.orders.list()).items
    before = rows(shop.path)
    wrong = []
    for argument, value, arguments, right in calls(name, order.id):
        error = None
        try:
            answer = method_of(shop, name)(**arguments)
            await (anext(answer) if hasattr(answer, "__anext__") else answer)
        except Exception as raised:
            error = raised
        if not told(error, argument, value, right):
            wrong.append(f"{argument}={brief(value)[:80]}: {type(error).__name__}: {error}")
    assert wrong == []
    assert rows(shop.path) == before


def test_the_same_holds_for_a_program_without_an_event_loop(path: Path) -> None:
    with blocking.open(path, payments=SimulatedPayments()) as shop:
        (order,) = shop.orders.list().items
        before = rows(path)
        for name in METHODS:
            for argument, value, arguments, right in calls(name, order.id):
                error = None
                try:
                    answer = method_of(shop, name)(**arguments)
                    if hasattr(answer, "__next__"):
                        next(answer)
                except Exception as raised:
                    error = raised
                assert told(error, argument, value, right), (name, argument, brief(value)[:80], error)
        assert rows(path) == before


@pytest.mark.parametrize(
    ("door", "prefix"),
    [
        (Orders, "orders."),
        (Inventory, "inventory."),
        (Payments, "payments."),
        (DeadLetters, "dead_letters."),
        (Shop, ""),
    ],
)
def test_no_argument_of_no_method_is_left_out(door: type, prefix: str) -> None:
    for name, method in vars(door).items():
        parameters = [*inspect.signature(method).parameters][1:] if inspect.isfunction(method) else []
        if name[0] != "_" and parameters:
            assert METHODS[prefix + name][1].keys() == set(parameters), name


NO_PATH: Values = [
    *((value, "text or a Path") for value in (None, 7, 1.5, True, b"shop", ["shop"])),
    ("", "the directory's path, as"),
    *((value, "a path that can be written") for value in ("a\0b", SURROGATE, Path(SURROGATE))),
]
OPENING: dict[str, Values] = {
    "path": NO_PATH,
    "settings": [(value, "Settings(…)") for value in ("x", "", 0, {}, Settings, OrderSettings())],
    "payments": [(value, "a PaymentProvider") for value in ("x", "", 0, False, SimulatedPayments, object())],
    "actors": [(value, "a list or tuple") for value in (None, 7, "orders", {})]
    + [([value], "derived from Actor") for value in (None, "orders", Actor, OrdersActor)],
    "providers": [(value, "a list or tuple") for value in (None, 7, "x", {})]
    + [([value], "a Provider(name") for value in (None, "x", object())],
    "on_alert": [(value, "a function") for value in ("x", 0, [])],
}
SETTINGS: dict[str, Values] = {
    "orders": [(value, "OrderSettings(…)") for value in (None, "pay_first", {}, OrderSettings)],
    "limits": [(value, "Limits(…)") for value in (None, 7, {}, Limits)],
    "breaker": [(value, "BreakerPolicy(…)") for value in (None, 7, {})],
    "partitions": [(value, "a dict") for value in (None, 2, "orders", [("orders", 2)])]
    + [({"orders": value}, right) for value, right in whole(1, 4096)]
    + [({value: 2}, right) for value, right in TEXT if value.__hash__],
}


@pytest.mark.parametrize("argument", OPENING)
async def test_what_a_shop_is_opened_with_is_checked_before_anything_is_made(tmp_path: Path, argument: str) -> None:
    for value, right in OPENING[argument]:
        with pytest.raises(InvalidInput) as refused:
            usual: dict[str, Any] = {"path": tmp_path / "shop"}
            async with Sagamore.open(**usual | {argument: value}):
                pass
        assert told(refused.value, argument, value, right), (value, str(refused.value))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("field", SETTINGS)
def test_settings_are_checked_when_they_are_made(field: str) -> None:
    for value, right in SETTINGS[field]:
        with pytest.raises(InvalidInput) as refused:
            Settings(**{field: value})
        assert told(refused.value, field, value, right), (value, str(refused.value))


@pytest.mark.parametrize("field", ["action_timeout_ms", "hold_time_ms"])
def test_a_time_of_orders_is_a_whole_number_of_milliseconds_up_to_a_year(field: str) -> None:
    for value, right in whole(1, PATIENCE_MS_MAX):
        with pytest.raises(InvalidInput) as refused:
            OrderSettings(**{field: value})
        assert told(refused.value, field, value, right), (value, str(refused.value))


@pytest.mark.parametrize("exists", [False, True])
async def test_partitions_of_a_kind_that_nobody_has_are_refused_and_the_kinds_named(
    tmp_path: Path, exists: bool
) -> None:
    path = tmp_path / "shop"
    if exists:
        async with Sagamore.open(path):
            pass
    before = contents(path) if exists else {}
    with pytest.raises(InvalidInput) as refused:
        async with Sagamore.open(path, Settings(partitions={"inventory": 1, "inventroy": 2})):
            pass
    assert told(refused.value, "partitions", "inventroy", "one of orders, payments, inventory, system, dead_letters")
    assert path.exists() == exists
    assert before == (contents(path) if exists else {})


async def test_partitions_of_a_kind_that_the_directory_has_may_be_named_without_its_actor(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", Settings(partitions={"book": 2}), actors=[Book()]):
        pass
    async with Sagamore.open(tmp_path / "shop", Settings(partitions={"book": 2}, retired=("book",))) as shop:
        assert shop.health().status == "GREEN"


@pytest.mark.parametrize(("timeout", "right"), [*SPAN, (timedelta(), "a timedelta")])
def test_a_blocking_shop_needs_a_timeout_that_is_one(tmp_path: Path, timeout: Any, right: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        blocking.open(tmp_path / "shop", call_timeout=timeout)
    assert told(refused.value, "call_timeout", timeout, right)
    assert not (tmp_path / "shop").exists()


def method_of(shop: Any, name: str) -> Callable[..., Any]:
    """`orders.place` of a shop."""
    for part in name.split("."):
        shop = getattr(shop, part)
    method: Callable[..., Any] = shop
    return method
