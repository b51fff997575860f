"""What is heard of one delivery: its place, its end, its letter's replay, and what its provider reports later."""

from msgspec.structs import replace

from sagamore.actors.notifications.desk import Desk
from sagamore.actors.notifications.errors import UnknownNotification
from sagamore.actors.notifications.messages import (
    DeliveryEnded,
    ReceiptArrived,
    Redeliver,
    StartDelivery,
    StillSilent,
)
from sagamore.actors.notifications.notification import Notification, notification_of
from sagamore.actors.notifications.users import save_dead
from sagamore.engine.turn import Turn


class DeliveryTurns:
    """Each takes the notification, absent perhaps, and the message."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def start(self, notification: Notification | None, message: StartDelivery, turn: Turn) -> Notification | None:
        """It has its place; unless it is not wanted any more."""
        _, n = notification_of(message.delivery)
        delivery = notification.delivery(n) if notification else None
        if notification is None or delivery is None or delivery.status != "WAITING":
            self._desk.give_back(message.user_id, message.channel, turn, used=False)
            return notification
        return self._desk.send(notification, delivery, self._desk.category(notification), turn)

    def ended(self, notification: Notification | None, message: DeliveryEnded, turn: Turn) -> Notification | None:
        """Its channel tells its end."""
        _, n = notification_of(message.delivery)
        known = notification.delivery(n) if notification else None
        if notification is None or known is None or known.status != "SENDING":
            return notification
        delivery = replace(
            known, status=message.status, reason=message.reason, attempts=known.attempts + message.attempts,
            uncertain=known.uncertain + message.uncertain, provider_id=message.provider_id,
            round=known.round + message.refused,
        )  # fmt: skip
        if message.dead_address:
            save_dead(message.user_id, delivery, "refused", turn)
        category, erased = self._desk.category(notification), not notification.data
        if erased:
            delivery = replace(delivery, reason="")
        elif delivery.status == "DEAD":
            self._desk.bury(notification, delivery, turn, message.log)
        elif delivery.status == "SENT":
            delivery = self._desk.listen(notification, delivery, category, turn)
        notification = self._desk.end(notification, delivery, turn, used=message.status != "CANCELLED")
        if delivery.status == "DEAD":
            notification = self._desk.fall_back(notification, delivery, category, turn)
        return notification

    def redeliver(self, notification: Notification | None, message: Redeliver, turn: Turn) -> Notification | None:
        """Its dead letter was replayed."""
        _, n = notification_of(message.delivery)
        delivery = notification.delivery(n) if notification else None
        if notification is None or delivery is None or delivery.status != "DEAD" or not notification.data:
            turn.note("nothing to replay: it was erased, or has not failed")
            return notification
        again = replace(delivery, status="WAITING", reason="replayed")
        notification = replace(notification.with_delivery(again), status="ACTIVE", why="", expires_ms=0)
        return self._desk.start(notification, again, self._desk.category(notification), turn)

    def receipt(self, notification: Notification | None, message: ReceiptArrived, turn: Turn) -> Notification:
        """What its provider reports later. Raises UnknownNotification."""
        if notification is None:
            raise UnknownNotification(notification_of(message.delivery)[0])
        delivery = notification.delivery(notification_of(message.delivery)[1])
        if delivery is None:
            raise UnknownNotification(message.delivery)
        after = notification
        if (delivery.receipt, delivery.receipt_at_ms) != (message.kind, message.at_ms):
            if delivery.listening:
                turn.cancel(f"silence {delivery.n}")
            heard = replace(delivery, receipt=message.kind, receipt_at_ms=message.at_ms, listening=False)
            turn.note(f"{delivery.channel} {message.kind}")
            after = notification.with_delivery(heard)
            if message.kind != "delivered":
                save_dead(message.user_id, delivery, message.kind, turn)
            if message.kind == "bounced":
                after = self._desk.fall_back(after, heard, self._desk.category(after), turn)
            after = self._desk.settled(after, turn)
        turn.reply(after, kept=after.bare())
        return after

    def silent(self, notification: Notification | None, message: StillSilent, turn: Turn) -> Notification | None:
        """No receipt has come in time."""
        _, n = notification_of(message.delivery)
        delivery = notification.delivery(n) if notification else None
        if notification is None or delivery is None or not delivery.listening:
            return notification
        turn.note(f"{delivery.channel} is silent")
        notification = notification.with_delivery(replace(delivery, listening=False))
        return self._desk.settled(
            self._desk.fall_back(notification, delivery, self._desk.category(notification), turn), turn
        )  # fmt: skip
