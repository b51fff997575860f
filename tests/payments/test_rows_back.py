"""The payment table of SAGAS 1.3, Y10 to Y23: closing, refunds, what goes wrong for good. Each test bears its row's name."""

from hashlib import sha256
from typing import Any

import pytest

from sagamore.actors.orders.messages import (
    ClosePayment,
    MoneyMoved,
    PaymentEvent,
    RefundReport,
    ResolvePayment,
    RetryRefund,
)
from sagamore.actors.orders.payment import EVENTS_REMEMBERED_MAX, REFUNDS_MAX, Payment, PaymentEffect, Refund
from sagamore.actors.orders.payment_errors import CannotResolve, NothingToResolve
from sagamore.actors.orders.payment_steps import EFFECT_POLICIES
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.policy import DAY_MS
from sagamore.engine.turn import AlertCleared, Buried, EffectSettled, EffectStarted, EffectWithdrawn
from tests.inventory.kit import alerts, facts
from tests.payments.kit import (
    AMOUNT,
    EFFECT,
    ORDER,
    outcome,
    paid,
    refund,
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

CLOSE = ClosePayment(ORDER)
CLOSED_REPORT = [("CLOSED", False, False)]
STUCK_REPORT = [("STUCK", False, False)]


def event(kind: Any, amount: int = AMOUNT, provider_id: str = "px_1", refund_id: str = "", n: int = 1) -> PaymentEvent:
    return PaymentEvent(ORDER, f"evt_{n}", kind, amount, refund_id, provider_id)


def resolve(what: Any, amount: int = 0) -> ResolvePayment:
    return ResolvePayment(ORDER, what, amount, "px_9", "ann")


def refund_reports(result: Any) -> list[tuple[str, int, int]]:
    """Status, what is refunded and what is left, of the refund reports sent."""
    return [(r.status, r.refunded, r.left) for r in result.sent(RefundReport)]


def buried(result: Any) -> list[str]:
    return [letter.reason for letter in result.of(Buried)]


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
    assert EFFECT_POLICIES[effect.policy].deadline_ms == 3 * DAY_MS


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


@pytest.mark.parametrize("answer", [refused(status="authorised"), outcome("refused"), outcome("withdrawn")])
def test_y14_a_void_refused_while_the_authorisation_stands_is_stuck_and_a_replay_voids_anew(answer: Any) -> None:
    result = take(under_way("VOIDING", "void", closing=True, authorisation_open=True, voids=1), answer)
    assert result.state.state == "STUCK"
    assert (reports(result), alerts(result), len(buried(result))) == (STUCK_REPORT, [("payment_stuck", ORDER)], 1)
    again = take(result.state, RetryRefund(ORDER))
    (effect,) = again.of(EffectStarted)
    assert (effect.operation, effect.key) == ("void", sha256(f"{ORDER}/void/2".encode()).hexdigest())


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
    assert facts(result, MoneyMoved) == [MoneyMoved("refunded", 400, AMOUNT, 400, "px_1")]


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


def test_y17_a_refused_requested_refund_frees_its_amount_and_alerts() -> None:
    result = take(refund_under_way(), refused())
    assert (result.state.state, result.state.left, result.state.refunds) == ("CAPTURED", AMOUNT, ())
    assert refund_reports(result) == [("REFUSED", 0, AMOUNT)]
    assert alerts(result) == [("refund_refused", ORDER)]


def test_y18_a_refused_closing_refund_is_stuck_with_the_whole_story() -> None:
    result = take(refunding(), refused())
    assert (result.state.state, result.state.parked) == ("STUCK", None)
    assert (reports(result), alerts(result)) == (STUCK_REPORT, [("payment_stuck", ORDER)])
    (letter,) = result.of(Buried)
    assert letter.body == b'{"type":"payments.retry_refund/1","order_id":"ord_1"}'
    for part in ("card_declined: the card was declined", "pay_1", ORDER, "px_1", "1250 captured", "0 refunded", "GBP"):
        assert part in letter.reason


def test_y18_exhausted_attempts_are_stuck_with_the_effect_parked() -> None:
    result = take(refunding(), outcome("parked", "503"))
    assert (result.state.state, result.state.parked.refund_id) == ("STUCK", "ref_c")
    assert reports(result) == [("STUCK", False, True)]
    assert (alerts(result), len(buried(result))) == ([("payment_stuck", ORDER)], 1)


def test_y19_a_replay_after_a_refusal_refunds_under_a_new_id_and_key() -> None:
    stuck = take(refunding(), refused()).state
    result = take(stuck, RetryRefund(ORDER))
    assert (result.state.state, started(result)) == ("REFUNDING", ["refund"])
    assert request_of(result)["refund_id"] != "ref_c"
    assert [cleared.name for cleared in result.of(AlertCleared)] == ["payment_stuck"]
    assert reports(result) == [("REFUNDING", False, False)]
    assert take(result.state, RetryRefund(ORDER)).intentions == ()


def test_y19_a_replay_after_exhaustion_refunds_under_the_same_id_and_key() -> None:
    stuck = take(refunding(), outcome("parked", "503")).state
    result = take(stuck, RetryRefund(ORDER))
    (effect,) = result.of(EffectStarted)
    assert (request_of(result)["refund_id"], request_of(result)["amount"]) == ("ref_c", AMOUNT)
    assert effect.key == sha256(f"{ORDER}/refund/ref_c".encode()).hexdigest()
    assert [settled.id for settled in result.of(EffectSettled)] == [EFFECT]
    done = take(result.state, succeeded("refunded", effect=effect.id))
    assert (done.state.state, done.state.refunded) == ("CLOSED", AMOUNT)


PARKED_CHARGE = paid("CHARGING", provider_id="", parked=PaymentEffect(EFFECT, "charge"), unknown=True)
PARKED_VOID = paid("VOIDING", closing=True, authorisation_open=True, parked=PaymentEffect(EFFECT, "void"))
PARKED_CAPTURE = paid("CAPTURING", parked=PaymentEffect(EFFECT, "capture"))
PARKED_REFUND = take(refund_under_way(), outcome("parked")).state
EXHAUSTED = take(refunding(), outcome("parked", "503")).state
STUCK = take(refunding(), refused()).state


@pytest.mark.parametrize(
    ("payment", "what", "next_state", "captured", "refunded"),
    [
        (PARKED_CHARGE, "captured", "CAPTURED", AMOUNT, 0),
        (PARKED_CHARGE, "authorised", "AUTHORISED", 0, 0),
        (PARKED_CHARGE, "refused", "REFUSED", 0, 0),
        (PARKED_CAPTURE, "captured", "CAPTURED", AMOUNT, 0),
        (PARKED_CAPTURE, "refused", "REFUSED", 0, 0),
        (PARKED_VOID, "voided", "CLOSED", 0, 0),
        (PARKED_VOID, "captured", "REFUNDING", AMOUNT, 0),
        (PARKED_REFUND, "refunded", "CAPTURED", AMOUNT, 400),
        (PARKED_REFUND, "refused", "CAPTURED", AMOUNT, 0),
        (EXHAUSTED, "refunded", "CLOSED", AMOUNT, AMOUNT),
        (EXHAUSTED, "refused", "STUCK", AMOUNT, 0),
        (STUCK, "refunded", "CLOSED", AMOUNT, AMOUNT),
    ],
)
def test_y20_a_persons_word_is_taken_as_the_outcome(
    payment: Payment, what: str, next_state: str, captured: int, refunded: int
) -> None:
    result = take(payment, resolve(what))
    assert (result.state.state, result.state.captured, result.state.refunded) == (next_state, captured, refunded)
    assert (result.state.parked, result.state.unknown) == (None, False)
    assert result.reply == result.state
    assert [settled.id for settled in result.of(EffectSettled)] == ([EFFECT] if payment.parked else [])
    assert facts(result, str) == [f"resolved as {what} by ann, reference px_9"]


def test_y20_the_reference_becomes_the_providers_id_where_none_is_known() -> None:
    assert take(PARKED_CHARGE, resolve("captured")).state.provider_id == "px_9"


def test_y20_a_refund_said_to_be_refused_frees_the_replay_to_use_a_new_key() -> None:
    result = take(take(EXHAUSTED, resolve("refused")).state, RetryRefund(ORDER))
    assert request_of(result)["refund_id"] != "ref_c"


def test_y20_part_of_a_stuck_refund_done_by_hand_leaves_the_rest_to_a_new_refund() -> None:
    result = take(STUCK, resolve("refunded", 250))
    assert (result.state.state, request_of(result)["amount"]) == ("REFUNDING", AMOUNT - 250)


def test_y20_what_is_neither_stuck_nor_parked_cannot_be_resolved() -> None:
    for payment in (None, paid("CAPTURED"), under_way("CHARGING", "charge", unknown=True)):
        with pytest.raises(NothingToResolve):
            take(payment, resolve("captured"))


@pytest.mark.parametrize(
    ("payment", "what", "amount"),
    [
        (PARKED_CHARGE, "refunded", 0),
        (PARKED_CAPTURE, "authorised", 0),
        (PARKED_CHARGE, "captured", AMOUNT + 1),
        (PARKED_REFUND, "refunded", 399),
        (STUCK, "refused", 0),
        (STUCK, "refunded", -1),
    ],
)
def test_y20_an_outcome_or_amount_that_does_not_fit_is_refused(payment: Payment, what: str, amount: int) -> None:
    with pytest.raises(CannotResolve):
        take(payment, resolve(what, amount))


def test_y20_an_event_of_the_provider_resolves_what_is_parked() -> None:
    result = take(PARKED_CHARGE, event("captured", provider_id="px_7"))
    assert (result.state.state, result.state.provider_id, result.state.parked) == ("CAPTURED", "px_7", None)
    landed = take(EXHAUSTED, event("refund_succeeded", refund_id="ref_c"))
    assert landed.state.state == "CLOSED"
    other = take(EXHAUSTED, event("refund_succeeded", refund_id="ref_other"))
    assert other.state.state == "STUCK"


def test_y21_a_refund_that_fails_after_all_is_owed_again() -> None:
    refunded = take(refund_under_way(), succeeded("refunded", 400)).state
    result = take(refunded, event("refund_failed", 400, refund_id="ref_1"))
    assert (result.state.state, result.state.refunded, result.state.left) == ("CAPTURED", 0, AMOUNT)
    assert refund_reports(result) == [("FAILED_LATER", 0, AMOUNT)]
    assert alerts(result) == [("refund_refused", ORDER)]
    assert facts(result, MoneyMoved) == [MoneyMoved("refund_failed", 400, AMOUNT, 0, "px_1")]


def test_y21_once_closed_it_is_stuck_and_a_replay_refunds_anew() -> None:
    closed = take(refunding(), succeeded("refund_pending")).state
    result = take(closed, event("refund_failed", refund_id="ref_c"))
    assert (result.state.state, result.state.refunded) == ("STUCK", 0)
    assert (reports(result), len(buried(result))) == (STUCK_REPORT, 1)
    assert request_of(take(result.state, RetryRefund(ORDER)))["refund_id"] != "ref_c"


def test_y21_a_failure_of_a_refund_still_under_way_waits_for_its_outcome() -> None:
    with pytest.raises(Unlisted, match="refund_failed of ref_1"):
        take(refund_under_way(), event("refund_failed", 400, refund_id="ref_1"))


def test_y22_money_that_turns_up_after_closing_is_undone() -> None:
    tombstone = take(None, CLOSE).state
    captured = take(tombstone, event("captured", 700, "px_late"))
    assert (captured.state.state, captured.state.captured) == ("REFUNDING", 700)
    assert (request_of(captured)["provider_id"], request_of(captured)["amount"]) == ("px_late", 700)
    assert reports(captured) == [("REFUNDING", False, False)]
    authorised = take(tombstone, event("authorised", 700, "px_late"))
    assert (authorised.state.state, started(authorised)) == ("VOIDING", ["void"])


def test_y22_a_payment_that_was_voided_and_then_captured_is_refunded() -> None:
    closed = paid("CLOSED", closing=True, confirmed=("authorised/px_1",), voids=1)
    assert take(closed, event("captured")).state.state == "REFUNDING"


def test_y22_two_late_authorisations_are_voided_under_two_keys() -> None:
    first = take(take(None, CLOSE).state, event("authorised", n=1, provider_id="px_a"))
    closed = take(first.state, succeeded("voided", 0, effect=first.state.effect.id)).state
    second = take(closed, event("authorised", n=2, provider_id="px_b"))
    keys = {effect.key for result in (first, second) for effect in result.of(EffectStarted)}
    assert len(keys) == 2


def test_y23_an_event_seen_before_does_not_speak_of_the_next_attempt() -> None:
    waiting = under_way("CHARGING", "charge", attempt=2, provider_id="", events_seen=("evt_1",))
    waiting = take(waiting, succeeded("action_required", provider_id="")).state
    result = take(waiting, event("refused", provider_id="", n=1))
    assert (result.state.state, result.intentions) == ("ACTION_REQUIRED", ())
    assert take(waiting, event("refused", provider_id="", n=2)).state.state == "REFUSED"


def test_y23_a_failed_refund_fails_once() -> None:
    closed = take(refunding(), succeeded("refund_pending")).state
    failed = take(closed, event("refund_failed", refund_id="ref_c"))
    assert take(failed.state, event("refund_failed", refund_id="ref_c")).intentions == ()


@pytest.mark.parametrize(
    ("payment", "news"),
    [
        (paid("CAPTURED"), event("captured")),
        (paid("CAPTURED"), event("authorised")),
        (paid("CAPTURED"), event("refused")),
        (paid("CAPTURED"), event("lapsed")),
        (paid("CAPTURED"), event("refund_failed", refund_id="ref_nobody_knows")),
        (
            paid("CLOSED", closing=True, captured=AMOUNT, refunded=AMOUNT, confirmed=("captured/px_1",)),
            event("captured"),
        ),
        (paid("ACTION_REQUIRED", attempt=2, provider_id="px_2"), event("refused", provider_id="px_1")),
        (under_way("CHARGING", "charge"), event("captured")),
        (under_way("CAPTURING", "capture"), event("captured")),
    ],
)
def test_y23_an_event_older_than_what_is_known_is_counted_and_ignored(payment: Payment, news: PaymentEvent) -> None:
    result = take(payment, news)
    assert result.intentions == ()
    assert result.state.events_seen == ("evt_1",)


def test_y23_the_memory_of_events_is_bounded() -> None:
    payment = paid("CAPTURED")
    for n in range(EVENTS_REMEMBERED_MAX + 5):
        payment = take(payment, event("authorised", n=n)).state
    assert len(payment.events_seen) == EVENTS_REMEMBERED_MAX


@pytest.mark.parametrize("payment", [None, paid("REFUSED"), paid("CAPTURED"), refunding(), paid("STUCK", closing=True)])
def test_money_of_another_payment_where_none_is_expected_is_kept_as_a_dead_letter(payment: Payment | None) -> None:
    with pytest.raises(Unlisted, match="captured px_other"):
        take(payment, event("captured", provider_id="px_other"))
