"""Audiences, and the pages of a broadcast."""

from typing import Any

import pytest

from sagamore.actors.notifications.audiences import (
    PAGE_USERS,
    AudiencesActor,
    Broadcast,
    CancelBroadcast,
    PageAnswer,
    StartBroadcast,
    Subscribe,
    Unsubscribe,
)
from sagamore.actors.notifications.errors import CannotCancel, UnknownAudience, UnknownBroadcast
from sagamore.actors.notifications.event_type import EventTypes
from sagamore.actors.notifications.messages import Notify, PageSent, PageTaken
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.envelope import BULK_LANE
from sagamore.engine.message import Message, State, encode
from sagamore.engine.testing import run_turn
from sagamore.engine.turn import AlertRaised, EffectStarted, Sent
from tests.notifications.core import Core

ACTOR = AudiencesActor(Core().types)
EVENT = Notify("", "*", '{"type":"PING/1","n":1}')
PARTITIONS = 3


class Audiences:
    """One partition of them, beside three of notifications."""

    def __init__(self) -> None:
        self.entities: dict[str, State] = {}
        self.actor = ACTOR

    def take(self, message: Message) -> Any:
        others = (Core().actor,)
        result = run_turn(self.actor, message, self.entities, partitions={"notifications": PARTITIONS}, others=others)
        self.entities = result.entities
        return result

    def start(self) -> Any:
        self.take(Subscribe("news", ("ann",)))
        return self.take(StartBroadcast("bc_1", "news", EVENT))

    def page(self, *users: str, more: bool = False) -> Any:
        answer = encode_answer(users, more=more)
        return self.take(EffectOutcome("eff_1", "bc_1", "page", "succeeded", answer))

    def broadcast(self) -> Broadcast:
        found = self.entities["bc_1"]
        assert isinstance(found, Broadcast)
        return found

    def members(self) -> int:
        found: Any = self.entities["audience:news"]
        assert found.members == sum(key.startswith("member:news/") for key in self.entities)
        return int(found.members)


def encode_answer(users: tuple[str, ...], *, more: bool) -> str:
    return encode(PageAnswer(users, more)).decode()


def test_users_join_and_leave_once() -> None:
    audiences = Audiences()
    audiences.take(Subscribe("news", ("ann", "bob", "ann")))
    assert audiences.members() == 2
    audiences.take(Subscribe("news", ("bob", "eve")))
    assert audiences.members() == 3
    audiences.take(Unsubscribe("news", ("bob", "bob", "zoe")))
    assert audiences.members() == 2
    with pytest.raises(UnknownAudience):
        audiences.take(Unsubscribe("nobody", ("ann",)))


def test_a_broadcast_asks_for_a_page_and_begins_once() -> None:
    audiences = Audiences()
    (effect,) = audiences.start().of(EffectStarted)
    assert (effect.provider, effect.key) == ("audiences", "bc_1/0")
    assert f'"limit":{PAGE_USERS}' in effect.request
    assert audiences.take(StartBroadcast("bc_1", "news", EVENT)).intentions == ()
    with pytest.raises(UnknownAudience):
        audiences.take(StartBroadcast("bc_2", "nobody", EVENT))


def test_a_page_is_told_in_the_bulk_lane_with_a_mark_behind_it_in_each_partition() -> None:
    audiences = Audiences()
    audiences.start()
    users = tuple(f"u{n:02}" for n in range(20))
    sent = audiences.page(*users, more=True).of(Sent)
    assert {each.lane for each in sent} == {BULK_LANE}
    for partition in range(PARTITIONS):
        own = [each.message for each in sent if each.receiver == f"notifications/{partition}"]
        *told, mark = own
        assert mark == PageSent("bc_1", 0, partition)
        assert told, "users are in all partitions"
        assert all(isinstance(each, Notify) and each.broadcast == "bc_1" for each in told)
    told_users = [each.message.user_id for each in sent if isinstance(each.message, Notify)]
    assert told_users == list(users)
    ids = {each.message.notification_id for each in sent if isinstance(each.message, Notify)}
    assert len(ids) == len(users)
    assert (audiences.broadcast().untaken, audiences.broadcast().after) == (PARTITIONS, "u19")


def test_the_next_page_is_asked_for_when_all_partitions_have_taken_theirs_and_not_for_old_news() -> None:
    audiences = Audiences()
    audiences.start()
    audiences.page(*(f"u{n}" for n in range(20)), more=True)
    assert audiences.take(PageTaken("bc_1", 0)).intentions == ()
    assert audiences.take(PageTaken("bc_1", 7)).intentions == ()
    assert audiences.take(PageTaken("bc_1", 0)).intentions == ()
    (effect,) = audiences.take(PageTaken("bc_1", 0)).of(EffectStarted)
    assert effect.key == "bc_1/1"
    assert audiences.take(PageTaken("bc_1", 0)).intentions == ()
    audiences.page("z1")
    assert audiences.broadcast().status == "RUNNING"
    audiences.take(PageTaken("bc_1", 1))
    found = audiences.broadcast()
    assert (found.status, found.users, found.pages) == ("DONE", 21, 2)


def test_an_audience_of_nobody_is_told_at_once() -> None:
    audiences = Audiences()
    audiences.start()
    audiences.page()
    assert audiences.broadcast().status == "DONE"


@pytest.mark.parametrize("when", ["reading", "telling"])
def test_a_cancelled_broadcast_tells_nobody_further(when: str) -> None:
    audiences = Audiences()
    audiences.start()
    if when == "telling":
        audiences.page("ann", more=True)
    audiences.take(CancelBroadcast("bc_1"))
    later = audiences.page("bob") if when == "reading" else audiences.take(PageTaken("bc_1", 0))
    assert (later.intentions, audiences.broadcast().status) == ((), "CANCELLED")
    with pytest.raises(CannotCancel):
        audiences.take(CancelBroadcast("bc_1"))
    with pytest.raises(UnknownBroadcast):
        audiences.take(CancelBroadcast("bc_9"))


def test_an_audience_that_cannot_be_read_fails_its_broadcast_loudly() -> None:
    audiences = Audiences()
    audiences.start()
    result = audiences.take(EffectOutcome("eff_1", "bc_1", "page", "refused", "no such partition"))
    assert [alert.name for alert in result.of(AlertRaised)] == ["broadcast_failed"]
    assert (audiences.broadcast().status, audiences.broadcast().why) == ("FAILED", "no such partition")


def test_notifications_answer_a_mark_with_its_page() -> None:
    assert Core().take(PageSent("bc_1", 4, 2), sender="audiences/0").sent() == [PageTaken("bc_1", 4)]


def test_a_program_that_has_lost_the_event_tells_nobody_and_the_next_one_goes_on() -> None:
    audiences = Audiences()
    audiences.start()
    audiences.actor = AudiencesActor(EventTypes((), ()))
    before = audiences.broadcast()
    with pytest.raises(ValueError, match="PING/1"):
        audiences.page("ann")
    assert audiences.broadcast() == before
    audiences.actor = ACTOR
    audiences.page("ann")
    assert audiences.broadcast().users == 1
