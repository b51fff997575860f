"""What is scheduled, cancelled, expired, or a duplicate."""

import pytest

from sagamore.actors.notifications.errors import CannotCancel, UnknownNotification
from sagamore.actors.notifications.messages import CancelNotification, Notify
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.policy import HOUR_MS
from sagamore.engine.testing import NOON_MS
from sagamore.engine.turn import Sent
from tests.notifications.core import Core


@pytest.fixture
def core() -> Core:
    """Ann has a mail address and a phone; one delivery of hers at a time."""
    core = Core(under_way=1)
    core.user(("mail", "a@x"), ("sms", "+1"))
    return core


def test_what_is_scheduled_is_planned_when_it_is_due(core: Core) -> None:
    assert core.publish(1, send_at_ms=NOON_MS + HOUR_MS).status == "SCHEDULED"
    core.user(("mail", "new@x"))
    core.advance(HOUR_MS - 1)
    assert core.get(1).deliveries == ()
    core.advance(1)
    assert core.delivery(1).address == "new@x"
    core.ended(1)
    assert core.get(1).status == "DONE"


def test_what_is_scheduled_for_the_past_is_sent_now(core: Core) -> None:
    assert core.publish(1, send_at_ms=NOON_MS).status == "ACTIVE"


def test_scheduled_and_cancelled_its_deliveries_are_known_and_cancelled_and_its_timer_is_gone(core: Core) -> None:
    core.publish(1, "mail", "push", send_at_ms=NOON_MS + HOUR_MS)
    after = core.cancel(1)
    assert core.shown(1) == [("mail", "CANCELLED", "cancelled"), ("push", "SUPPRESSED", "no address")]
    assert (after.status, after.why, after.data) == ("DONE", "cancelled", "")
    assert ("ntf_1", "due") not in core.timers
    with pytest.raises(CannotCancel, match="ntf_1 is done"):
        core.cancel(1)


def test_cancelled_in_the_line_it_is_never_sent_and_gives_its_place_to_the_next(core: Core) -> None:
    for n in (1, 2, 3):
        core.publish(n)
    assert core.shown(2) == [("mail", "WAITING", "the user's limit")]
    assert core.cancel(2).status == "DONE"
    core.ended(1)
    assert [*core.sending] == ["dlv_3_1"]
    core.ended(3)
    assert core.allowance() is None
    assert core.states(2) == [("mail", "CANCELLED")]


def test_cancelled_while_being_sent_it_is_what_its_channel_says(core: Core) -> None:
    for n, status in ((1, "CANCELLED"), (2, "SENT")):
        core.publish(n)
        assert core.cancel(n).status == "ACTIVE"
        assert core.withdrawing.pop() == f"dlv_{n}_1"
        core.ended(n, status=status, attempts=int(status == "SENT"))
        assert core.states(n) == [("mail", status)]
    assert core.allowance() is None


@pytest.mark.parametrize(("broadcast", "lane"), [("", NORMAL_LANE), ("bc_1", BULK_LANE)])
def test_a_cancellation_goes_behind_its_delivery_in_the_same_lane(core: Core, broadcast: str, lane: int) -> None:
    result = core.take(
        Notify("ntf_1", "ann", core.types.check("PING", 1, {}), broadcast=broadcast), sender="audiences/0"
    )
    cancelled = core.take(CancelNotification("ntf_1", "ann"))
    assert [sent.lane for sent in (*result.of(Sent), *cancelled.of(Sent))] == [lane, lane]


def test_what_is_cancelled_has_no_fallback_any_more() -> None:
    core = Core(fallbacks={"mail": "sms", "sms": "push"}, silence_ms=HOUR_MS)
    core.user(("mail", "a@x"), ("sms", "+1"), ("push", "t"))
    core.publish(1, "mail")
    core.cancel(1)
    core.ended(1, status="DEAD", reason="full")
    assert core.states(1) == [("mail", "DEAD")]
    core.publish(2, "sms")
    core.cancel(2)
    core.ended(2)
    core.advance(2 * HOUR_MS)
    assert (core.states(2), core.get(2).data) == ([("sms", "SENT")], "")


def test_nobody_s_notification_cannot_be_cancelled(core: Core) -> None:
    with pytest.raises(UnknownNotification):
        core.take(CancelNotification("ntf_9", "ann"))
    assert "ntf_9" not in core.entities


def test_what_waited_beyond_its_expiry_is_expired_and_its_place_is_the_next_one_s(core: Core) -> None:
    core.publish(1)
    core.publish(2, expires_at_ms=NOON_MS + 10)
    core.publish(3)
    core.advance(10)
    core.ended(1)
    assert core.states(2) == [("mail", "EXPIRED")]
    assert [*core.sending] == ["dlv_3_1"]


def test_the_expiry_of_a_category_counts_from_when_the_event_is_to_be_sent() -> None:
    core = Core(expires_ms=HOUR_MS)
    core.user(("mail", "a@x"))
    assert core.publish(1).expires_ms == NOON_MS + HOUR_MS
    core.publish(2, send_at_ms=NOON_MS + 24 * HOUR_MS)
    core.advance(24 * HOUR_MS)
    assert core.states(2) == [("mail", "SENDING")]
    assert core.publish(3, expires_at_ms=NOON_MS + 7).expires_ms == NOON_MS + 7


def test_an_event_that_is_late_already_is_expired_and_not_scheduled(core: Core) -> None:
    core.publish(1, send_at_ms=NOON_MS + HOUR_MS, expires_at_ms=NOON_MS)
    assert (core.states(1), core.get(1).status, core.sending) == ([("mail", "EXPIRED")], "DONE", {})


def test_a_key_used_again_within_its_time_is_a_duplicate_and_after_it_an_event(core: Core) -> None:
    core.publish(1, dedupe_key="k", dedupe_ms=HOUR_MS)
    core.ended(1)
    core.advance(HOUR_MS - 1)
    core.publish(2, "mail", "push", dedupe_key="k", dedupe_ms=HOUR_MS)
    assert core.shown(2) == [("mail", "SUPPRESSED", "duplicate of ntf_1"), ("push", "SUPPRESSED", "no address")]
    assert (core.get(2).status, core.get(2).why, core.allowance()) == ("DONE", "duplicate of ntf_1", None)
    core.publish(3, dedupe_key="other", dedupe_ms=HOUR_MS)
    assert core.states(3) == [("mail", "SENDING")]
    core.ended(3)
    core.advance(1)
    core.publish(4, dedupe_key="k", dedupe_ms=HOUR_MS)
    assert core.states(4) == [("mail", "SENDING")]


def test_keys_are_the_user_s_own_and_only_the_last_fifty_are_known(core: Core) -> None:
    core.user(("mail", "b@x"), user_id="bob")
    core.publish(1, "wall", dedupe_key="k0", dedupe_ms=HOUR_MS)
    core.publish(2, "wall", dedupe_key="k0", dedupe_ms=HOUR_MS, user_id="bob")
    assert core.get(2).why == ""
    for n in range(50):
        core.publish(10 + n, "wall", dedupe_key=f"k{n + 1}", dedupe_ms=HOUR_MS)
    assert len(core.ann().deduplication) == 50
    assert core.publish(99, "wall", dedupe_key="k50", dedupe_ms=HOUR_MS).why == "duplicate of ntf_59"


def test_the_same_notification_is_not_made_twice(core: Core) -> None:
    first = core.publish(1)
    assert core.publish(1) == first
    assert [*core.sending] == ["dlv_1_1"]
