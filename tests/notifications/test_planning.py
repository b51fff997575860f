"""Which deliveries an event becomes."""

import pytest

from tests.notifications.core import Alarm, Core

ALL = [("mail", "a@x"), ("sms", "+1"), ("push", "t1")]
WISHES = [
    ({}, True),
    ({("*", "*"): False}, False),
    ({("*", "*"): True}, True),
    ({("pings", "mail"): False}, False),
    ({("pings", "sms"): False}, True),
    ({("alarms", "mail"): False}, True),
    ({("*", "*"): False, ("*", "mail"): True}, True),
    ({("*", "mail"): False, ("pings", "*"): True}, True),
    ({("*", "mail"): True, ("pings", "*"): False}, False),
    ({("pings", "*"): False, ("pings", "mail"): True}, True),
    ({("pings", "*"): True, ("pings", "mail"): False}, False),
    ({("*", "*"): True, ("*", "mail"): True, ("pings", "*"): True, ("pings", "mail"): False}, False),
]


@pytest.mark.parametrize(("wishes", "allowed"), WISHES)
def test_of_all_wishes_the_most_specific_one_wins(wishes: dict[tuple[str, str], bool], allowed: bool) -> None:
    core = Core()
    core.user(*ALL, wishes=wishes)
    core.publish()
    assert core.states(1) == [("mail", "SENDING" if allowed else "SUPPRESSED")]


def test_an_opt_out_is_named_and_not_gone_around_by_a_fallback() -> None:
    core = Core(fallbacks={"mail": "sms"})
    core.user(*ALL, wishes={("*", "mail"): False})
    assert core.publish().status == "DONE"
    assert core.shown(1) == [("mail", "SUPPRESSED", "opted out of */mail")]
    assert core.get(1).data == ""


@pytest.mark.parametrize("why", ["bounced", "complained"])
def test_what_is_critical_ignores_an_opt_out_but_never_a_dead_address(why: str) -> None:
    core = Core()
    core.user(*ALL, ("mail", "b@x"), wishes={("*", "*"): False})
    core.publish(1, event=Alarm(1))
    assert core.states(1) == [("mail", "SENDING"), ("mail", "SENDING")]
    core.ended(1)
    core.receipt(1, why)
    core.publish(2, event=Alarm(2))
    assert core.shown(2) == [("mail", "SUPPRESSED", f"the address {why}"), ("mail", "SENDING", "")]
    assert core.delivery(2, 2).address == "b@x"


def test_each_address_of_a_channel_has_a_delivery_and_a_channel_named_twice_is_one() -> None:
    core = Core()
    core.user(("mail", "a@x"), ("mail", "b@x"), ("sms", "+1"))
    core.publish(1, "sms", "mail", "sms")
    found = [(each.n, each.channel, each.address) for each in core.get(1).deliveries]
    assert found == [(1, "sms", "+1"), (2, "mail", "a@x"), (3, "mail", "b@x")]


def test_a_channel_without_addresses_reaches_the_user_by_id() -> None:
    core = Core()
    core.user()
    core.publish(1, "wall")
    assert core.sending["dlv_1_1"].outgoing.address == "ann"


CHAINS = [
    ({"mail": "sms"}, [("sms", "+1")], [("mail", "SUPPRESSED"), ("sms", "SENDING")]),
    (
        {"mail": "sms", "sms": "push"}, [("push", "t")],
        [("mail", "SUPPRESSED"), ("sms", "SUPPRESSED"), ("push", "SENDING")],
    ),
    ({"mail": "sms", "sms": "mail"}, [], [("mail", "SUPPRESSED"), ("sms", "SUPPRESSED")]),
    ({"mail": "mail"}, [], [("mail", "SUPPRESSED")]),
    (
        {"mail": "gone", "gone": "sms"}, [("sms", "+1")],
        [("mail", "SUPPRESSED"), ("gone", "SUPPRESSED"), ("sms", "SENDING")],
    ),
    ({"mail": "sms"}, [("mail", "a@x")], [("mail", "SENDING")]),
]  # fmt: skip


@pytest.mark.parametrize(("fallbacks", "addresses", "planned"), CHAINS)
def test_without_an_address_its_fallback_is_used_and_a_circle_ends(
    fallbacks: dict[str, str], addresses: list[tuple[str, str]], planned: list[tuple[str, str]]
) -> None:
    core = Core(fallbacks=fallbacks)
    core.user(*addresses)
    core.publish()
    assert core.states(1) == planned
    assert [each.fallback_for for each in core.get(1).deliveries] == list(range(len(planned)))


def test_a_fallback_that_is_named_beside_its_channel_is_used_once() -> None:
    core = Core(fallbacks={"mail": "sms"})
    core.user(("sms", "+1"))
    core.publish(1, "mail", "sms")
    assert core.states(1) == [("mail", "SUPPRESSED"), ("sms", "SENDING")]


def test_a_fallback_of_two_channels_is_used_once() -> None:
    core = Core(fallbacks={"mail": "sms", "push": "sms"})
    core.user(("sms", "+1"))
    core.publish(1, "mail", "push")
    assert core.states(1) == [("mail", "SUPPRESSED"), ("push", "SUPPRESSED"), ("sms", "SENDING")]


def test_an_unknown_user_is_refused_to_clients_and_recorded_for_actors() -> None:
    core = Core()
    with pytest.raises(Exception, match="there is no user 'ann'"):
        core.publish()
    assert core.entities == {}
    core.publish(sender="orders/0")
    assert core.shown(1) == [("mail", "SUPPRESSED", "unknown user")]
    assert (core.get(1).status, core.allowance()) == ("DONE", None)


def test_an_address_that_dies_while_its_delivery_waits_is_not_written_to() -> None:
    core = Core(under_way=1)
    core.user(("mail", "a@x"))
    core.publish(1)
    core.publish(2)
    core.ended(1, status="DEAD", refused=True, dead_address=True)
    assert core.shown(2) == [("mail", "SUPPRESSED", "the address refused")]
    assert core.allowance() is None


def test_setting_a_user_keeps_dead_what_stays_and_revives_what_was_left_out() -> None:
    core = Core()
    core.user(("mail", "a@x"), ("mail", "b@x"))
    core.publish(1)
    for at, why in ((1, "bounced"), (2, "complained")):
        core.ended(1, at)
        core.receipt(1, why, at)
    core.user(("mail", "a@x"), ("sms", "+1"))
    assert [(dead.address, dead.why) for dead in core.ann().dead] == [("a@x", "bounced")]
    core.user(("mail", "a@x"), ("mail", "b@x"))
    assert core.ann().why_dead("mail", "b@x") is None
    core.user(("mail", "b@x"))
    core.user(("mail", "a@x"))
    assert core.ann().dead == ()


def test_an_address_that_bounced_after_it_was_left_out_is_alive_when_it_is_set_anew() -> None:
    core = Core()
    core.user(("mail", "a@x"))
    core.publish(1)
    core.ended(1)
    core.user()
    core.receipt(1, "bounced")
    core.user(("mail", "a@x"))
    core.publish(2)
    assert core.states(2) == [("mail", "SENDING")]
