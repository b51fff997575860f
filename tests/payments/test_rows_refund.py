"""The payment table of SAGAS 1.3, Y15 to Y19: refunds, and being STUCK. Each test bears its row's name."""

from hashlib import sha256

import pytest

from sagamore.actors.orders.facts import MoneyMoved
from sagamore.actors.orders.payment import REFUNDS_MAX, Payment, Refund
from sagamore.actors.orders.payment_errors import NothingToResolve
from sagamore.actors.orders.payment_messages import RefundReport, ResolvePayment, RetryRefund
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.turn import AlertCleared, AlertRaised, Buried, EffectSettled, EffectStarted
from tests.inventory.kit import alerts, facts
from tests.payments.kit import (
    AMOUNT,
    CLOSED_REPORT,
    ORDER,
    STUCK_REPORT,
    buried,
    event,
    outcome,
    paid,
    refund,
    refund_reports,
    refund_under_way,
    refunding,
    refused,
    reports,
    request_of,
    started,
    succeeded,
    take,
    under_way,
)


def test_y15_a_refund_within_what_is_left_is_sent_under_its_own_key() -> None:
    result = take(paid("CAPTURED"), refund(400))
    (effect,) = result.of(EffectStarted)
    assert effect.key == sha256(f"{ORDER}/refund/ref_1".encode()).hexdigest()
    assert (request_of(result)["refund_id"], request_of(result)["amount"]) == ("ref_1", 400)
    assert (result.state.state, result.state.refunded, result.state.left) == ("CAPTURED", 0, AMOUNT - 400)


def test_y15_all_waiting_and_in_flight_count_against_what_is_left() -> None:
    payment = take(refund_under_way(1000), refund(200, "ref_2")).state
    result = take(payment, refund(51, "ref_3"))
    assert refund_reports(result) == [("REFUSED", 0, 50)]
    assert take(payment, refund(50, "ref_3")).state.left == 0


@pytest.mark.parametrize("amount", [0, -1, AMOUNT + 1])
def test_y15_a_refund_of_nothing_or_of_too_much_is_refused_with_what_is_left(amount: int) -> None:
    result = take(paid("CAPTURED"), refund(amount))
    assert (refund_reports(result), started(result)) == ([("REFUSED", 0, AMOUNT)], [])


@pytest.mark.parametrize(
    "payment",
    [
        None,
        paid("AUTHORISED"),
        paid("REFUSED"),
        under_way("CHARGING", "charge"),
        refunding(),
        paid("CLOSED", closing=True),
    ],
)
def test_y15_a_refund_of_what_is_not_captured_is_refused(payment: Payment | None) -> None:
    result = take(payment, refund(1))
    assert (refund_reports(result), started(result)) == ([("REFUSED", 0, 0)], [])
    assert result.state == payment


def test_y15_a_refund_that_comes_again_is_not_counted_twice() -> None:
    assert take(refund_under_way(), refund(400)).intentions == ()


def test_y15_the_number_of_refunds_is_bounded() -> None:
    done = tuple(Refund(f"ref_{n}", 1, "SUCCEEDED") for n in range(REFUNDS_MAX))
    result = take(paid("CAPTURED", refunds=done), refund(1, "ref_more"))
    (report,) = result.sent(RefundReport)
    assert isinstance(report, RefundReport) and "more than 1000 refunds" in report.refusal


@pytest.mark.parametrize(("status", "told"), [("refunded", "SUCCEEDED"), ("refund_pending", "PENDING")])
def test_y16_a_requested_refund_is_counted_and_reported(status: str, told: str) -> None:
    result = take(refund_under_way(), succeeded(status, 400))
    assert (result.state.state, result.state.refunded, result.state.left) == ("CAPTURED", 400, AMOUNT - 400)
    assert refund_reports(result) == [(told, 400, AMOUNT - 400)]
    assert facts(result, MoneyMoved) == [MoneyMoved("refunded", 400, AMOUNT, 400, "px_1", "GBP")]


def test_y16_the_next_waiting_refund_follows() -> None:
    payment = take(refund_under_way(), refund(100, "ref_2")).state
    result = take(payment, succeeded("refunded", 400))
    assert (started(result), request_of(result)["refund_id"]) == (["refund"], "ref_2")


def test_y16_a_requested_refund_that_lands_while_closing_is_followed_by_the_rest() -> None:
    result = take(refund_under_way(closing=True), succeeded("refunded", 400))
    assert (result.state.state, request_of(result)["amount"]) == ("REFUNDING", AMOUNT - 400)
    assert refund_reports(result) == [("SUCCEEDED", 400, AMOUNT - 400)]


def test_y16_the_closing_refund_closes_and_is_nobodys_request() -> None:
    for status in ("refunded", "refund_pending"):
        result = take(refunding(), succeeded(status))
        assert (result.state.state, result.state.refunded) == ("CLOSED", AMOUNT)
        assert (reports(result), refund_reports(result)) == (CLOSED_REPORT, [])


def test_y16_a_pending_refund_that_landed_is_reported_once_more_and_moves_nothing() -> None:
    pending = take(refund_under_way(), succeeded("refund_pending", 400)).state
    result = take(pending, event("refund_succeeded", 400, refund_id="ref_1"))
    assert refund_reports(result) == [("SUCCEEDED", 400, AMOUNT - 400)]
    assert result.state.refunded == 400
    assert take(result.state, event("refund_succeeded", 400, refund_id="ref_1", n=2)).intentions == ()


def test_y17_a_refused_requested_refund_frees_its_amount_and_alerts() -> None:
    result = take(refund_under_way(), refused())
    assert (result.state.state, result.state.left, result.state.refunds) == ("CAPTURED", AMOUNT, ())
    assert refund_reports(result) == [("REFUSED", 0, AMOUNT)]
    assert alerts(result) == [("refund_refused", ORDER)]
    assert result.of(AlertRaised)[0].advice == "refund ref_1 of 4.00 GBP: card_declined: the card was declined"


def test_y18_a_refused_closing_refund_is_stuck_with_the_whole_story() -> None:
    result = take(refunding(), refused())
    assert (result.state.state, result.state.parked, result.state.refunds) == ("STUCK", None, ())
    assert (reports(result), alerts(result)) == (STUCK_REPORT, [("payment_stuck", ORDER)])
    (letter,) = result.of(Buried)
    assert letter.body == b'{"type":"payments.retry_refund/1","order_id":"ord_1"}'
    for part in ("card_declined: the card was declined", "pay_1", ORDER, "px_1", "1250 captured", "0 refunded", "GBP"):
        assert part in letter.reason


def test_y18_exhausted_attempts_are_stuck_with_the_effect_parked() -> None:
    result = take(refunding(), outcome("parked", "503"))
    assert (result.state.state, result.state.parked.refund_id) == ("STUCK", "ref_c")
    assert reports(result) == [("STUCK", False, True)]
    assert (alerts(result), buried(result)) == ([("payment_parked", ORDER)], [])  # the engine keeps the effect's letter


def test_y19_the_replayed_letter_of_an_exhausted_refund_ends_as_the_provider_says() -> None:
    stuck = take(refunding(), outcome("parked", "503")).state
    retried = take(stuck, outcome("retried"))
    assert (retried.state.state, reports(retried)) == ("REFUNDING", [("REFUNDING", True, False)])
    done = take(retried.state, succeeded("refunded"))
    assert (done.state.state, done.state.refunded, reports(done)) == ("CLOSED", AMOUNT, CLOSED_REPORT)
    refused_now = take(retried.state, refused())
    assert (refused_now.state.state, refused_now.state.parked, len(buried(refused_now))) == ("STUCK", None, 1)
    assert request_of(take(refused_now.state, RetryRefund(ORDER)))["refund_id"] != "ref_c"
    assert take(retried.state, outcome("parked", "503")).state.state == "STUCK"


@pytest.mark.parametrize("operation", ["charge", "capture", "void", "refund"])
def test_y19_what_is_parked_and_replayed_is_under_way_again_and_cannot_be_resolved(operation: str) -> None:
    state = {"charge": "CHARGING", "capture": "CAPTURING", "void": "VOIDING", "refund": "CAPTURED"}[operation]
    payment = refund_under_way() if operation == "refund" else under_way(state, operation)
    retried = take(take(payment, outcome("parked", "504")).state, outcome("retried"))
    assert (retried.state.effect, retried.state.parked, retried.state.state) == (payment.effect, None, state)
    assert reports(retried) == [(state, True, False)]
    assert [cleared.name for cleared in retried.of(AlertCleared)] == ["payment_parked"]
    for what in ("captured", "refused", "voided", "refunded"):
        with pytest.raises(NothingToResolve):
            take(retried.state, ResolvePayment(ORDER, what, 0, "px_9", "ann"))


def test_y19_a_replay_waits_until_the_payment_has_heard_that_the_effect_was_parked() -> None:
    with pytest.raises(Unlisted, match="parked"):
        take(refunding(), outcome("retried"))


def test_y19_a_replay_after_a_refusal_refunds_under_a_new_id_and_key() -> None:
    stuck = take(refunding(), refused()).state
    result = take(stuck, RetryRefund(ORDER))
    assert (result.state.state, started(result)) == ("REFUNDING", ["refund"])
    assert request_of(result)["refund_id"] != "ref_c"
    assert [cleared.name for cleared in result.of(AlertCleared)] == ["payment_stuck"]
    assert reports(result) == [("REFUNDING", False, False)]
    assert take(result.state, RetryRefund(ORDER)).intentions == ()


def test_y19_an_older_letter_does_not_send_an_exhausted_refund_again_whose_key_may_be_forgotten() -> None:
    exhausted = take(refunding(), outcome("parked", "503")).state
    result = take(exhausted, RetryRefund(ORDER))
    assert (result.state, started(result), result.of(EffectSettled)) == (exhausted, [], [])
    assert "replay its own dead letter" in facts(result, str)[0]
