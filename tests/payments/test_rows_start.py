"""The payment table of SAGAS 1.3, Y1 to Y5: taking money. Each test bears its row's name."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from sagamore.actors.orders.facts import Entered, MoneyMoved
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.payment_messages import (
    AuthorisationDue,
    CapturePayment,
    NextAction,
    PaymentEvent,
    PaymentReport,
    PollPayment,
)
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.effect import Verdict
from sagamore.engine.policy import HOUR_MS
from sagamore.engine.testing import NOON_MS
from sagamore.engine.turn import EffectSettled, EffectStarted, TimerCancelled, TimerSet
from tests.inventory.kit import alerts, facts
from tests.payments.kit import (
    AMOUNT,
    CLOSE,
    CLOSED_REPORT,
    EFFECT,
    ORDER,
    outcome,
    paid,
    refused,
    reports,
    request_of,
    start,
    started,
    succeeded,
    take,
    under_way,
)


def key(kind: str, n: object) -> str:
    return sha256(f"{ORDER}/{kind}/{n}".encode()).hexdigest()


def test_y1_the_first_attempt_charges_under_the_key_of_attempt_one() -> None:
    result = take(None, start())
    (effect,) = result.of(EffectStarted)
    assert (effect.operation, effect.key, effect.provider) == ("charge", key("charge", 1), "payments")
    assert request_of(result) == {
        "order_id": ORDER, "attempt": 1, "amount": AMOUNT, "currency": "GBP", "payment_method": "pm_card",
    }  # fmt: skip
    assert (result.state.state, result.state.attempt, result.state.effect.id) == ("CHARGING", 1, effect.id)
    assert result.state.id.startswith("pay_")
    assert result.sent() == []
    assert facts(result, Entered) == [Entered("ABSENT", "CHARGING", "Y1")]


@pytest.mark.parametrize("capture", ["at_once", "on_confirm"])
def test_y1_of_an_order_that_costs_nothing_no_provider_hears(capture: str) -> None:
    result = take(None, replace(start(capture=capture), amount=0))
    assert (started(result), reports(result)) == ([], [("CAPTURED", False, False)])
    closed = take(result.state, CLOSE)
    assert (started(closed), reports(closed)) == ([], CLOSED_REPORT)


def test_y1_capturing_on_confirmation_authorises() -> None:
    result = take(None, start(capture="on_confirm"))
    assert started(result) == ["authorise"]
    assert result.of(EffectStarted)[0].key == key("authorise", 1)


def test_y1_after_a_refusal_the_next_attempt_has_a_new_key() -> None:
    result = take(paid("REFUSED", refusal="declined", provider_id="px_1"), start(2))
    assert result.of(EffectStarted)[0].key == key("charge", 2)
    assert (result.state.state, result.state.attempt, result.state.refusal) == ("CHARGING", 2, "")
    assert result.state.provider_id == ""


@pytest.mark.parametrize("state", ["CHARGING", "CAPTURED", "AUTHORISED", "ACTION_REQUIRED"])
def test_y2_a_start_that_comes_again_starts_nothing(state: str) -> None:
    result = take(paid(state), start(1))
    assert (result.intentions, result.state) == ((), paid(state))


def test_y2_a_start_that_a_close_overtook_starts_nothing() -> None:
    tombstone = paid("CLOSED", closing=True, attempt=0)
    assert take(tombstone, start(1)).intentions == ()


def test_y2_in_refused_a_duplicate_is_answered_with_the_report_again() -> None:
    for message in (start(1), CapturePayment(ORDER)):
        result = take(paid("REFUSED", refusal="declined: no"), message)
        assert reports(result) == [("REFUSED", False, False)]
        assert result.state.revision == 4
        assert started(result) == []


@pytest.mark.parametrize("state", ["CHARGING", "CAPTURING", "CAPTURED", "VOIDING", "REFUNDING", "STUCK", "CLOSED"])
def test_y2_a_capture_of_what_is_not_authorised_does_nothing(state: str) -> None:
    payment = paid(state, closing=state in ("VOIDING", "REFUNDING", "STUCK", "CLOSED"))
    payment = payment if state not in ("VOIDING", "REFUNDING") else under_way(state, "refund", closing=True)
    assert take(payment, CapturePayment(ORDER)).intentions == ()


def test_y3_a_charge_that_succeeds_is_captured_and_reported() -> None:
    result = take(under_way("CHARGING", "charge", provider_id=""), succeeded("captured"))
    assert (result.state.state, result.state.captured, result.state.provider_id) == ("CAPTURED", AMOUNT, "px_1")
    assert result.state.effect is None
    assert reports(result) == [("CAPTURED", False, False)]
    assert facts(result, MoneyMoved) == [MoneyMoved("captured", AMOUNT, AMOUNT, 0, "px_1", "GBP")]


def test_y3_an_authorisation_sets_the_timer_an_hour_before_it_lapses() -> None:
    capture_before_ms = NOON_MS + 7 * 24 * HOUR_MS
    result = take(under_way("CHARGING", "authorise"), succeeded("authorised", capture_before_ms=capture_before_ms))
    assert (result.state.state, result.state.captured) == ("AUTHORISED", 0)
    assert reports(result) == [("AUTHORISED", False, False)]
    (timer,) = result.of(TimerSet)
    assert (timer.due_ms, timer.message) == (capture_before_ms - HOUR_MS, AuthorisationDue(ORDER, 1))


def test_y3_a_short_authorisation_is_given_half_of_its_time() -> None:
    answer = succeeded("authorised", capture_before_ms=NOON_MS + HOUR_MS)
    (timer,) = take(under_way("CHARGING", "authorise"), answer).of(TimerSet)
    assert timer.due_ms == NOON_MS + HOUR_MS // 2


def test_y3_the_customer_has_acted_and_a_poll_or_an_event_tells() -> None:
    waiting = paid("ACTION_REQUIRED", polls=2, next_action=NextAction("redirect", "https://b"))
    event = PaymentEvent(ORDER, "evt_1", "captured", AMOUNT, provider_id="px_1")
    reading = paid("ACTION_REQUIRED", polls=2, next_action=NextAction("redirect", "https://b"), reading=EFFECT)
    for payment, message in ((waiting, event), (reading, succeeded("captured"))):
        result = take(payment, message)
        assert (result.state.state, result.state.captured) == ("CAPTURED", AMOUNT)
        assert (result.state.next_action, result.state.reading) == (None, "")
        assert reports(result) == [("CAPTURED", False, False)]
        assert [timer.name for timer in result.of(TimerCancelled)] == ["poll"]


@pytest.mark.parametrize(
    "payment",
    [under_way("CHARGING", "charge"), paid("ACTION_REQUIRED", reading=EFFECT), under_way("CAPTURING", "capture")],
)
def test_y4_a_refusal_keeps_code_and_text(payment: Payment) -> None:
    answer = (
        refused() if payment.effect else succeeded("refused", 0, code="card_declined", message="the card was declined")
    )
    result = take(payment, answer)
    assert (result.state.state, result.state.refusal) == ("REFUSED", "card_declined: the card was declined")
    assert reports(result) == [("REFUSED", False, False)]
    assert result.state.captured == 0


def test_y4_a_refused_capture_whose_authorisation_is_still_good_will_be_voided() -> None:
    still = take(under_way("CAPTURING", "capture"), refused(status="authorised")).state
    assert (still.state, still.authorisation_open, still.lapsed) == ("REFUSED", True, False)
    gone = take(under_way("CAPTURING", "capture"), refused(status="voided")).state
    assert (gone.state, gone.authorisation_open, gone.lapsed) == ("REFUSED", False, True)


def test_y5_an_action_is_reported_and_polled_for() -> None:
    action = NextAction("redirect", "https://bank.invalid")
    result = take(under_way("CHARGING", "charge"), succeeded("action_required", next_action=action))
    assert (result.state.state, result.state.next_action) == ("ACTION_REQUIRED", action)
    (report,) = result.sent()
    assert isinstance(report, PaymentReport) and report.next_action == action
    (timer,) = result.of(TimerSet)
    assert (timer.message, timer.due_ms) == (PollPayment(ORDER, 1), NOON_MS + 5_000)


def test_y5_another_action_than_the_one_known_is_reported_and_the_same_is_not() -> None:
    old, new = NextAction("redirect", "https://bank.invalid/1"), NextAction("redirect", "https://bank.invalid/2")
    waiting = paid("ACTION_REQUIRED", polls=2, next_action=old, reading=EFFECT)
    (report,) = take(waiting, succeeded("action_required", next_action=new)).sent(PaymentReport)
    assert isinstance(report, PaymentReport) and report.next_action == new
    assert take(waiting, succeeded("action_required", next_action=old)).sent() == []


def test_y5_a_pending_bank_debit_is_polled_without_alert_or_report() -> None:
    result = take(under_way("CHARGING", "charge"), succeeded("pending"))
    assert (result.state.state, result.state.waits) == ("CHARGING", True)
    assert (result.sent(), alerts(result)) == ([], [])
    assert result.of(TimerSet)[0].message == PollPayment(ORDER, 1)


def test_y5_polls_double_from_five_seconds_to_an_hour() -> None:
    delays = []
    for polls in (0, 1, 2, 9, 10, 50):
        payment = paid("ACTION_REQUIRED", polls=polls, reading=EFFECT)
        delays.append(take(payment, succeeded("action_required")).of(TimerSet)[0].due_ms - NOON_MS)
    assert delays == [5_000, 10_000, 20_000, 2_560_000, HOUR_MS, HOUR_MS]


def test_y5_a_poll_reads_and_an_old_one_does_not() -> None:
    result = take(paid("ACTION_REQUIRED", polls=3), PollPayment(ORDER, 3))
    assert started(result) == ["read"]
    assert request_of(result) == {"order_id": ORDER, "attempt": 1, "provider_id": "px_1", "refund_id": ""}
    assert take(paid("ACTION_REQUIRED", polls=3), PollPayment(ORDER, 2)).intentions == ()
    assert take(paid("CAPTURED", polls=3), PollPayment(ORDER, 3)).intentions == ()


@pytest.mark.parametrize("verdict", ["refused", "parked"])
def test_y5_a_reading_that_fails_is_made_again_later(verdict: Verdict) -> None:
    result = take(paid("ACTION_REQUIRED", polls=3, reading=EFFECT), outcome(verdict))
    assert result.of(TimerSet)[0].message == PollPayment(ORDER, 4)
    assert (result.sent(), alerts(result)) == ([], [])
    assert [settled.id for settled in result.of(EffectSettled)] == ([EFFECT] if verdict == "parked" else [])


def test_y5_a_reading_overtaken_by_an_event_is_not_believed() -> None:
    payment = paid("ACTION_REQUIRED", polls=3, reading=EFFECT)
    captured = take(payment, PaymentEvent(ORDER, "evt_1", "captured", AMOUNT, provider_id="px_1")).state
    assert take(captured, succeeded("refused", 0)).intentions == ()


def test_a_start_out_of_turn_is_a_bug_that_changes_nothing() -> None:
    with pytest.raises(Unlisted, match="payment ord_1: no row for start in CHARGING"):
        take(paid("CHARGING"), start(2))
    with pytest.raises(Unlisted):
        take(None, start(2))


def test_an_outcome_of_an_effect_that_is_no_longer_ours_is_ignored() -> None:
    assert take(paid("CAPTURED"), succeeded("captured", effect="eff_old")).intentions == ()
    assert take(None, succeeded("captured", effect="eff_old")).state is None
