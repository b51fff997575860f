"""What a reply means, by the step at which it came: nothing is lost for our set-up's sake, nobody is dead by guess."""

import msgspec
import pytest

from sagamore.actors.notifications.channel import Refusal
from sagamore.actors.providers.smtp_answers import LOST, Reply, Step
from sagamore.engine.effect import Declined, NotReached, Outcome, Unknown
from sagamore.engine.message import encode


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Declined), outcome
    return msgspec.json.decode(outcome.answer, type=Refusal)


@pytest.mark.parametrize("step", ["MAIL FROM", "RCPT TO", "DATA"])
@pytest.mark.parametrize("code", [421, 450, 451, 452, 454, 471])
def test_a_temporary_refusal_is_not_reached_at_every_step(step: Step, code: int) -> None:
    outcome = Reply(step, code, "4.7.1 Too many\nmessages").outcome()
    assert outcome == NotReached(f"{step}: {code} 4.7.1 Too many messages")


@pytest.mark.parametrize("code", [LOST, -1, 200, 250, 354])
def test_no_reply_or_a_wrong_one_is_unknown_once_the_message_may_have_been_taken(code: int) -> None:
    assert isinstance(Reply("MAIL FROM", code, "x").outcome(), NotReached)
    assert isinstance(Reply("RCPT TO", code, "x").outcome(), NotReached)
    assert isinstance(Reply("DATA", code, "x").outcome(), Unknown)


@pytest.mark.parametrize(
    ("code", "text"),
    [(530, "5.7.0 Authentication required"), (550, "5.7.60 not your address"), (553, "sender"), (503, "x"), (501, "x")],
)
def test_a_refused_sender_is_our_set_up_and_loses_no_message(code: int, text: str) -> None:
    assert isinstance(Reply("MAIL FROM", code, text).outcome(), NotReached)


def test_authentication_asked_for_late_loses_no_message() -> None:
    assert isinstance(Reply("RCPT TO", 530, "5.7.0 Authentication required").outcome(), NotReached)


@pytest.mark.parametrize(("code", "text"), [(552, "too large"), (550, "5.3.4 too large"), (554, "5.2.3 too large")])
def test_a_message_that_is_too_large_is_refused_at_the_sender_already(code: int, text: str) -> None:
    assert refusal(Reply("MAIL FROM", code, text).outcome()).code == f"smtp_{code}"


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("5.1.1 No such user", True), ("5.1.3 Bad syntax", True), ("5.1.6 Moved", True), ("5.1.10 Null MX", True),
        ("5.1.1", True), ("No such user", False), ("5.1.2 No such domain", False), ("5.2.1 Disabled", False),
        ("5.2.2 Mailbox full", False), ("5.7.1 Relaying denied", False), ("5.1.11 x", False), ("5.1.1.1 x", False),
        ("4.1.1 x", False), ("said 5.1.1", False), ("", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", ["RCPT TO", "DATA"])
def test_an_address_is_dead_by_its_enhanced_code_alone(step: Step, text: str, dead: bool) -> None:
    for code in (550, 551, 553, 554):
        said = refusal(Reply(step, code, text).outcome())
        assert (said.code, said.dead_address) == (f"smtp_{code}", dead)


def test_what_a_server_says_can_be_stored_whatever_it_is() -> None:
    words = b"5.1.1 \xff\0 no\r\n".decode("utf-8", "surrogateescape") + "x" * 10_000
    said = refusal(Reply("RCPT TO", 550, words).outcome())
    assert said.dead_address and len(said.message) < 400
    for outcome in (Reply("DATA", 421, words).outcome(), Reply("DATA", LOST, words).outcome()):
        assert isinstance(outcome, NotReached | Unknown)
        assert "\0" not in outcome.reason and encode(Refusal("x", outcome.reason)).decode().isprintable()


@pytest.mark.parametrize("code", [LOST, -1, 250, 421])
def test_a_connection_is_not_used_again_after_such_a_reply(code: int) -> None:
    assert Reply("DATA", code, "").connection_ended
    assert not Reply("DATA", 450, "").connection_ended and not Reply("RCPT TO", 550, "").connection_ended
