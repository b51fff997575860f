"""A person discards a dead letter: whoever waits for it is answered."""

import pytest

from sagamore.actors.orders.order_messages import UndoAbandoned
from sagamore.actors.orders.payment_messages import CapturePayment, ClosePayment, PollPayment, RefundReport, RetryRefund
from sagamore.engine.message import Message
from sagamore.engine.testing import TurnResult
from sagamore.engine.turn import TimerSet
from tests.inventory import kit
from tests.inventory.kit import alerts
from tests.payments.kit import (
    ACTOR,
    ORDER,
    paid,
    refund,
    refused,
    reports,
    start,
    started,
    succeeded,
    take,
    under_way,
)


def give_up(payment: object, message: Message) -> TurnResult:
    return kit.give_up(ACTOR, message, {ORDER: payment} if payment else {})  # type: ignore[dict-item]


def test_a_discarded_start_is_reported_as_refused_and_never_charges() -> None:
    result = give_up(None, start(1))
    assert (result.state.state, result.state.attempt, started(result)) == ("REFUSED", 1, [])
    assert reports(result) == [("REFUSED", False, False)]
    assert started(take(result.state, start(2))) == ["charge"]


def test_a_discarded_start_that_a_close_overtook_says_nothing() -> None:
    assert give_up(paid("CLOSED", closing=True, attempt=0), start(1)).intentions == ()


def test_a_discarded_capture_lets_go_of_the_authorisation_and_is_then_reported_as_refused() -> None:
    result = give_up(paid("AUTHORISED"), CapturePayment(ORDER))
    assert (result.state.state, started(result), reports(result)) == ("VOIDING", ["void"], [])
    voided = take(result.state, succeeded("voided", 0, effect=result.state.effect.id))
    assert (voided.state.state, reports(voided)) == ("REFUSED", [("REFUSED", False, False)])


def test_a_discarded_capture_whose_void_is_refused_is_stuck_and_its_replay_voids_again() -> None:
    voiding = give_up(paid("AUTHORISED"), CapturePayment(ORDER)).state
    answer = refused(status="authorised")
    answer = type(answer)(
        voiding.effect.id, *[getattr(answer, f) for f in ("entity", "operation", "verdict", "answer")]
    )
    stuck = take(voiding, answer)
    assert stuck.state.state == "STUCK"
    assert started(take(stuck.state, RetryRefund(ORDER))) == ["void"]


def test_a_discarded_refund_is_reported_as_refused() -> None:
    result = give_up(paid("CAPTURED"), refund(400))
    (report,) = result.sent(RefundReport)
    assert isinstance(report, RefundReport)
    assert (report.status, report.amount, started(result)) == ("REFUSED", 400, [])


@pytest.mark.parametrize("payment", [None, paid("CAPTURED"), paid("AUTHORISED")])
def test_a_discarded_close_is_stuck_and_takes_nothing_more(payment: object) -> None:
    result = give_up(payment, ClosePayment(ORDER))
    assert (result.state.state, result.state.closing) == ("STUCK", True)
    assert reports(result) == [("STUCK", False, False)]
    assert result.sent(UndoAbandoned) == [UndoAbandoned(ORDER, "closing of the payment")]
    assert started(take(result.state, start(result.state.attempt + 1))) == []


def test_a_discarded_close_does_not_forget_the_effect_under_way() -> None:
    result = give_up(under_way("CHARGING", "charge"), ClosePayment(ORDER))
    assert (result.state.state, result.state.closing) == ("CHARGING", True)
    assert started(take(result.state, succeeded("captured"))) == ["refund"]


def test_a_discarded_retry_of_a_closing_refund_says_so() -> None:
    result = give_up(paid("STUCK", closing=True, captured=1250), RetryRefund(ORDER))
    assert result.sent() == [UndoAbandoned(ORDER, "refund of 12.50 GBP")]
    assert result.state.state == "STUCK"


def test_a_discarded_poll_is_not_the_last() -> None:
    (timer,) = give_up(paid("ACTION_REQUIRED", polls=1), PollPayment(ORDER, 1)).of(TimerSet)
    assert timer.message == PollPayment(ORDER, 2)


def test_a_discarded_outcome_leaves_its_effect_parked() -> None:
    result = give_up(under_way("CHARGING", "charge"), succeeded("captured"))
    assert (reports(result), alerts(result)) == ([("CHARGING", False, True)], [("payment_parked", ORDER)])
