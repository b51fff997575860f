"""What comes after the end of a delivery: receipts, silence, fallbacks, dead letters, erasure, forgetting."""

from typing import Any

import pytest

from sagamore.actors.notifications.errors import UnknownNotification
from sagamore.actors.notifications.messages import DeliveryEnded, EraseNotification, Redeliver
from sagamore.actors.notifications.notification import notification_of
from sagamore.engine.message import encode
from sagamore.engine.policy import HOUR_MS
from sagamore.engine.turn import Buried
from tests.notifications.core import KEPT_MS, Core, Mail, Wall

SILENCE: dict[str, Any] = {"fallbacks": {"sms": "mail", "mail": "push"}, "silence_ms": HOUR_MS}


def made(**category: Any) -> Core:
    """Ann has a phone and a mail address."""
    core = Core(**category)
    core.user(("mail", "a@x"), ("sms", "+1"))
    return core


# --- receipts ---


@pytest.mark.parametrize(("kind", "dead"), [("delivered", None), ("bounced", "bounced"), ("complained", "complained")])
def test_a_receipt_is_recorded_and_a_bad_one_kills_the_address(kind: str, dead: str | None) -> None:
    core = made()
    core.publish()
    core.ended(1, provider_id="p1")
    after = core.receipt(1, kind, at_ms=7)
    (delivery,) = after.deliveries
    assert (delivery.status, delivery.receipt, delivery.receipt_at_ms, delivery.provider_id) == ("SENT", kind, 7, "p1")
    assert core.ann().why_dead("mail", "a@x") == dead
    assert core.receipt(1, kind, at_ms=7) == after
    assert len(core.ann().dead) == (dead is not None)


def test_a_bounce_is_followed_by_the_fallback_once() -> None:
    core = made(fallbacks={"mail": "sms"})
    core.publish(send_at_ms=0)
    core.receipt(1, "bounced")  # the provider was faster than its answer
    core.ended(1)
    core.receipt(1, "bounced", at_ms=9)
    assert core.states(1) == [("mail", "SENT"), ("sms", "SENDING")]
    assert core.delivery(1, 2).fallback_for == 1


def test_a_bounce_when_all_has_ended_has_nothing_left_to_send() -> None:
    core = made(fallbacks={"mail": "sms"})
    core.publish()
    core.ended(1)
    core.receipt(1, "bounced")
    assert (core.states(1), core.get(1).status) == ([("mail", "SENT")], "DONE")


def test_a_receipt_for_nothing_is_refused() -> None:
    core = made()
    with pytest.raises(UnknownNotification):
        core.receipt(9, "delivered")
    core.publish()
    for at in (0, 2):
        with pytest.raises(UnknownNotification):
            core.receipt(1, "delivered", at)


@pytest.mark.parametrize("text", ["dlv_1", "dlv__1", "ntf_1_1", "", "dlv_1_x", "dlv_1_²", "dlv_1_-1"])
def test_what_is_no_delivery_s_id_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match="no delivery's id"):
        notification_of(text)


# --- silence ---


def test_silence_is_followed_by_the_fallback_and_nothing_is_kept_after_it() -> None:
    core = made(**SILENCE)
    core.publish(1, "sms")
    core.ended(1)
    assert (core.get(1).status, core.get(1).data != "") == ("DONE", True)
    core.advance(HOUR_MS - 1)
    assert core.sending == {}
    core.advance(1)
    assert (core.states(1), core.get(1).status) == ([("sms", "SENT"), ("mail", "SENDING")], "ACTIVE")
    core.ended(1, 2)
    assert (core.get(1).status, core.get(1).data) == ("DONE", "")


@pytest.mark.parametrize("early", [False, True])
def test_a_receipt_ends_the_silence_also_if_it_is_faster_than_the_answer(early: bool) -> None:
    core = made(**SILENCE)
    core.publish(1, "sms")
    if early:
        core.receipt(1, "delivered")
    core.ended(1)
    if not early:
        core.receipt(1, "delivered")
    assert ("ntf_1", "silence 1") not in core.timers
    core.advance(2 * HOUR_MS)
    assert core.states(1) == [("sms", "SENT")]
    assert core.get(1).data == ""


def test_a_channel_without_receipts_may_be_silent() -> None:
    core = made(**SILENCE)
    core.publish(1, "mail")
    core.ended(1)
    core.advance(2 * HOUR_MS)
    assert (core.states(1), core.get(1).data) == ([("mail", "SENT")], "")


# --- dead letters ---


def test_what_is_refused_has_a_letter_and_its_replay_is_another_round() -> None:
    core = made()
    core.publish()
    result = core.ended(1, status="DEAD", attempts=3, reason="550: no", refused=True)
    (buried,) = result.of(Buried)
    assert buried.reason == "mail of ntf_1: after 3 attempts: 550: no"
    assert (core.get(1).status, core.allowance()) == ("DONE", None)
    core.replay()
    assert (core.sending["dlv_1_1"].round, core.get(1).status) == (1, "ACTIVE")
    core.ended(1, uncertain=1)
    (delivery,) = core.get(1).deliveries
    assert (delivery.status, delivery.attempts, delivery.uncertain, delivery.reason) == ("SENT", 4, 1, "")
    assert core.get(1).data == ""


def test_what_was_exhausted_is_replayed_under_its_old_key_and_beyond_its_expiry() -> None:
    core = made(expires_ms=HOUR_MS)
    core.publish()
    core.ended(1, status="DEAD", attempts=12, reason="timeout")
    core.advance(2 * HOUR_MS)
    core.replay()
    assert core.sending["dlv_1_1"].round == 0
    assert core.sending["dlv_1_1"].outgoing.expires_at_ms == 0


def test_a_replay_that_fails_again_is_another_letter_and_waits_in_line_like_all() -> None:
    core = Core(under_way=1)
    core.user(("mail", "a@x"))
    core.publish(1)
    core.ended(1, status="DEAD")
    core.publish(2)
    core.replay()
    assert core.shown(1) == [("mail", "WAITING", "the user's limit")]
    core.ended(2)
    core.ended(1, status="DEAD", reason="again")
    assert (len(core.letters), core.shown(1), core.allowance()) == (1, [("mail", "DEAD", "again")], None)


def test_a_replay_never_reaches_an_address_that_is_dead() -> None:
    core = made()
    core.publish()
    core.ended(1, status="DEAD", refused=True, dead_address=True)
    core.replay()
    assert (core.shown(1), core.sending) == ([("mail", "SUPPRESSED", "the address refused")], {})
    assert (core.get(1).data, core.allowance()) == ("", None)


def test_what_must_not_be_sent_is_a_letter_and_its_fallback_is_used() -> None:
    core = made(fallbacks={"mail": "sms"})
    core.channels[0].refuses = True  # type: ignore[attr-defined]
    core.publish()
    assert core.shown(1) == [("mail", "DEAD", "bad_header: a line end"), ("sms", "SENDING", "")]
    core.ended(1, 2)
    assert (core.get(1).status, core.allowance()) == ("DONE", None)
    core.channels[0].refuses = False  # type: ignore[attr-defined]
    core.replay()
    core.ended(1)
    assert core.states(1) == [("mail", "SENT"), ("sms", "SENT")]


def test_a_fallback_starts_nothing_else_and_no_channel_twice() -> None:
    core = Core(under_way=1, fallbacks={"mail": "push", "push": "mail", "sms": "mail"})
    core.user(("mail", "a@x"), ("sms", "+1"))
    core.publish(1, "mail", "sms")
    core.ended(1, status="DEAD")
    assert core.states(1) == [("mail", "DEAD"), ("sms", "SENDING"), ("push", "SUPPRESSED")]
    allowance = core.allowance()
    assert allowance is not None
    assert (allowance.held, allowance.line) == (1, 0)
    core.ended(1, 2, status="DEAD")
    assert core.states(1) == [("mail", "DEAD"), ("sms", "DEAD"), ("push", "SUPPRESSED")]
    assert core.allowance() is None


def test_a_discarded_letter_lets_go_of_the_data_once_no_other_waits() -> None:
    core = made()
    core.publish(1, "mail", "sms")
    for at in (1, 2):
        core.ended(1, at, status="DEAD")
    core.discard()
    assert core.get(1).data != ""
    core.discard()
    assert core.get(1).data == ""
    assert core.states(1) == [("mail", "DEAD"), ("sms", "DEAD")]
    core.advance(KEPT_MS)
    assert "ntf_1" not in core.entities


def test_a_letter_discarded_while_others_are_under_way_keeps_their_data() -> None:
    core = Core(under_way=1)
    core.user(("mail", "a@x"), ("sms", "+1"))
    core.publish(1, "mail", "sms")
    core.ended(1, status="DEAD")
    core.discard()
    core.ended(1, 2)
    assert (core.get(1).status, core.get(1).data) == ("DONE", "")


# --- erased, forgotten ---


def erase(core: Core, n: int) -> None:
    core.take(EraseNotification(f"ntf_{n}", "ann"))


def test_an_erased_notification_has_nothing_personal_whatever_its_deliveries_do() -> None:
    core = Core(under_way=1, fallbacks={"sms": "mail"}, silence_ms=HOUR_MS)
    core.user(("mail", "a@x"), ("sms", "+1"))
    core.publish(1, "sms")
    core.ended(1)
    core.publish(2)
    core.publish(3)
    core.publish(4, send_at_ms=core.now_ms + 9)
    for n in (1, 2, 3, 4):
        erase(core, n)
    assert core.withdrawing == ["dlv_2_1"]
    core.ended(2, status="DEAD", reason="550: <a@x>", refused=True)
    core.advance(2 * HOUR_MS)
    assert [core.states(n) for n in (1, 2, 3, 4)] == [
        [("sms", "SENT")], [("mail", "DEAD")], [("mail", "CANCELLED")], [("mail", "CANCELLED")],
    ]  # fmt: skip
    for n in (1, 2, 3, 4):
        stored = encode(core.get(n))
        assert b"a@x" not in stored
        assert b"+1" not in stored
        assert (core.get(n).data, core.get(n).status) == ("", "DONE")
    assert (core.letters, core.allowance()) == ([], None)
    core.advance(KEPT_MS)
    assert not any(key.startswith("ntf_") for key in core.entities)


def test_a_letter_of_what_was_erased_has_nothing_to_replay() -> None:
    core = made()
    core.publish()
    core.ended(1, status="DEAD", reason="550: <a@x>")
    erase(core, 1)
    assert b"a@x" not in encode(core.get(1))
    core.replay()
    assert (core.sending, core.allowance()) == ({}, None)
    core.advance(KEPT_MS)
    assert "ntf_1" not in core.entities


def test_what_is_kept_of_an_answer_for_its_repeat_has_nothing_personal() -> None:
    core = made()
    assert b"a@x" not in encode(core.publish(1).bare())
    replied = core.take(EraseNotification("ntf_1", "ann")).reply
    assert replied is not None
    assert b"a@x" not in encode(replied)


def test_it_is_forgotten_when_its_time_is_over_but_not_while_a_letter_waits() -> None:
    core = made()
    core.publish(1)
    core.ended(1)
    core.publish(2)
    core.ended(2, status="DEAD")
    core.advance(KEPT_MS)
    assert [n for n in (1, 2) if f"ntf_{n}" in core.entities] == [2]
    core.replay()
    core.advance(KEPT_MS)
    core.ended(2)
    core.advance(KEPT_MS - 1)
    assert core.states(2) == [("mail", "SENT")]
    core.advance(1)
    assert "ntf_2" not in core.entities


def test_late_news_changes_nothing() -> None:
    core = made()
    core.publish()
    core.ended(1)
    before = dict(core.entities)
    for late in (
        DeliveryEnded("dlv_1_1", "ann", "DEAD", attempts=1),
        DeliveryEnded("dlv_9_1", "ann", "SENT", attempts=1),
        DeliveryEnded("dlv_1_2", "ann", "SENT", attempts=1),
        Redeliver("dlv_1_1", "ann"),
        Redeliver("dlv_9_1", "ann"),
    ):
        core.take(late, sender="mail/0")
        assert core.entities == before
        assert core.sending == {}


# --- another program ---


def test_a_type_that_a_later_program_has_not_ends_as_a_letter_and_is_sent_when_it_is_back() -> None:
    core = Core(under_way=1)
    core.user(("mail", "a@x"))
    types = tuple(core.types.types.values())
    core.publish(1)
    core.publish(2)
    core.publish(3, send_at_ms=core.now_ms + HOUR_MS)
    core.publish(4, send_at_ms=core.now_ms + HOUR_MS)
    core.publish(5, send_at_ms=core.now_ms + HOUR_MS)
    core.compose(types[1:])
    core.cancel(4)
    erase(core, 5)
    core.ended(1)
    core.advance(HOUR_MS)
    assert [core.states(n)[0][1] for n in range(1, 6)] == ["SENT", "DEAD", "DEAD", "CANCELLED", "CANCELLED"]
    assert core.shown(2)[0][2].startswith("unknown_event: PING")
    assert core.allowance() is None
    core.compose(types)
    core.replay()
    core.ended(2)
    assert core.states(2) == [("mail", "SENT")]


def test_a_channel_that_a_later_program_has_not_ends_as_a_letter() -> None:
    core = Core(under_way=1)
    core.user(("mail", "a@x"), ("sms", "+1"))
    core.publish(1, "sms")
    core.publish(2, "sms")
    core.compose(tuple(core.types.types.values()), (Mail(), Wall()))
    core.ended(1)
    assert core.shown(2) == [("sms", "DEAD", "unknown_channel: no channel sms in this program")]
    assert core.allowance() is None


def test_a_fallback_waits_until_no_address_of_the_channel_can_reach_the_user() -> None:
    core = Core(fallbacks={"mail": "sms"})
    core.user(("mail", "a@x"), ("mail", "b@x"), ("sms", "+1"))
    core.publish(1)
    core.publish(2)
    for n in (1, 2):
        core.ended(n, 1, "DEAD", reason="gone")
        assert core.states(n) == [("mail", "DEAD"), ("mail", "SENDING")]
    core.ended(1, 2)
    core.ended(2, 2, "DEAD", reason="gone")
    assert core.states(1) == [("mail", "DEAD"), ("mail", "SENT")]
    assert core.states(2) == [("mail", "DEAD"), ("mail", "DEAD"), ("sms", "SENDING")]


def test_a_silent_address_has_no_fallback_while_another_of_its_channel_was_heard_of() -> None:
    core = Core(**SILENCE)
    core.user(("sms", "+1"), ("sms", "+2"), ("mail", "a@x"))
    for n in (1, 2):
        core.publish(n, "sms")
        core.ended(n, 1)
        core.ended(n, 2)
    core.receipt(1, "delivered", 2)
    core.advance(2 * HOUR_MS)
    assert core.states(1) == [("sms", "SENT"), ("sms", "SENT")]
    assert core.states(2) == [("sms", "SENT"), ("sms", "SENT"), ("mail", "SENDING")]
