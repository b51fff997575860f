"""What is said to notifications and by it to the channels: the messages whose tag begins with `notifications`.

Commands are imperative, what happened is past tense. Every message names the user too, whose entity is in the same
partition: addresses and wishes are read in the turn that needs them.
"""

from typing import Literal

from sagamore.actors.notifications.channel import Outgoing
from sagamore.actors.notifications.event_type import Duplicates
from sagamore.actors.notifications.notification import ReceiptKind
from sagamore.actors.notifications.user import Address, Preference, QuietHours
from sagamore.engine.message import Message

# --- clients, orders and broadcasts to notifications ---


class Notify(Message, tag="notifications.notify", version=1, omit_defaults=True):
    """An event for one user; checked at the door, `data` says its type and version."""

    notification_id: str
    user_id: str
    data: str
    channels: tuple[str, ...] = ()
    """Empty: as its type says."""
    dedupe_key: str = ""
    dedupe_ms: int = 0
    send_at_ms: int = 0
    expires_at_ms: int = 0
    order_id: str = ""
    broadcast: str = ""


class CancelNotification(Message, tag="notifications.cancel", version=1):
    """Whatever of it has not been sent."""

    notification_id: str
    user_id: str


class ReceiptArrived(Message, tag="notifications.receipt_arrived", version=1):
    """What a provider reports later."""

    delivery: str
    user_id: str
    kind: ReceiptKind
    at_ms: int


class Redeliver(Message, tag="notifications.redeliver", version=1):
    """A dead delivery's letter, replayed."""

    delivery: str
    user_id: str


# --- users ---


class SetUser(Message, tag="notifications.set_user", version=1):
    """The user as it is from now on; an address that was dead and is not named any more is forgotten, one that is new
    is alive."""

    user_id: str
    addresses: tuple[Address, ...]
    locale: str = ""
    zone: str = ""
    preferences: tuple[Preference, ...] = ()
    quiet: QuietHours | None = None


class SetPreferences(Message, tag="notifications.set_preferences", version=1):
    """Some wishes, the others stay."""

    user_id: str
    preferences: tuple[Preference, ...]


class EraseUser(Message, tag="notifications.erase_user", version=1):
    """Nothing personal is left of the user; the last step of an erasure."""

    user_id: str


class EraseNotification(Message, tag="notifications.erase", version=1):
    """Cancelled, and without data and addresses."""

    notification_id: str
    user_id: str


# --- notifications to itself ---


class NotificationDue(Message, tag="notifications.due", version=1):
    """Its own timer: it was scheduled, or deferred by quiet hours."""

    notification_id: str
    user_id: str


class ForgetNotification(Message, tag="notifications.forget", version=1):
    """Its own timer: it was kept for as long as the settings say."""

    notification_id: str
    user_id: str


class StillSilent(Message, tag="notifications.still_silent", version=1):
    """Its own timer: no receipt has come."""

    delivery: str
    user_id: str


class JoinLine(Message, tag="notifications.join_line", version=1):
    """The user has no place free: this delivery waits under that number."""

    user_id: str
    channel: str
    number: int
    delivery: str


class CallNext(Message, tag="notifications.call_next", version=1):
    """A place is taken for the delivery that waits under that number."""

    user_id: str
    channel: str
    number: int


class StartDelivery(Message, tag="notifications.start_delivery", version=1):
    """It has its place."""

    delivery: str
    user_id: str
    channel: str


class PlacesDue(Message, tag="notifications.places_due", version=1):
    """The user's own timer: a place may be free."""

    user_id: str


# --- with audiences ---


class PageSent(Message, tag="notifications.page_sent", version=1):
    """Behind the events of one page of a broadcast, in their lane: whoever takes it has taken them."""

    broadcast: str
    page: int
    partition: int


class PageTaken(Message, tag="notifications.page_taken", version=1):
    """The answer."""

    broadcast: str
    page: int


# --- with the channels ---


class Deliver(Message, tag="notifications.deliver", version=1):
    """Send this, after the fact that somebody is waiting for word of it: exactly one DeliveryEnded follows."""

    outgoing: Outgoing
    duplicates: Duplicates = "counted"
    bulk: bool = False
    round: int = 0


class CancelDelivery(Message, tag="notifications.cancel_delivery", version=1):
    """Unless an attempt may have been made."""

    delivery: str


class DeliveryEnded(Message, tag="notifications.delivery_ended", version=1, omit_defaults=True):
    """What became of it."""

    delivery: str
    user_id: str
    status: Literal["SENT", "DEAD", "EXPIRED", "CANCELLED"]
    reason: str = ""
    attempts: int = 0
    uncertain: int = 0
    provider_id: str = ""
    refused: bool = False
    """The provider said no for good, and remembers the key."""
    dead_address: bool = False
    log: tuple[str, ...] = ()
    """The attempts that came to nothing."""
