"""The inbox: a channel without a provider. Delivering is the turn itself; a user's feed is read from the files.

Items are kept under `item:USER`, U+001F and the delivery, and the counts of a user under `feed:USER`. An item is read
if it is marked, or not newer than the one up to which all was marked.
"""

from msgspec.structs import replace

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.errors import UnknownItem
from sagamore.actors.notifications.messages import CancelDelivery, Deliver, DeliveryEnded
from sagamore.engine.actor import Actor
from sagamore.engine.message import Message, State
from sagamore.engine.turn import Turn


class Inbox(Channel, name="inbox", parts=("title",), optional=("body", "link"), addressed=False):
    """Every user has one, without an address to set: compose it and use it."""


class MarkRead(Message, tag="inbox.mark_read", version=1):
    """One item of a user; without a delivery all there are."""

    user_id: str
    delivery: str = ""


class EraseItem(Message, tag="inbox.erase_item", version=1):
    """Nothing of it is left."""

    user_id: str
    delivery: str


class Item(State, tag="inbox.item", version=1, omit_defaults=True):
    """One entry of a feed."""

    delivery: str
    user_id: str
    event_type: str
    at_ms: int
    title: str
    body: str = ""
    link: str = ""
    n: int = 0
    """The how-manieth of its feed."""
    read: bool = False


class Feed(State, tag="inbox.feed", version=1, omit_defaults=True):
    """What is counted of a feed."""

    user_id: str
    items: int = 0
    unread: int = 0
    ever: int = 0
    """Items that there ever were."""
    read_up_to: int = 0
    """All items up to this number were marked at once."""

    def is_read(self, item: Item) -> bool:
        """Whether the user has seen it."""
        return item.read or item.n <= self.read_up_to


InboxMessage = Deliver | CancelDelivery | MarkRead | EraseItem


class InboxActor(Actor[Item | Feed | None, InboxMessage], kind="inbox"):
    """Owns the feeds."""

    reads_back = False

    def entity(self, message: InboxMessage) -> str | tuple[str, ...]:
        """The feed, and the item if there is one."""
        match message:
            case Deliver():
                user_id, delivery = message.outgoing.user_id, message.outgoing.delivery
            case CancelDelivery():
                return f"cancel:{message.delivery}"
            case _:
                user_id, delivery = message.user_id, message.delivery
        return (feed_key(user_id), item_key(user_id, delivery)) if delivery else feed_key(user_id)

    def handle(self, state: Item | Feed | None, message: InboxMessage, turn: Turn) -> Item | Feed | None:
        """Add, mark, erase; what is delivered cannot be cancelled any more."""
        if isinstance(message, CancelDelivery):
            return state
        feed = state if isinstance(state, Feed) else Feed(_user_of(message))
        match message:
            case Deliver():
                return _add(feed, message, turn)
            case MarkRead():
                after = _mark(feed, message, turn)
                turn.reply(after)
                return after
            case EraseItem():
                return _erase(feed, message, turn)


def item_key(user_id: str, delivery: str) -> str:
    """The key of an item."""
    return f"item:{user_id}\x1f{delivery}"


def feed_key(user_id: str) -> str:
    """The key of a user's feed."""
    return f"feed:{user_id}"


def _user_of(message: Deliver | MarkRead | EraseItem) -> str:
    return message.outgoing.user_id if isinstance(message, Deliver) else message.user_id


def _add(feed: Feed, message: Deliver, turn: Turn) -> Feed:
    outgoing = message.outgoing
    key = item_key(outgoing.user_id, outgoing.delivery)
    if turn.load(key) is None:
        item = Item(
            outgoing.delivery, outgoing.user_id, outgoing.event_type, turn.now_ms, outgoing.part("title"),
            outgoing.part("body"), outgoing.part("link"), feed.ever + 1,
        )  # fmt: skip
        turn.save(key, item)
        feed = replace(feed, items=feed.items + 1, unread=feed.unread + 1, ever=item.n)
    turn.send("notifications", DeliveryEnded(outgoing.delivery, outgoing.user_id, "SENT", attempts=1))
    return feed


def _mark(feed: Feed, message: MarkRead, turn: Turn) -> Feed:
    if not message.delivery:
        return replace(feed, unread=0, read_up_to=feed.ever)
    item = turn.load(item_key(feed.user_id, message.delivery))
    if not isinstance(item, Item):
        raise UnknownItem(feed.user_id, message.delivery)
    if feed.is_read(item):
        return feed
    turn.save(item_key(feed.user_id, item.delivery), replace(item, read=True))
    return replace(feed, unread=feed.unread - 1)


def _erase(feed: Feed, message: EraseItem, turn: Turn) -> Feed | None:
    item = turn.load(item_key(feed.user_id, message.delivery))
    if not isinstance(item, Item):
        return feed if feed.items else None
    turn.save(item_key(feed.user_id, item.delivery), None)
    after = replace(feed, items=feed.items - 1, unread=feed.unread - (not feed.is_read(item)))
    turn.reply(after)
    return after if after.items else None
