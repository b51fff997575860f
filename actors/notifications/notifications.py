"""The notifications actor: users and their notifications, side by side in one partition, chosen by the user.

An event becomes deliveries in the turn that takes it (`planning.py`), or when it is due. Each delivery goes to its
channel's actor, which answers with exactly one DeliveryEnded. What is heard of one delivery is in `delivery_turns.py`,
the steps that both take in `desk.py`.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from sagamore.actors.notifications.allowance import Allowance, Waiting, allowance_key, line_key
from sagamore.actors.notifications.delivery_turns import DeliveryTurns
from sagamore.actors.notifications.desk import CANCELLED, KIND, Desk
from sagamore.actors.notifications.errors import CannotCancel, UnknownNotification, UnknownUser
from sagamore.actors.notifications.facts import Told
from sagamore.actors.notifications.messages import (
    CallNext,
    CancelDelivery,
    CancelNotification,
    DeliveryEnded,
    EraseNotification,
    EraseUser,
    ForgetNotification,
    JoinLine,
    NotificationDue,
    Notify,
    PageSent,
    PageTaken,
    PlacesDue,
    ReceiptArrived,
    Redeliver,
    SetPreferences,
    SetUser,
    StartDelivery,
    StillSilent,
)
from sagamore.actors.notifications.notification import Notification, delivery_id, notification_of
from sagamore.actors.notifications.order_events import ORDER_EVENTS, OrderEvent, data_of
from sagamore.actors.notifications.user import User, user_key
from sagamore.actors.notifications.users import duplicate, erase_user, set_preferences, set_user
from sagamore.engine.actor import Actor
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.message import encode
from sagamore.engine.turn import Turn

NotificationMessage = (
    Notify | CancelNotification | ReceiptArrived | Redeliver | SetUser | SetPreferences | EraseUser | EraseNotification
    | NotificationDue | StillSilent | JoinLine | CallNext | StartDelivery | PlacesDue | DeliveryEnded | PageSent
    | ForgetNotification | OrderEvent
)  # fmt: skip
NotificationState = Notification | User | Allowance | Waiting | None


class NotificationsActor(
    Actor[NotificationState, NotificationMessage], kind=KIND, mints="ntf", indexed=("user_id", "status"),
    subscribes=ORDER_EVENTS,
):  # fmt: skip
    """Owns users and notifications."""

    reads_back = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        of_one = DeliveryTurns(desk)
        self._takers: dict[type[Any], Callable[[Any, Any, Turn], NotificationState]] = {
            Notify: self._notify, CancelNotification: self._cancel, NotificationDue: self._due,
            EraseNotification: self._erase, DeliveryEnded: of_one.ended, StartDelivery: of_one.start,
            ReceiptArrived: of_one.receipt, StillSilent: of_one.silent, Redeliver: of_one.redeliver,
            SetUser: set_user, SetPreferences: set_preferences, EraseUser: erase_user,
            PageSent: _page_sent, **dict.fromkeys(ORDER_EVENTS, self._order_event),
            ForgetNotification: _forget, JoinLine: lambda _, message, __: Waiting(message.delivery), CallNext: _call,
            PlacesDue: self._places,
        }  # fmt: skip

    def entity(self, message: NotificationMessage) -> str | tuple[str, ...]:
        """The notification with its user and the user's places; or what the message is about."""
        match message:
            case JoinLine() | CallNext():
                return line_key(message.user_id, message.channel, message.number)
            case PlacesDue():
                return allowance_key(message.user_id)
            case PageSent():
                return f"broadcast:{message.broadcast}"
            case SetUser() | SetPreferences() | EraseUser():
                return user_key(message.user_id)
            case ReceiptArrived() | Redeliver() | StillSilent() | StartDelivery() | DeliveryEnded():
                notification, _ = notification_of(message.delivery)
                return notification, user_key(message.user_id), allowance_key(message.user_id)
            case Notify() | NotificationDue() | CancelNotification() | EraseNotification() | ForgetNotification():
                return message.notification_id, user_key(message.user_id), allowance_key(message.user_id)
            case _:
                return user_key(message.user_id)

    def handle(self, state: NotificationState, message: NotificationMessage, turn: Turn) -> NotificationState:
        """One step of one notification."""
        return self._takers[type(message)](state, message, turn)

    def given_up(self, state: NotificationState, message: NotificationMessage, turn: Turn) -> NotificationState:
        """A person discarded the letter of a dead delivery: its data is not needed any more."""
        if isinstance(message, Redeliver) and isinstance(state, Notification):
            delivery = state.delivery(notification_of(message.delivery)[1])
            if delivery is not None and delivery.status == "DEAD":
                return self._desk.settled(state.with_delivery(replace(delivery, discarded=True)), turn)
        return state

    def measure(self, before: NotificationState, after: NotificationState) -> tuple[str, ...]:
        """Counts of ends, and of attempts whose answer is unknown."""
        if not isinstance(after, Notification):
            return ()
        old = before.deliveries if isinstance(before, Notification) else ()
        if old is after.deliveries:
            return ()
        counts: list[str] = []
        for delivery in after.deliveries:
            known = old[delivery.n - 1] if delivery.n <= len(old) else None
            if delivery.ended and (known is None or known.status != delivery.status):
                counts.append(delivery.status.lower())
            counts += ["uncertain"] * (delivery.uncertain - (known.uncertain if known else 0))
        return tuple(counts)

    # --- a notification ---

    def _notify(self, known: Notification | None, message: Notify, turn: Turn) -> Notification:
        if known is not None:
            turn.reply(known, kept=known.bare())
            return known
        user: User | None = turn.load(user_key(message.user_id))
        if user is None and not turn.sender:
            raise UnknownUser(message.user_id)
        event_type, _ = self._desk.types.read(message.data)
        category = self._desk.types.category(event_type.category)
        from_ms = max(turn.now_ms, message.send_at_ms)
        expires_ms = message.expires_at_ms or (from_ms + category.expires_ms if category.expires_ms else 0)
        notification = Notification(
            message.notification_id, message.user_id, event_type.name, category.name, "ACTIVE", turn.now_ms,
            message.data, message.channels or event_type.channels, category.bulk or bool(message.broadcast),
            message.send_at_ms, expires_ms, order_id=message.order_id, broadcast=message.broadcast,
        )  # fmt: skip
        if user is not None and message.dedupe_key:
            original = duplicate(user, message, turn)
            if original:
                return self._never(notification, f"duplicate of {original}", turn)
        after = self._desk.begin(notification, category, turn)
        turn.reply(after, kept=after.bare())
        return after

    def _never(self, notification: Notification, why: str, turn: Turn) -> Notification:
        """Its deliveries are known, and none is made."""
        category = self._desk.category(notification)
        status = "CANCELLED" if why == CANCELLED else "SUPPRESSED"
        deliveries = tuple(
            replace(delivery, status=status, reason=why) if delivery.status == "WAITING" else delivery
            for delivery in self._desk.planned(notification, category, turn)
        )
        turn.note(why)
        after = self._desk.settled(replace(notification, why=why, deliveries=deliveries), turn)
        turn.reply(after, kept=after.bare())
        return after

    def _due(self, notification: Notification | None, _: NotificationDue, turn: Turn) -> Notification | None:
        if notification is None or notification.status == "DONE":
            return notification
        go_on = self._desk.begin if notification.status == "SCHEDULED" else self._desk.resume
        return go_on(notification, self._desk.category(notification), turn)

    def _cancel(self, notification: Notification | None, message: CancelNotification, turn: Turn) -> Notification:
        if notification is None:
            raise UnknownNotification(message.notification_id)
        if notification.status == "SCHEDULED":
            turn.cancel("due")
            return self._never(notification, CANCELLED, turn)
        if notification.status == "DONE":
            raise CannotCancel(notification.id, "done")
        after = self._cancelled(notification, turn)
        turn.reply(after, kept=after.bare())
        return after

    def _cancelled(self, notification: Notification, turn: Turn) -> Notification:
        for delivery in notification.deliveries:
            if delivery.status == "WAITING":  # its number in the line finds it so
                notification = notification.with_delivery(replace(delivery, status="CANCELLED", reason=CANCELLED))
            elif delivery.status == "SENDING" and delivery.channel in self._desk.channels:
                lane = BULK_LANE if notification.bulk else NORMAL_LANE  # behind its Deliver
                turn.send(delivery.channel, CancelDelivery(delivery_id(notification.id, delivery.n)), lane=lane)
        return self._desk.settled(replace(notification, why=CANCELLED), turn)

    def _erase(self, notification: Notification | None, _: EraseNotification, turn: Turn) -> Notification | None:
        if notification is None:
            return None
        if notification.status == "SCHEDULED":
            turn.cancel("due")
            notification = self._never(notification, CANCELLED, turn)
        elif notification.status == "ACTIVE":
            notification = self._cancelled(notification, turn)
        unheard = tuple(replace(delivery, listening=False) for delivery in notification.deliveries)
        after = self._desk.settled(replace(notification, deliveries=unheard).bare(), turn)
        turn.reply(after, kept=after.bare())
        return after

    def _order_event(self, user: User | None, event: OrderEvent, turn: Turn) -> User | None:
        """Told like every other event, with the order's id, in a turn of its own; unless it goes to no channel."""
        data = data_of(event)
        if self._desk.types.types[type(data).__tag__].channels:
            notification = turn.new_id("ntf")
            turn.note(Told(notification))
            notify = Notify(notification, event.user_id, encode(data).decode(), order_id=event.order_id)
            turn.send(KIND, notify, partition=turn.partition)
        return user

    def _places(self, allowance: Allowance | None, message: PlacesDue, turn: Turn) -> NotificationState:
        if allowance is not None:
            self._desk.call_next(message.user_id, turn)
        return allowance


def _forget(notification: Notification | None, _: ForgetNotification, __: Turn) -> Notification | None:
    """Not while a letter waits for a person, or something is under way again."""
    if notification is None or (notification.status == "DONE" and not notification.data):
        return None
    return notification


def _page_sent(state: None, message: PageSent, turn: Turn) -> None:
    turn.send("audiences", PageTaken(message.broadcast, message.page))


def _call(waiting: Waiting | None, message: CallNext, turn: Turn) -> None:
    if waiting is not None:
        turn.send(KIND, StartDelivery(waiting.delivery, message.user_id, message.channel), partition=turn.partition)
