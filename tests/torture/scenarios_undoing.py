"""Scripts of orders that are cancelled in every state, and of what follows when an undo fails: SAGAS B13, B16 to B19;
Y10 to Y14, Y18 to Y22."""

from sagamore.actors.orders.order_messages import UndoAbandoned
from sagamore.actors.orders.payment_messages import ClosePayment, StartPayment
from sagamore.actors.orders.stock_messages import ReleaseStock
from tests.torture.script import Script, scenario

MINUTE_MS = 60_000


@scenario()
async def cancelled_before_paying(s: Script) -> None:
    await s.place(method="", pay_by_ms=MINUTE_MS)
    await s.reach("AWAITING_PAYMENT")
    await s.cancel()
    await s.end()


@scenario()
async def cancelled_at_once(s: Script) -> None:
    await s.place()
    await s.cancel()
    await s.cancel(key="again")
    await s.end()


@scenario()
async def cancelled_before_the_charge_is_done(s: Script) -> None:
    gates = s.bank.hold("charge"), s.bank.hold("authorise")
    await s.place()
    await s.until(lambda order: any(gate.waiting for gate in gates) or order.state not in ("RESERVING", "PAYING"))
    await s.cancel(by="oli")
    for gate in gates:
        gate.open()
    await s.end()


@scenario()
async def cancelled_while_the_charge_is_done(s: Script) -> None:
    gates = s.bank.hold("charge", done=True), s.bank.hold("authorise", done=True)
    await s.place()
    await s.until(lambda order: any(gate.waiting for gate in gates) or order.state not in ("RESERVING", "PAYING"))
    await s.cancel()
    for gate in gates:
        gate.open()
    await s.end()


@scenario()
async def cancelled_while_the_charge_is_unknown(s: Script) -> None:
    if s.first_life:
        s.bank.lost = {"charge": 2, "authorise": 2}
    await s.place()
    await s.until(lambda order: order.payment == "UNKNOWN" or order.state not in ("RESERVING", "PAYING"))
    await s.cancel()
    await s.end()


@scenario()
async def cancelled_while_the_bank_asks(s: Script) -> None:
    await s.place(method="pm_action")
    await s.until(lambda order: order.payment == "ACTION_REQUIRED" or order.status != "PENDING")
    await s.cancel()
    await s.end()


@scenario(captures=("at_once",))
async def cancelled_while_the_bank_decides(s: Script) -> None:
    await s.place(method="pm_pending")
    await s.until(lambda order: bool(s.bank.payments) or order.status != "PENDING")
    await s.cancel()
    for reference, payment in s.bank.payments.items():
        if payment.status == "pending":
            s.bank.decide(reference, "paid")
    await s.end()


@scenario()
async def cancelled_while_reserving(s: Script) -> None:
    await s.hold_stock()
    await s.place()
    await s.reach("RESERVING")
    await s.cancel()
    s.let_stock_go()
    await s.end()


@scenario(captures=("on_confirm",))
async def cancelled_while_capturing(s: Script) -> None:
    gate = s.bank.hold("capture", done=True)
    await s.place()
    await s.until(lambda order: gate.waiting > 0 or order.status != "PENDING")
    await s.cancel()
    gate.open()
    await s.end()


@scenario(places=1)
async def cancelled_while_the_charge_waits_for_a_place(s: Script) -> None:
    """It is withdrawn; after a death nobody can say that it was never sent, so then it is done and given back."""
    gates = s.bank.hold("charge"), s.bank.hold("authorise")
    await s.place("a")
    await s.until(lambda order: any(gate.waiting for gate in gates) or order.state not in ("RESERVING", "PAYING"))
    await s.place("b")
    await s.until(lambda order: order.state != "RESERVING", "b")
    await s.cancel("b")
    if s.first_life:
        await s.end("b")
    for gate in gates:
        gate.open()
    await s.end("a")
    await s.end("b")


@scenario()
async def cancelled_when_confirmed(s: Script) -> None:
    await s.place()
    await s.reach("CONFIRMED")
    await s.cancel()
    await s.end()


@scenario()
async def cancelled_when_partly_refunded(s: Script) -> None:
    await s.place()
    await s.reach("CONFIRMED")
    await s.refund("a", "1.00", "one")
    await s.refund("a", "2.00", "two")
    await s.until(lambda order: order.refunded == 300 or order.status == "CANCELLED")
    await s.cancel()
    await s.end()


@scenario()
async def stuck_then_replayed(s: Script) -> None:
    await _get_stuck(s)
    _bank_gives_in(s)
    await s.replay_until(lambda order: order.settlement == "SETTLED" and s.bank.net(order.id) == 0)
    await s.discard_letters()


@scenario()
async def stuck_then_resolved_by_hand(s: Script) -> None:
    await _get_stuck(s)
    await _resolve_by_hand(s)
    await s.end()
    await s.discard_letters()


@scenario(captures=("at_once",), look_up=False)
async def stuck_since_no_answer_ever_comes(s: Script) -> None:
    """Its key may be forgotten by now, so nothing is sent again: a person looks."""
    if s.first_life:
        s.bank.lost = {"refund": 10**6}
    await s.place()
    await s.reach("CONFIRMED")
    await s.cancel()
    await s.until(lambda order: (order.settlement == "STUCK" and s.any_letter()) or order.settlement == "SETTLED")
    if (await s.shop.payments.get(s.ids["a"])).parked is not None:
        await s.shop.payments.resolve(s.ids["a"], outcome="refunded", reference="bank slip", by="oli")
    await s.end()
    await s.discard_letters()


@scenario()
async def money_turns_up_after_all_is_settled(s: Script) -> None:
    await s.place(method="pm_action")
    await s.until(lambda order: order.payment == "ACTION_REQUIRED" or order.status != "PENDING")
    await s.cancel()
    await s.end()
    order = await s.order()
    for reference, payment in s.bank.payments_of(order.id).items():
        if payment.status == "voided":
            payment.status, payment.captured = "captured", payment.amount
        await s.event("a", "captured", provider_id=f"sim_{reference}", amount=payment.amount)
    await s.end()
    await s.until(lambda order: s.bank.net(order.id) == 0 and order.settlement == "SETTLED")


@scenario()
async def closing_refund_fails_days_later(s: Script) -> None:
    await s.place(method="pm_refund_pending")
    await s.reach("CONFIRMED")
    await s.cancel()
    await s.until(lambda order: order.settlement in ("STUCK", "SETTLED"))
    refund_id = s.bank.let_a_refund_fail(s.ids["a"])
    _bank_gives_in(s)
    await s.event("a", "refund_failed", refund_id=refund_id)
    await s.replay_until(lambda order: order.settlement == "SETTLED" and s.bank.net(order.id) == 0)
    await s.discard_letters()


@scenario()
async def cancelled_before_the_payment_is_begun(s: Script) -> None:
    """Its message is in retry, and what undoes it overtakes it."""
    s.break_on(StartPayment)
    await s.place()
    await s.reach("PAYING")
    await s.cancel()
    await s.end()
    s.mend(StartPayment)


@scenario()
async def closing_is_discarded_then_resolved_by_hand(s: Script) -> None:
    await _discard_the_closing(s)
    await _resolve_by_hand(s)
    await s.end()
    await s.discard_letters()


@scenario()
async def word_of_a_discard_comes_when_all_is_resolved(s: Script) -> None:
    s.break_on(UndoAbandoned)
    await _discard_the_closing(s)
    await _resolve_by_hand(s)
    await s.end()
    s.mend(UndoAbandoned)
    await s.discard_letters()


@scenario()
async def release_is_discarded_then_cancelled_again(s: Script) -> None:
    s.break_on(ReleaseStock)
    await s.place()
    await s.reach("CONFIRMED")
    await s.cancel()
    await s.until(lambda order: s.any_letter() or order.settlement in ("STUCK", "SETTLED"))
    s.mend(ReleaseStock)
    await s.discard_letters()
    await s.until(lambda order: order.settlement in ("STUCK", "SETTLED"))
    await s.cancel(key="again")
    await s.end()
    await s.discard_letters()


async def _discard_the_closing(s: Script) -> None:
    s.break_on(ClosePayment)
    await s.place()
    await s.reach("CONFIRMED")
    await s.cancel()
    await s.until(lambda order: s.any_letter() or order.settlement in ("STUCK", "SETTLED"))
    s.mend(ClosePayment)
    await s.discard_letters()
    await s.until(lambda order: order.settlement in ("STUCK", "SETTLED"))


async def _resolve_by_hand(s: Script) -> None:
    order_id = s.ids["a"]
    if (await s.shop.payments.get(order_id)).state == "STUCK":
        for payment in s.bank.payments_of(order_id).values():
            payment.refunds["by hand"] = payment.captured
        await s.shop.payments.resolve(order_id, outcome="refunded", reference="bank slip", by="oli")


async def _get_stuck(s: Script) -> None:
    await s.place(method="pm_refund_refused")
    await s.reach("CONFIRMED")
    await s.cancel()
    await s.until(lambda order: (order.settlement == "STUCK" and s.any_letter()) or order.settlement == "SETTLED")


def _bank_gives_in(s: Script) -> None:
    for payment in s.bank.payments.values():
        payment.method = "pm_card"
