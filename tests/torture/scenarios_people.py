"""Scripts of what people do with orders that stand, and with payments that nobody understands: SAGAS B8, B14, B15,
fulfilment; Y6, Y15 to Y17, Y20, Y21, Y23; the stock of products."""

from typing import Literal

from sagamore.actors.money import Money
from sagamore.actors.orders.payment_messages import ResolvePayment
from sagamore.actors.providers.simulated import ID_PREFIX
from tests.torture.script import Script, scenario


@scenario()
async def refunded_in_parts(s: Script) -> None:
    await s.place()
    await s.reach("CONFIRMED")
    await s.refund("a", "1.00", "one")
    await s.refund("a", "2.50", "two")
    await s.until(lambda order: order.refunded == 350)


@scenario()
async def refund_refused(s: Script) -> None:
    await s.place(method="pm_refund_refused")
    await s.reach("CONFIRMED")
    await s.refund("a", "1.00", "one")
    await s.until(lambda order: all(refund.status == "REFUSED" for refund in order.refunds))


@scenario()
async def refund_lands_later(s: Script) -> None:
    await s.place(method="pm_refund_pending")
    await s.reach("CONFIRMED")
    refund_id = await s.refund("a", "1.00", "one")
    await s.until(lambda order: order.refunded == 100)
    await s.event("a", "refund_succeeded", refund_id=refund_id)
    await s.until(lambda order: order.refunds[0].status == "SUCCEEDED")


@scenario()
async def refund_fails_later(s: Script) -> None:
    await s.place(method="pm_refund_pending")
    await s.reach("CONFIRMED")
    await s.refund("a", "1.00", "one")
    await s.until(lambda order: order.refunded == 100 or order.refunds[0].status == "FAILED_LATER")
    await s.event("a", "refund_failed", refund_id=s.bank.let_a_refund_fail(s.ids["a"]))
    await s.until(lambda order: order.refunds[0].status == "FAILED_LATER")


@scenario()
async def refund_answers_lost(s: Script) -> None:
    if s.first_life:
        s.bank.lost = {"refund": 3}
    await s.place()
    await s.reach("CONFIRMED")
    await s.refund("a", "1.00", "one")
    await s.refund("a", "2.00", "two")
    await s.until(lambda order: order.refunded == 300)


@scenario()
async def shipped_and_returned(s: Script) -> None:
    await s.place(quantity=2)
    await s.reach("CONFIRMED")
    order_id = s.ids["a"]
    await s.shop.orders.ship(order_id, tracking="T1", idempotency_key="ship")
    await s.shop.orders.deliver(order_id, idempotency_key="deliver")
    first, *others = s.products
    await s.shop.orders.return_goods(
        order_id, {first: 1}, amount=Money("5.00", "GBP"), restock=True, idempotency_key="return 1"
    )
    rest = {first: 1, **dict.fromkeys(others, 2)}
    await s.shop.orders.return_goods(order_id, rest, restock=False, idempotency_key="return 2")
    await s.until(lambda order: order.refunded == 500)


@scenario(captures=("at_once",), look_up=False)
async def charge_parked_then_resolved_as_captured(s: Script) -> None:
    await _park(s, "charge")
    if await _is_parked(s):
        await _resolve(s, "captured")
    await s.end()
    await s.discard_letters()


@scenario(captures=("on_confirm",), look_up=False)
async def authorisation_parked_then_resolved_as_authorised(s: Script) -> None:
    await _park(s, "authorise")
    if await _is_parked(s):
        await _resolve(s, "authorised")
    await s.end()
    await s.discard_letters()


@scenario(captures=("on_confirm",), look_up=False)
async def capture_parked_then_replayed(s: Script) -> None:
    await _park(s, "capture")
    s.bank.lost = {}
    await s.replay_until(lambda order: order.status != "PENDING")
    await s.discard_letters()


@scenario(captures=("at_once",), look_up=False)
async def charge_parked_then_replayed(s: Script) -> None:
    await _park(s, "charge")
    s.bank.lost = {}
    await s.replay_until(lambda order: order.status != "PENDING")
    await s.discard_letters()


@scenario(captures=("at_once",), look_up=False)
async def cancelled_while_parked(s: Script) -> None:
    await _park(s, "charge")
    await s.cancel()
    await s.until(lambda order: order.settlement in ("STUCK", "SETTLED"))
    if await _is_parked(s):
        await _resolve(s, "captured")
    await s.end()
    await s.discard_letters()


@scenario(sagas=("pay_first",), captures=("at_once",))
async def stock_moves(s: Script) -> None:
    product = s.products[0]
    await s.place()
    await s.shop.inventory.receive(product, 3, reason="more", idempotency_key="more")
    await s.shop.inventory.adjust(product, -2, reason="broken", idempotency_key="broken")
    await s.shop.inventory.set(product, 9, expected=11, reason="counted", idempotency_key="count")
    await s.end()


async def _park(s: Script, operation: str) -> None:
    """No answer to any attempt ever arrives."""
    if s.first_life:
        s.bank.lost = {operation: 10**6}
    await s.place()
    await s.until(lambda order: (order.snapshot.parked and s.any_letter()) or order.status != "PENDING")


async def _is_parked(s: Script) -> bool:
    payment = await s.shop.payments.get(s.ids["a"])
    return payment.parked is not None


async def _resolve(s: Script, outcome: Literal["captured", "authorised"]) -> None:
    """Past the door, which might see a card number in the digits of an id of ours, and the bank's ids hold one."""
    theirs = f"{ID_PREFIX}{s.ids['a']}/1"
    await s.world.engine.ask("payments", ResolvePayment(s.ids["a"], outcome, 0, theirs, "oli"))
