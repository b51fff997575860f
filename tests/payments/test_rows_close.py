"""The payment table of SAGAS 1.3, Y10 to Y14 and ADVANCE: closing. Each test bears its row's name."""

from hashlib import sha256
from typing import Any

import pytest

from sagamore.actors.orders.payment import Payment, PaymentEffect
from sagamore.actors.orders.payment_messages import RetryRefund
from sagamore.actors.orders.payment_steps import EFFECT_POLICIES
from sagamore.engine.policy import DAY_MS
from sagamore.engine.turn import EffectStarted, EffectWithdrawn
from tests.inventory.kit import alerts
from tests.payments.kit import (
    AMOUNT,
    CLOSE,
    CLOSED_REPORT,
    EFFECT,
    ORDER,
    STUCK_REPORT,
    buried,
    outcome,
    paid,
    refund,
    refund_reports,
    refund_under_way,
    refused,
    reports,
    request_of,
    started,
    succeeded,
    take,
    under_way,
)


def test_y10_closing_an_unknown_payment_leaves_a_tombstone() -> None:
    result = take(None, CLOSE)
    assert (result.state.state, result.state.closing) == ("CLOSED", True)
    assert reports(result) == CLOSED_REPORT
    assert started(result) == []


def test_y11_closing_while_charging_asks_to_withdraw_and_waits() -> None:
    result = take(under_way("CHARGING", "charge"), CLOSE)
    assert [withdrawn.id for withdrawn in result.of(EffectWithdrawn)] == [EFFECT]
    assert (result.state.state, result.state.closing, result.sent()) == ("CHARGING", True, [])
    assert take(result.state, CLOSE).intentions == ()


def test_y11_a_pending_bank_debit_is_waited_for() -> None:
    result = take(paid("CHARGING", polls=1), CLOSE)
    assert (result.state.state, result.state.closing, result.intentions) == ("CHARGING", True, ())


def test_y12_a_withdrawn_charge_closes_the_payment() -> None:
    result = take(under_way("CHARGING", "charge", closing=True), outcome("withdrawn"))
    assert result.state.state == "CLOSED"
    assert reports(result) == CLOSED_REPORT


def test_y13_closing_what_is_closed_or_stuck_gets_the_report_again() -> None:
    assert reports(take(paid("CLOSED", closing=True), CLOSE)) == CLOSED_REPORT
    assert reports(take(paid("STUCK", closing=True), CLOSE)) == STUCK_REPORT


def test_y13_closing_a_parked_payment_gets_the_parked_report_again() -> None:
    payment = paid("CHARGING", parked=PaymentEffect(EFFECT, "charge"))
    assert reports(take(payment, CLOSE)) == [("CHARGING", False, True)]


@pytest.mark.parametrize(
    ("payment", "next_state", "operation"),
    [
        (paid("ACTION_REQUIRED"), "VOIDING", "void"),
        (paid("AUTHORISED"), "VOIDING", "void"),
        (paid("REFUSED", authorisation_open=True), "VOIDING", "void"),
        (paid("CAPTURED"), "REFUNDING", "refund"),
        (paid("CAPTURED", refunded=AMOUNT), "CLOSED", None),
        (paid("REFUSED"), "CLOSED", None),
    ],
)
def test_y13_closing_advances_from_every_state_of_rest(
    payment: Payment, next_state: str, operation: str | None
) -> None:
    result = take(payment, CLOSE)
    assert (result.state.state, result.state.closing) == (next_state, True)
    assert started(result) == ([operation] if operation else [])
    assert reports(result) == (CLOSED_REPORT if next_state == "CLOSED" else [])


@pytest.mark.parametrize("payment", [under_way("CAPTURING", "capture"), refund_under_way()])
def test_y13_closing_waits_for_the_effect_under_way(payment: Payment) -> None:
    result = take(payment, CLOSE)
    assert (result.state.state, result.state.closing, result.intentions) == (payment.state, True, ())


def test_y13_closing_overtakes_refunds_that_wait() -> None:
    payment = take(refund_under_way(), refund(100, "ref_2")).state
    result = take(payment, CLOSE)
    assert refund_reports(result) == [("REFUSED", 0, AMOUNT - 400)]
    assert [waiting.id for waiting in result.state.refunds] == ["ref_1"]


def test_advance_refunds_all_that_is_left_under_an_id_of_its_own() -> None:
    result = take(paid("CAPTURED", refunded=250), CLOSE)
    (effect,) = result.of(EffectStarted)
    (sent,) = result.state.refunds
    assert (sent.amount, sent.status, sent.closing) == (1000, "SENT", True)
    assert effect.key == sha256(f"{ORDER}/refund/{sent.id}".encode()).hexdigest()
    assert request_of(result)["refund_id"] == sent.id
    policy = EFFECT_POLICIES[effect.policy]
    assert policy.deadline_ms == 3 * DAY_MS
    waits_ms = sum(policy.backoff.delay_ms(made, 0) for made in range(1, policy.attempts_max))
    assert waits_ms > policy.deadline_ms, "its time is used up before its attempts are"


@pytest.mark.parametrize(
    ("answer", "next_state", "operation"),
    [
        (succeeded("captured"), "REFUNDING", "refund"),
        (succeeded("authorised"), "VOIDING", "void"),
        (succeeded("action_required"), "VOIDING", "void"),
        (refused(), "CLOSED", None),
    ],
)
def test_advance_undoes_a_charge_that_lands_while_closing(answer: Any, next_state: str, operation: str | None) -> None:
    result = take(under_way("CHARGING", "charge", closing=True), answer)
    assert (result.state.state, started(result)) == (next_state, [operation] if operation else [])
    assert reports(result) == (CLOSED_REPORT if next_state == "CLOSED" else [])


def test_advance_undoes_a_capture_that_lands_while_closing() -> None:
    assert started(take(under_way("CAPTURING", "capture", closing=True), succeeded("captured"))) == ["refund"]
    gone = take(under_way("CAPTURING", "capture", closing=True), refused(status="voided"))
    assert gone.state.state == "CLOSED"


@pytest.mark.parametrize(
    "answer", [succeeded("voided", 0), succeeded("refused", 0), outcome("refused", '{"status":"voided"}')]
)
def test_y14_voided_lapsed_or_cancelled_closes(answer: Any) -> None:
    result = take(under_way("VOIDING", "void", closing=True, authorisation_open=True), answer)
    assert (result.state.state, result.state.authorisation_open) == ("CLOSED", False)
    assert reports(result) == CLOSED_REPORT


def test_y14_a_void_refused_because_captured_meanwhile_refunds() -> None:
    result = take(under_way("VOIDING", "void", closing=True), outcome("refused", '{"status":"captured","amount":1250}'))
    assert (result.state.state, result.state.captured) == ("REFUNDING", AMOUNT)
    assert request_of(result)["amount"] == AMOUNT


@pytest.mark.parametrize("answer", [refused(status="authorised"), refused(status="action_required")])
def test_y14_a_void_refused_while_the_authorisation_stands_is_stuck_and_a_replay_voids_anew(answer: Any) -> None:
    # Closed while the customer was to act: that the payment was authorised meanwhile is only heard now.
    result = take(under_way("VOIDING", "void", closing=True, voids=1), answer)
    assert result.state.state == "STUCK"
    assert (reports(result), alerts(result), len(buried(result))) == (STUCK_REPORT, [("payment_stuck", ORDER)], 1)
    again = take(result.state, RetryRefund(ORDER))
    (effect,) = again.of(EffectStarted)
    assert (effect.operation, effect.key) == ("void", sha256(f"{ORDER}/void/2".encode()).hexdigest())
