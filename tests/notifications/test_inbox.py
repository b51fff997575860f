"""The inbox: what is in a feed, how much of it was not read."""

from typing import Any

import pytest

from sagamore.actors.notifications.channel import Outgoing
from sagamore.actors.notifications.errors import UnknownItem
from sagamore.actors.notifications.inbox import EraseItem, Feed, InboxActor, Item, MarkRead, feed_key, item_key
from sagamore.actors.notifications.messages import CancelDelivery, Deliver, DeliveryEnded
from sagamore.engine.message import Message, State
from sagamore.engine.testing import NOON_MS, run_turn

ACTOR = InboxActor()


class Inbox:
    """Ann's and others'."""

    def __init__(self) -> None:
        self.entities: dict[str, State] = {}

    def take(self, message: Message) -> Any:
        result = run_turn(ACTOR, message, self.entities)
        self.entities = result.entities
        return result

    def deliver(self, n: int, user_id: str = "ann") -> Any:
        parts = (("title", f"t{n}"), ("body", "b"), ("link", "l"))
        outgoing = Outgoing(f"dlv_{n}_1", user_id, user_id, "PING", "pings", parts, NOON_MS)
        return self.take(Deliver(outgoing))

    def feed(self, user_id: str = "ann") -> tuple[int, int]:
        """Items and unread ones, and that these counts are true."""
        feed = self.entities.get(feed_key(user_id), Feed(user_id))
        assert isinstance(feed, Feed)
        items = [each for each in self.entities.values() if isinstance(each, Item) and each.user_id == user_id]
        assert (feed.items, feed.unread) == (len(items), sum(not feed.is_read(item) for item in items))
        return feed.items, feed.unread


@pytest.fixture
def inbox() -> Inbox:
    """Ann has three items, Bob one."""
    inbox = Inbox()
    for n in (1, 2, 3):
        inbox.deliver(n)
    inbox.deliver(4, "bob")
    return inbox


def test_what_is_delivered_is_an_item_and_its_end_is_told_at_once(inbox: Inbox) -> None:
    result = inbox.deliver(5)
    assert result.sent() == [DeliveryEnded("dlv_5_1", "ann", "SENT", attempts=1)]
    assert result.entities[item_key("ann", "dlv_5_1")] == Item(
        "dlv_5_1", "ann", "PING", NOON_MS, "t5", "b", "l", n=4
    )  # fmt: skip
    assert (inbox.feed(), inbox.feed("bob")) == ((4, 4), (1, 1))


def test_a_replay_of_what_is_there_is_told_and_counts_once(inbox: Inbox) -> None:
    assert len(inbox.deliver(3).sent(DeliveryEnded)) == 1
    assert inbox.feed() == (3, 3)


def test_one_is_read_once_and_all_at_once_and_what_comes_later_is_not(inbox: Inbox) -> None:
    for _ in range(2):
        inbox.take(MarkRead("ann", "dlv_2_1"))
        assert inbox.feed() == (3, 2)
    inbox.take(MarkRead("ann"))
    assert inbox.feed() == (3, 0)
    inbox.take(MarkRead("ann", "dlv_1_1"))
    inbox.deliver(5)
    assert inbox.feed() == (4, 1)


def test_what_is_not_in_the_user_s_own_feed_cannot_be_read(inbox: Inbox) -> None:
    for user_id, delivery in (("ann", "dlv_4_1"), ("eve", "dlv_1_1"), ("ann", "dlv_9_1")):
        with pytest.raises(UnknownItem):
            inbox.take(MarkRead(user_id, delivery))
    assert inbox.feed("bob") == (1, 1)


def test_erased_items_leave_true_counts_and_in_the_end_nothing(inbox: Inbox) -> None:
    inbox.take(MarkRead("ann", "dlv_2_1"))
    for n, left in ((1, (2, 1)), (2, (1, 1)), (2, (1, 1)), (3, (0, 0)), (3, (0, 0))):
        inbox.take(EraseItem("ann", f"dlv_{n}_1"))
        assert inbox.feed() == left
    assert set(inbox.entities) == {feed_key("bob"), item_key("bob", "dlv_4_1")}


def test_what_is_in_a_feed_cannot_be_cancelled(inbox: Inbox) -> None:
    before = dict(inbox.entities)
    assert inbox.take(CancelDelivery("dlv_1_1")).intentions == ()
    assert inbox.entities == before


def test_marking_nobody_s_feed_is_nothing() -> None:
    inbox = Inbox()
    inbox.take(MarkRead("ann"))
    assert inbox.feed() == (0, 0)
