"""A channel's actor: one effect a delivery, and exactly one word of its end."""

from typing import Any

import pytest

from sagamore.actors.notifications.channel import Outgoing, permanent, sent
from sagamore.actors.notifications.deliveries import Sending, deliveries_actor
from sagamore.actors.notifications.messages import CancelDelivery, Deliver, DeliveryEnded
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.testing import NOON_MS, run_turn
from sagamore.engine.turn import EffectStarted, EffectWithdrawn
from tests.notifications.core import Mail

ACTOR = deliveries_actor(Mail())
SENDING = Sending("ann", "eff_1", NOON_MS)


def outgoing(**more: Any) -> Outgoing:
    """A delivery of Ann's."""
    return Outgoing("dlv_1_1", "ann", "a@x", "PING", "pings", (), NOON_MS, **more)


def heard(verdict: Any, answer: str = "", *, expires_ms: int = 0, **more: Any) -> list[Any]:
    """What is said when an effect ends so, and that nothing is kept."""
    outcome = EffectOutcome("eff_1", "dlv_1_1", "send", verdict, answer, **more)
    result = run_turn(ACTOR, outcome, {"dlv_1_1": Sending("ann", "eff_1", expires_ms)})
    assert result.state is None
    return result.sent()


@pytest.mark.parametrize(
    ("deliver", "key", "policy", "lane", "deadline_ms"),
    [
        (Deliver(outgoing()), "dlv_1_1", "counted", NORMAL_LANE, 0),
        (Deliver(outgoing(), round=2), "dlv_1_1/2", "counted", NORMAL_LANE, 0),
        (Deliver(outgoing(), "never", bulk=True), "dlv_1_1", "never", BULK_LANE, 0),
        (Deliver(outgoing(expires_at_ms=5)), "dlv_1_1", "counted", NORMAL_LANE, 5),
    ],
)
def test_a_delivery_is_one_effect(deliver: Deliver, key: str, policy: str, lane: int, deadline_ms: int) -> None:
    result = run_turn(ACTOR, deliver)
    (effect,) = result.of(EffectStarted)
    assert (effect.provider, effect.key, effect.policy) == ("mail", key, policy)
    assert (effect.lane, effect.deadline_ms) == (lane, deadline_ms)
    assert result.state == Sending("ann", effect.id, deadline_ms)
    assert result.sent() == []
    assert run_turn(ACTOR, deliver, {"dlv_1_1": SENDING}).intentions == ()


def test_unknown_outcomes_are_sent_again_unless_the_category_says_never() -> None:
    policies = ACTOR.effect_policies
    assert (policies["counted"].resend_uncertain, policies["never"].resend_uncertain) == (True, False)
    assert all(policy.ends for policy in policies.values())


def test_each_verdict_is_told_once_with_what_was_counted() -> None:
    accepted, refused = sent("p1", "queued").answer, permanent("550", "no such user", dead_address=True).answer
    assert heard("succeeded", accepted, attempts=2, uncertain=1) == [
        DeliveryEnded("dlv_1_1", "ann", "SENT", "queued", 2, 1, "p1")
    ]
    assert heard("refused", refused, attempts=1) == [
        DeliveryEnded("dlv_1_1", "ann", "DEAD", "550: no such user", 1, refused=True, dead_address=True)
    ]
    assert heard("withdrawn") == [DeliveryEnded("dlv_1_1", "ann", "CANCELLED", "cancelled")]
    assert heard("exhausted", "timeout", attempts=12, uncertain=12) == [
        DeliveryEnded("dlv_1_1", "ann", "DEAD", "timeout", 12, 12)
    ]
    assert heard("exhausted", "timeout", expires_ms=NOON_MS) == [DeliveryEnded("dlv_1_1", "ann", "EXPIRED", "timeout")]
    assert heard("exhausted", "timeout", expires_ms=NOON_MS + 1)[0].status == "DEAD"


@pytest.mark.parametrize("answer", ["", "ok", '"ok"', "[1]", '{"code": 1}'])
def test_an_answer_in_a_channels_own_words_is_an_end_all_the_same(answer: str) -> None:
    assert heard("succeeded", answer)[0].status == "SENT"
    (refused,) = heard("refused", answer)
    assert (refused.status, refused.reason) == ("DEAD", f"refused: {answer}")


def test_news_that_is_no_end_is_told_to_nobody() -> None:
    outcome = EffectOutcome("eff_1", "dlv_1_1", "send", "unknown", "timeout", 1, 1)
    result = run_turn(ACTOR, outcome, {"dlv_1_1": SENDING})
    assert (result.state, result.intentions) == (SENDING, ())


def test_a_cancellation_withdraws_what_is_under_way_and_nothing_else() -> None:
    cancel = CancelDelivery("dlv_1_1")
    assert run_turn(ACTOR, cancel, {"dlv_1_1": SENDING}).intentions == (EffectWithdrawn("eff_1"),)
    result = run_turn(ACTOR, cancel)
    assert (result.state, result.intentions) == (None, ())


def test_an_end_of_what_is_not_there_is_told_to_nobody() -> None:
    result = run_turn(ACTOR, EffectOutcome("eff_1", "dlv_1_1", "send", "succeeded", sent().answer))
    assert (result.state, result.intentions) == (None, ())
