"""The payment table of SAGAS 1.3, Y20 to Y23: people, and news from the provider. Each test bears its row's name."""

from typing import Any

import pytest
from msgspec.structs import replace

from sagamore.actors.orders.facts import MoneyMoved
from sagamore.actors.orders.payment import EVENTS_REMEMBERED_MAX, Payment, PaymentEffect
from sagamore.actors.orders.payment_errors import CannotResolve, NothingToResolve
from sagamore.actors.orders.payment_messages import PaymentEvent, PollPayment, ResolvePayment, RetryRefund
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.turn import AlertRaised, EffectSettled, EffectStarted
from tests.inventory.kit import alerts, facts
from tests.payments.kit import (
    AMOUNT,
    CLOSE,
    EFFECT,
    ORDER,
    STUCK_REPORT,
    buried,
    event,
    outcome,
    paid,
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


def resolve(what: Any, amount: int = 0) -> ResolvePayment:
    return ResolvePayment(ORDER, what, amount, "px_9", "ann")


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


def test_y20_the_authorisation_of_a_capture_said_to_be_refused_is_voided_in_case_it_is_open() -> None:
    refused_now = take(PARKED_CAPTURE, resolve("refused")).state
    assert started(take(refused_now, CLOSE)) == ["void"]


def test_y20_a_refund_said_to_be_refused_frees_the_replay_to_use_a_new_key() -> None:
    stuck = take(EXHAUSTED, resolve("refused"))
    assert (alerts(stuck), len(buried(stuck))) == ([("payment_stuck", ORDER)], 1)
    result = take(stuck.state, RetryRefund(ORDER))
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
    result = take(PARKED_CHARGE, replace(event("captured", provider_id="px_7"), attempt=1))
    assert (result.state.state, result.state.provider_id, result.state.parked) == ("CAPTURED", "px_7", None)
    for provider_id in ("px_1", ""):  # a refund is known by our id
        landed = take(EXHAUSTED, event("refund_succeeded", provider_id=provider_id, refund_id="ref_c"))
        assert landed.state.state == "CLOSED"
    other = take(EXHAUSTED, event("refund_succeeded", refund_id="ref_other"))
    assert other.state.state == "STUCK"


@pytest.mark.parametrize("status", ["captured", "authorised"])
def test_y20_a_read_of_another_amount_than_was_asked_for_is_looked_at_by_a_person(status: Any) -> None:
    reading = take(paid("CHARGING", polls=1), PollPayment(ORDER, 1)).state
    heard = take(reading, succeeded(status, AMOUNT - 1, effect=reading.reading))
    assert (heard.state.state, heard.state.captured, reports(heard)) == ("CHARGING", 0, [("CHARGING", False, True)])
    assert (alerts(heard), started(heard)) == ([("payment_parked", ORDER)], [])
    assert f"{AMOUNT - 1} {status} where {AMOUNT} was asked for" in facts(heard, str)[0]
    assert take(heard.state, resolve("captured")).state.state == "CAPTURED"


def test_y20_a_read_of_another_amount_while_closing_is_given_back_as_it_is() -> None:
    reading = take(paid("CHARGING", polls=1, closing=True), PollPayment(ORDER, 1)).state
    heard = take(reading, succeeded("captured", AMOUNT - 1, effect=reading.reading))
    assert (heard.state.state, request_of(heard)["amount"]) == ("REFUNDING", AMOUNT - 1)


@pytest.mark.parametrize("payment", [paid("CHARGING", polls=1), paid("ACTION_REQUIRED", polls=1), PARKED_CHARGE])
@pytest.mark.parametrize("kind", ["captured", "authorised"])
def test_y20_an_event_of_another_amount_than_was_asked_for_does_not_pay_for_the_order(
    payment: Payment, kind: str
) -> None:
    with pytest.raises(Unlisted, match=f"{AMOUNT - 1} {kind}"):
        take(payment, replace(event(kind, AMOUNT - 1), attempt=1))


def test_y20_a_person_may_name_another_amount_only_of_a_payment_that_is_given_back() -> None:
    with pytest.raises(CannotResolve, match="cancel the order"):
        take(PARKED_CHARGE, resolve("captured", AMOUNT - 1))
    given_back = take(replace(PARKED_CHARGE, closing=True), resolve("captured", AMOUNT - 1))
    assert (given_back.state.state, request_of(given_back)["amount"]) == ("REFUNDING", AMOUNT - 1)


@pytest.mark.parametrize("attempt", [0, 1])
@pytest.mark.parametrize("kind", ["refused", "lapsed"])
def test_y20_an_event_of_an_earlier_attempt_does_not_speak_for_the_parked_one(kind: str, attempt: int) -> None:
    parked = replace(PARKED_CHARGE, attempt=2)
    result = take(parked, replace(event(kind), attempt=attempt))
    assert (result.state.state, result.state.parked, result.intentions) == ("CHARGING", parked.parked, ())


def test_y20_money_of_an_attempt_nobody_can_name_is_kept_as_a_dead_letter() -> None:
    with pytest.raises(Unlisted, match="captured px_7"):
        take(PARKED_CHARGE, event("captured", provider_id="px_7"))


def test_y21_a_refund_that_fails_after_all_is_owed_again() -> None:
    refunded = take(refund_under_way(), succeeded("refunded", 400)).state
    result = take(refunded, event("refund_failed", 400, refund_id="ref_1"))
    assert (result.state.state, result.state.refunded, result.state.left) == ("CAPTURED", 0, AMOUNT)
    assert refund_reports(result) == [("FAILED_LATER", 0, AMOUNT)]
    assert alerts(result) == [("refund_refused", ORDER)]
    assert "refund ref_1 of 4.00 GBP failed" in result.of(AlertRaised)[0].advice
    assert facts(result, MoneyMoved) == [MoneyMoved("refund_failed", 400, AMOUNT, 0, "px_1", "GBP")]


def test_y21_once_closed_it_is_stuck_and_a_replay_refunds_anew() -> None:
    closed = take(refunding(), succeeded("refund_pending")).state
    result = take(closed, event("refund_failed", refund_id="ref_c"))
    assert (result.state.state, result.state.refunded) == ("STUCK", 0)
    assert (reports(result), len(buried(result))) == (STUCK_REPORT, 1)
    assert "refund ref_c of 12.50 GBP failed after all" in result.of(AlertRaised)[-1].advice
    assert request_of(take(result.state, RetryRefund(ORDER)))["refund_id"] != "ref_c"


def test_y21_a_late_payment_that_was_closed_before_it_began_has_no_currency_to_tell_its_refund_in() -> None:
    closed = replace(take(refunding(), succeeded("refund_pending")).state, currency="")
    result = take(closed, event("refund_failed", refund_id="ref_c"))
    assert result.state.state == "STUCK"
    assert "refund ref_c of 1250 in minor units failed after all" in result.of(AlertRaised)[-1].advice


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


@pytest.mark.parametrize("known", ["px_1", ""])
def test_y23_an_authorisation_told_of_after_a_refusal_is_voided_when_the_payment_closes(known: str) -> None:
    result = take(paid("REFUSED", provider_id=known), replace(event("authorised"), attempt=1))
    assert (result.state.state, result.intentions) == ("REFUSED", ())
    closing = take(result.state, CLOSE)
    assert (started(closing), request_of(closing)["provider_id"]) == (["void"], "px_1")


@pytest.mark.parametrize("payment", [None, paid("REFUSED"), paid("CAPTURED"), refunding(), paid("STUCK", closing=True)])
def test_money_of_another_payment_where_none_is_expected_is_kept_as_a_dead_letter(payment: Payment | None) -> None:
    with pytest.raises(Unlisted, match="captured px_other"):
        take(payment, event("captured", provider_id="px_other"))
