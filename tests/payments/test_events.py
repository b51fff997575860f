"""What the provider tells unasked, on its way to the order: through the door, or because the shop asks for it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from sagamore import (
    InvalidInput,
    Line,
    Money,
    Order,
    OrderSettings,
    PaymentEvent,
    Sagamore,
    Settings,
    SimulatedPayments,
)
from sagamore.actors.orders.payment_events import PLACE, EventsHeard, PaymentEventsActor
from sagamore.actors.orders.payment_messages import HeardUpTo
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.actors.providers.http_payments import HttpPayments
from sagamore.engine.runtime.inspection import Alert
from sagamore.engine.testing import run_turn
from sagamore.twin import running_twin

AT_ONCE = Settings(orders=OrderSettings(capture="at_once"))
SOON = timedelta(seconds=20)
ORDER = "ord_" + "0" * 32


class Teller(SimulatedPayments):
    """Has a list of events, tells two at a time, and counts the questions to which it had nothing new to say."""

    def __init__(self, *told: PaymentEvent, failures: int = 0, every_ms: int = 5) -> None:
        super().__init__()
        self.capabilities = replace(self.capabilities, events_every_ms=every_ms)
        self.told, self.failures = told, failures
        self.asked: list[str] = []
        self.at_the_end, self.away = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def events(self, after: str) -> tuple[Sequence[PaymentEvent], str]:
        self.asked.append(after)
        if self.failures:
            self.failures -= 1
            self.away.release()
            raise ConnectionError("the provider is away")
        begin = int(after or 0)
        some = self.told[begin : begin + 2]
        if not some:
            self.at_the_end.release()
        return some, str(begin + len(some))

    async def heard(self, times: int = 1) -> None:
        async with asyncio.timeout(20):
            for _ in range(times):
                await self.at_the_end.acquire()

    async def refused(self, times: int) -> None:
        async with asyncio.timeout(20):
            for _ in range(times):
                await self.away.acquire()


class Letters:
    """Hears of dead letters."""

    def __init__(self) -> None:
        self.ids: asyncio.Queue[str] = asyncio.Queue()

    def alerted(self, alert: Alert) -> None:
        if alert.name == "dead_letter":
            self.ids.put_nowait(alert.subject)

    async def first(self) -> str:
        async with asyncio.timeout(20):
            return await self.ids.get()


def event(n: int, kind: Any = "refused", order_id: str = ORDER, **fields: Any) -> PaymentEvent:
    return PaymentEvent(order_id, f"evt_{n}", kind, 700, **fields)


async def reach(shop: Sagamore, order_id: str, right: Callable[[Order], bool]) -> None:
    async with asyncio.timeout(20):
        async for order in shop.orders.changes(order_id):
            if right(order):
                return


def turns_taken(path: Path) -> int:
    with closing(sqlite3.connect(path / "payment_events-0.sqlite")) as file:
        turn: int = file.execute("SELECT value FROM meta WHERE name = 'turn'").fetchone()[0]
        return turn


async def place(shop: Sagamore, method: str = "pm_card") -> Order:
    await shop.inventory.receive("MUG", 10, reason="delivery")
    return await shop.orders.place(user_id="ann", lines=[Line("MUG", 2, Money("12.50", "GBP"))], payment_method=method)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[str]:
    async with running_twin(tmp_path / "twin") as url:
        yield url


async def ask(method: str, url: str, body: Any = None) -> Any:
    async with aiohttp.request(method, url, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_money_that_turns_up_after_all_was_settled_is_given_back(tmp_path: Path, twin: str) -> None:
    async with Sagamore.open(tmp_path / "shop", AT_ONCE, payments=HttpPayments(twin, events_every_ms=5)) as shop:
        order = await place(shop, "pm_action")
        await reach(shop, order.id, lambda order: order.payment == "ACTION_REQUIRED")
        await shop.orders.cancel(order.id)
        assert (await shop.orders.wait(order.id, settled=True, timeout=SOON)).payment == "VOIDED"
        (payment,) = (await ask("GET", f"{twin}/v1/payments?reference={order.id}"))["payments"]
        await ask("POST", f"{twin}/v1/payments/{payment['id']}/complete", {"outcome": "captured", "late": True})
        await reach(shop, order.id, lambda order: order.settlement == "SETTLED" and order.payment == "REFUNDED")
    assert (await ask("GET", f"{twin}/v1/ledger"))["totals"]["GBP"]["net"] == 0


async def test_a_refund_that_fails_days_later_is_stuck_and_its_letter_gives_the_money_back(
    tmp_path: Path, twin: str
) -> None:
    await ask("PUT", f"{twin}/v1/faults", {"refund_fails_later": 1.0, "refund_fails_after_ms": 100})
    provider, letters = HttpPayments(twin, events_every_ms=5), Letters()
    async with Sagamore.open(tmp_path / "shop", AT_ONCE, payments=provider, on_alert=letters.alerted) as shop:
        order = await place(shop)
        await reach(shop, order.id, lambda order: order.status == "CONFIRMED")
        await shop.orders.cancel(order.id)
        await reach(shop, order.id, lambda order: order.settlement == "STUCK")
        await ask("PUT", f"{twin}/v1/faults", {})
        await shop.dead_letters.replay(await letters.first(), by="ann")
        await reach(shop, order.id, lambda order: order.settlement == "SETTLED")
    assert (await ask("GET", f"{twin}/v1/ledger"))["totals"]["GBP"]["net"] == 0


async def test_each_event_is_asked_for_once_over_restarts_and_nothing_is_written_where_nothing_is_new(
    tmp_path: Path,
) -> None:
    teller = Teller(event(1), event(2), event(3))
    async with Sagamore.open(tmp_path / "shop", payments=teller):
        await teller.heard(times=3)
    assert teller.asked[:3] == ["", "2", "3"]
    again = Teller(*teller.told, event(4))
    async with Sagamore.open(tmp_path / "shop", payments=again):
        await again.heard()
    assert again.asked[:2] == ["3", "4"]
    assert turns_taken(tmp_path / "shop") == 4 + 3  # events, places


async def test_a_long_list_is_read_to_its_end_without_waiting(tmp_path: Path) -> None:
    teller = Teller(*map(event, range(9)), every_ms=3_600_000)
    async with Sagamore.open(tmp_path / "shop", payments=teller):
        await teller.heard()
    assert teller.asked == ["", "2", "4", "6", "8", "9"]


async def test_what_cannot_be_taken_keeps_no_other_event_waiting_and_money_becomes_a_dead_letter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    letters = Letters()
    teller = Teller(
        event(1, provider_id="p" * 300), event(2, "captured", "sub_of_somebody_else"),
        event(3, "captured", provider_id="px"), failures=2,
    )  # fmt: skip
    async with Sagamore.open(tmp_path / "shop", payments=teller, on_alert=letters.alerted) as shop:
        await teller.heard()
        await letters.first()
        (letter,) = (await shop.dead_letters.list(status="WAITING")).items
    assert (letter.message_type, letter.correlation) == ("payments.event/1", ORDER)
    assert [record.message for record in caplog.records if "cannot be taken" in record.message]
    assert "were not heard" in caplog.text
    assert turns_taken(tmp_path / "shop") == 1 + 2  # the event about an order of ours, places


async def test_health_says_that_the_provider_does_not_tell_its_events_until_it_does_again(tmp_path: Path) -> None:
    teller = Teller(event(1), failures=1_000_000)
    async with Sagamore.open(tmp_path / "shop", payments=teller) as shop:
        assert shop.health().status == "GREEN"
        await teller.refused(times=4)  # at the fourth, three are known for sure
        health = shop.health()
        assert (health.status, len(health.problems)) == ("YELLOW", 1)
        assert "times in a row: ConnectionError: the provider is away" in health.problems[0]
        teller.failures = 0
        await teller.heard(times=2)
        assert shop.health().status == "GREEN"


async def test_a_provider_without_events_is_not_asked_and_leaves_no_file(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()):
        pass
    assert not list((tmp_path / "shop").glob("payment_events*"))


async def test_money_for_an_order_without_a_payment_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()) as shop:
        with pytest.raises(Unlisted) as refused:
            await shop.payments.event(event(1, "captured"))
    says = f"payment of order {ORDER}: no row for captured without the id of a payment in ABSENT; no such money"
    assert str(refused.value).startswith(says)
    assert "give it back at the provider, or cancel the order and tell it again" in str(refused.value)


def test_an_event_is_passed_on_in_the_name_of_its_order_and_the_place_is_kept() -> None:
    actor, payments = PaymentEventsActor(), PaymentsActor()
    passed = run_turn(actor, event(1), {}, others=(payments,))
    assert (passed.sent(), passed.state, actor.entity(event(1))) == ([event(1)], None, ORDER)
    heard = run_turn(actor, HeardUpTo("evt_7"), {PLACE: EventsHeard("evt_3")}, others=(payments,))
    assert (heard.sent(), heard.state) == ([], EventsHeard("evt_7"))


@pytest.mark.parametrize(
    "said",
    [
        {"amount": -1},
        {"amount": 12.5},
        {"kind": "paid"},
        {"order_id": "o" * 256},
        {"event_id": "e" * 256},
        {"provider_id": "p" * 256},
        {"refund_id": "r" * 256},
    ],
    ids=str,
)
async def test_an_event_that_cannot_be_true_is_refused_at_the_door(tmp_path: Path, said: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"order_id": "ord_1", "event_id": "evt_1", "kind": "captured", "amount": 1}
    event = PaymentEvent(**usual | said)
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()) as shop:
        with pytest.raises(InvalidInput, match=rf"event\.{next(iter(said))} is "):
            await shop.payments.event(event)
