"""Scripts of orders that are paid, or not: SAGAS P, R, B1 to B12; Y1 to Y9."""

from tests.torture.script import Script, scenario
from tests.torture.world import INVENTORY_PARTITIONS

MINUTE_MS = 60_000


@scenario()
async def paid(s: Script) -> None:
    await s.place()
    await s.end()


@scenario()
async def paid_though_answers_are_lost(s: Script) -> None:
    if s.first_life:
        s.bank.lost = {"charge": 3, "authorise": 1, "capture": 2}
    await s.place()
    await s.end()


@scenario()
async def refused(s: Script) -> None:
    await s.place(method="pm_refused")
    await s.end()


@scenario()
async def paid_later(s: Script) -> None:
    await s.place(method="", pay_by_ms=MINUTE_MS)
    await s.reach("AWAITING_PAYMENT", "PAYING")
    await s.pay("a", "pm_card", "pay")
    await s.end()


@scenario()
async def paid_again_after_a_refusal(s: Script) -> None:
    await s.place(method="pm_refused", pay_by_ms=MINUTE_MS)
    await s.until(lambda order: order.state == "AWAITING_PAYMENT" or order.attempt > 1 or order.status != "PENDING")
    await s.pay("a", "pm_card", "pay 2")
    await s.end()


@scenario()
async def never_paid(s: Script) -> None:
    await s.place(method="", pay_by_ms=MINUTE_MS)
    await s.end()


@scenario()
async def bank_asks_and_customer_acts(s: Script) -> None:
    await s.place(method="pm_action")
    await s.until(lambda order: order.payment == "ACTION_REQUIRED" or order.status != "PENDING")
    _decide(s, "paid")
    await s.end()


@scenario()
async def bank_asks_and_customer_goes_away(s: Script) -> None:
    await s.place(method="pm_action")
    await s.end()


@scenario()
async def bank_asks_after_the_deadline(s: Script) -> None:
    gates = s.bank.hold("charge"), s.bank.hold("authorise")
    await s.place(method="pm_action")
    await s.until(lambda order: order.deadline_passed or order.status != "PENDING")
    for gate in gates:
        gate.open()
    await s.end()


@scenario(captures=("at_once",))
async def bank_debit_lands(s: Script) -> None:
    await s.place(method="pm_pending")
    await s.until(lambda order: bool(s.bank.payments) or order.status != "PENDING")
    _decide(s, "paid")
    await s.end()


@scenario(captures=("at_once",))
async def bank_debit_lands_though_the_first_answer_is_lost(s: Script) -> None:
    if s.first_life:
        s.bank.lost = {"charge": 1}
    await s.place(method="pm_pending")
    await s.until(lambda order: bool(s.bank.payments) or order.status != "PENDING")
    _decide(s, "paid")
    await s.end()


@scenario(captures=("at_once",))
async def bank_debit_is_refused(s: Script) -> None:
    await s.place(method="pm_pending")
    await s.until(lambda order: bool(s.bank.payments) or order.status != "PENDING")
    _decide(s, "refused")
    await s.end()


@scenario()
async def deadline_while_the_charge_is_unknown(s: Script) -> None:
    gates = s.bank.hold("charge"), s.bank.hold("authorise")
    await s.place()
    await s.until(lambda order: order.deadline_passed or order.state not in ("RESERVING", "PAYING"))
    for gate in gates:
        gate.open()
    await s.end()


@scenario(sagas=("reserve_first",))
async def deadline_while_reserving(s: Script) -> None:
    await s.hold_stock()
    await s.place()
    await s.until(lambda order: order.deadline_passed or order.state != "RESERVING")
    s.let_stock_go()
    await s.end()


@scenario(sagas=("reserve_first",))
async def deadline_while_reserving_to_pay_later(s: Script) -> None:
    await s.hold_stock()
    await s.place(method="", pay_by_ms=MINUTE_MS)
    await s.until(lambda order: order.deadline_passed or order.state != "RESERVING")
    s.let_stock_go()
    await s.end()


@scenario()
async def out_of_stock_in_the_first_partition(s: Script) -> None:
    await _sell_out(s, 0)


@scenario()
async def out_of_stock_in_the_last_partition(s: Script) -> None:
    await _sell_out(s, INVENTORY_PARTITIONS - 1)


@scenario(captures=("on_confirm",))
async def capture_refused(s: Script) -> None:
    await s.place(method="pm_capture_refused")
    await s.end()


@scenario(sagas=("pay_first",), captures=("on_confirm",))
async def authorisation_lapses(s: Script) -> None:
    await s.hold_stock()
    await s.place(method="pm_lapses")
    await s.until(lambda order: order.status != "PENDING")
    s.let_stock_go()
    await s.end()


def _decide(s: Script, outcome: str) -> None:
    for reference, payment in s.bank.payments.items():
        if payment.status in ("action_required", "pending"):
            s.bank.decide(reference, outcome)  # type: ignore[arg-type]


async def _sell_out(s: Script, partition: int) -> None:
    product = s.products[partition]
    await s.shop.inventory.adjust(product, -10, reason="broken", idempotency_key="out")
    await s.place()
    await s.end()
