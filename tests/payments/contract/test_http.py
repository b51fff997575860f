"""The HTTP client keeps the contract against the real twin, and tells not reached, throttled and unknown apart."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest

from sagamore import Charge, Line, Money, Sagamore
from sagamore.actors.orders.payment_messages import PaymentEvent
from sagamore.actors.orders.payment_provider import ReadRequest, VoidRequest
from sagamore.actors.providers.http_answers import WirePayment, outcome_of
from sagamore.actors.providers.http_payments import HttpPayments
from sagamore.engine.effect import Declined, NotReached, Throttled, Unknown
from sagamore.engine.errors import InvalidInput
from sagamore.twin import running_twin
from tests.payments.contract.suite import ProviderContract, answered, charge, refund


class TwinBench:
    def __init__(self, url: str) -> None:
        self.provider = HttpPayments(url)
        self.url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with aiohttp.request(method, self.url + path, json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def decide(self, order_id: str, outcome: Literal["paid", "refused"], late: bool = False) -> None:
        (payment,) = (await self.ask("GET", f"/v1/payments?reference={order_id}"))["payments"]
        outcome_there = {"paid": "captured"}.get(outcome, outcome)
        await self.ask("POST", f"/v1/payments/{payment['id']}/complete", {"outcome": outcome_there, "late": late})

    async def faults(self, **faults: Any) -> None:
        await self.ask("PUT", "/v1/faults", faults)

    async def lose_answers(self) -> None:
        await self.faults(lost_answer=1.0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[TwinBench]:
    async with running_twin(tmp_path) as url:
        bench = TwinBench(url)
        yield bench
        await bench.provider.close()


class TestHttpPayments(ProviderContract):
    pass


async def test_two_charges_of_one_order_are_seen_by_the_judge(bench: TwinBench) -> None:
    await bench.provider.charge(charge(attempt=1), "key_1")
    await bench.provider.charge(charge(attempt=2), "key_2")
    violations = (await bench.ask("GET", "/v1/ledger/violations"))["violations"]
    assert violations and {violation["reference"] for violation in violations} == {"ord_1"}


@pytest.mark.parametrize("fault", ["error_before", "error_after"])
async def test_a_server_error_is_unknown_and_stays_so_when_it_is_replayed(bench: TwinBench, fault: str) -> None:
    await bench.faults(**{fault: 1.0})
    for _ in range(2):
        outcome = await bench.provider.charge(charge(), "key_1")
        assert isinstance(outcome, Unknown) and outcome.reason.startswith("500 server_error")
    found = await bench.provider.look_up(ReadRequest("ord_1", 1, ""))
    assert (found is None) == (fault == "error_before")


async def test_throttled_says_when_to_come_back(bench: TwinBench) -> None:
    await bench.faults(throttle=1.0, retry_after_ms=700)
    assert await bench.provider.charge(charge(), "key_1") == Throttled(700)
    assert await bench.provider.look_up(ReadRequest("ord_1", 1, "")) == Throttled(700)


async def test_a_failing_read_is_unknown(bench: TwinBench) -> None:
    await bench.faults(error_read=1.0)
    assert isinstance(await bench.provider.read(ReadRequest("ord_1", 1, "pay_1")), Unknown)
    assert isinstance(await bench.provider.look_up(ReadRequest("ord_1", 1, "")), Unknown)


async def test_a_key_in_flight_is_unknown(bench: TwinBench) -> None:
    await bench.faults(slow=1.0, slow_ms=1_000)
    first = asyncio.ensure_future(bench.provider.charge(charge(), "key_1"))
    async with asyncio.timeout(10):
        while not (await bench.ask("GET", "/v1/statistics"))["under_way"]:
            pass
    second = await bench.provider.charge(charge(), "key_1")
    assert isinstance(second, Unknown) and second.reason.startswith("409 key_in_use")
    assert answered(await first).status == "captured"


async def test_what_is_refused_at_the_door_is_declined(bench: TwinBench) -> None:
    answer = answered(await bench.provider.charge(charge(amount=0), "key_1"), Declined)
    assert (answer.status, answer.code) == ("refused", "invalid_request")


async def test_a_payment_that_the_provider_does_not_know_is_not_taken_for_a_refusal(bench: TwinBench) -> None:
    assert isinstance(await bench.provider.refund(refund("pay_never", 1), "key_1"), Unknown)
    assert isinstance(await bench.provider.void(VoidRequest("ord_1", 1, "pay_never"), "key_2"), Unknown)


async def test_no_connection_is_not_reached(bench: TwinBench) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid"):
        provider = HttpPayments(url)
        assert isinstance(await provider.charge(charge(), "key_1"), NotReached)
        assert isinstance(await provider.look_up(ReadRequest("ord_1", 1, "")), NotReached)
        await provider.close()


@pytest.mark.parametrize(
    ("body", "retry_after_ms"),
    [
        (b'{"code":"throttled","retry_after_ms":700}', 700),
        (b'{"code":"throttled","retry_after_ms":-5}', 1_000),
        (b'{"code":"throttled","retry_after_ms":99999999999}', 3_600_000),
        (b"<html>Too Many Requests</html>", 1_000),
    ],
)
def test_throttled_is_throttled_whatever_the_body_and_never_for_ever(body: bytes, retry_after_ms: int) -> None:
    assert outcome_of(429, body, WirePayment, "") == Throttled(retry_after_ms)


async def test_an_id_of_the_provider_cannot_lead_elsewhere(bench: TwinBench) -> None:
    answer = await bench.provider.read(ReadRequest("ord_1", 1, "../payments?reference=ord_1"))
    assert answered(answer, Declined).code == "not_found"


def test_an_error_is_shown_in_short() -> None:
    for body in (b"x" * 10_000, b'{"code":"%s"}' % (b"c" * 10_000)):
        outcome = outcome_of(500, body, WirePayment, "")
        assert isinstance(outcome, Unknown) and len(outcome.reason) < 1_000


def test_an_answer_that_cannot_be_read_is_unknown() -> None:
    for status, body in ((200, b"<html>"), (200, b"{}"), (402, b"\xff"), (502, b"Bad Gateway")):
        assert isinstance(outcome_of(status, body, WirePayment, ""), Unknown)


def test_a_base_url_without_a_scheme_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"base_url is '127\.0\.0\.1:80'"):
        HttpPayments("127.0.0.1:80")


async def test_the_client_uses_one_session_and_lets_go_of_it(bench: TwinBench) -> None:
    await bench.provider.charge(charge(), "key_1")
    session = bench.provider._http._session
    await bench.provider.charge(charge("ord_2"), "key_2")
    assert session is not None and bench.provider._http._session is session
    await bench.provider.close()
    assert session.closed


async def test_late_news_becomes_events_for_the_payments_actor(bench: TwinBench) -> None:
    assert await bench.provider.events("") == ((), "0")
    provider_id = answered(await bench.provider.charge(charge(method="pm_action"), "key_1")).provider_id
    await bench.decide("ord_1", "refused")
    await bench.decide("ord_1", "paid", late=True)
    events, last = await bench.provider.events("")
    assert events == (
        PaymentEvent("ord_1", "evt_1", "refused", 1250, "", provider_id, 1),
        PaymentEvent("ord_1", "evt_2", "captured", 1250, "", provider_id, 1),
    )
    assert (last, await bench.provider.events(last)) == ("2", ((), "2"))


async def test_a_refund_that_fails_later_becomes_an_event_and_is_not_found_as_refunded(bench: TwinBench) -> None:
    await bench.faults(refund_fails_later=1.0, refund_fails_after_ms=0)
    provider_id = answered(await bench.provider.charge(charge(), "key_1")).provider_id
    assert answered(await bench.provider.refund(refund(provider_id, 400), "key_2")).status == "refund_pending"
    events, _ = await bench.provider.events("")
    assert events == (PaymentEvent("ord_1", "evt_1", "refund_failed", 400, "ref_1", provider_id, 1),)
    found = answered(await bench.provider.look_up(ReadRequest("ord_1", 1, provider_id, "ref_1")))
    assert (found.status, found.code) == ("refused", "refund_failed")


async def test_an_authorisation_says_when_it_lapses(bench: TwinBench) -> None:
    answer = answered(await bench.provider.authorise(charge(), "key_1"))
    assert answer.capture_before_ms > 1_700_000_000_000


async def test_an_order_that_costs_nothing_is_confirmed_by_a_provider_that_takes_no_charge_of_nothing(
    bench: TwinBench, tmp_path: Path
) -> None:
    async with Sagamore.open(tmp_path / "shop", payments=HttpPayments(bench.url)) as shop:
        await shop.inventory.receive("MUG", 10, reason="delivery")
        free = [Line("MUG", 1, Money("5", "GBP"))], [Charge("discount", Money("-5", "GBP"))]
        order = await shop.orders.place(user_id="ann", lines=free[0], charges=free[1], payment_method="pm_card")
        order = await shop.orders.wait(order.id, timeout=timedelta(seconds=20))
        assert (order.status, order.payment) == ("CONFIRMED", "PAID")
        await shop.orders.cancel(order.id)
        assert (await shop.orders.wait(order.id, settled=True, timeout=timedelta(seconds=20))).settlement == "SETTLED"
    assert (await bench.ask("GET", "/v1/ledger"))["totals"] == {}
