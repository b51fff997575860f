"""What every turn of notifications works with: the program's event types, channels and templates, and a few steps.

A step takes a notification and the turn, leaves intentions and saves what it changed, and returns the notification.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from sagamore.actors.notifications.allowance import (
    Allowance,
    UserLimit,
    allowance_key,
    at_time,
    called,
    given_back,
    has_place,
    joined,
    must_wait,
    taken,
)
from sagamore.actors.notifications.channel import CannotSend, Channel, Outgoing
from sagamore.actors.notifications.event_type import Category, EventTypes
from sagamore.actors.notifications.messages import (
    CallNext,
    Deliver,
    ForgetNotification,
    JoinLine,
    NotificationDue,
    PlacesDue,
    Redeliver,
    StillSilent,
)
from sagamore.actors.notifications.notification import Delivery, Notification, delivery_id
from sagamore.actors.notifications.planning import plan
from sagamore.actors.notifications.rendering import Rendered
from sagamore.actors.notifications.templates import Templates
from sagamore.actors.notifications.user import User, user_key
from sagamore.actors.notifications.wishes import quiet_until_ms
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.turn import Turn

KIND = "notifications"
QUIET = "quiet hours"
CANCELLED = "cancelled"


class Desk:
    """Of one program."""

    def __init__(
        self, types: EventTypes, channels: Sequence[Channel], templates: Templates, limit: UserLimit, kept_ms: int
    ) -> None:
        self.types, self.templates, self.limit, self.kept_ms = types, templates, limit, kept_ms
        self.channels: Mapping[str, Channel] = {channel.name: channel for channel in channels}

    def category(self, notification: Notification) -> Category:
        """Its category, as this program has it."""
        return self.types.category(notification.category)

    # --- from an event to deliveries ---

    def begin(self, notification: Notification, category: Category, turn: Turn) -> Notification:
        """Now, or when it is due."""
        user: User | None = turn.load(user_key(notification.user_id))
        due_ms, why = notification.due_ms, "scheduled"
        quiet_ms = _quiet_until_ms(user, category, max(due_ms, turn.now_ms))
        if quiet_ms:
            due_ms, why = quiet_ms, QUIET
        if due_ms <= turn.now_ms or self._expired(notification, turn):
            return self.activate(notification, category, turn)
        turn.note(f"deferred: {why}")
        turn.schedule("due", NotificationDue(notification.id, notification.user_id), at_ms=due_ms)
        return replace(notification, status="SCHEDULED", due_ms=due_ms, why=why)

    def activate(self, notification: Notification, category: Category, turn: Turn) -> Notification:
        """Plan its deliveries and start them."""
        deliveries = self.planned(notification, category, turn)
        notification = replace(notification, status="ACTIVE", why="", deliveries=deliveries)
        return self.start_all(notification, deliveries, category, turn)

    def planned(self, notification: Notification, category: Category, turn: Turn) -> tuple[Delivery, ...]:
        """What it would become at this moment."""
        user: User | None = turn.load(user_key(notification.user_id))
        return plan(user, category, notification.channels, self.channels)

    def start_all(
        self, notification: Notification, deliveries: Sequence[Delivery], category: Category, turn: Turn
    ) -> Notification:
        """Give each of these that waits a place, or a number in the line."""
        for delivery in deliveries:
            if delivery.status == "SUPPRESSED":
                turn.note(f"{delivery.channel} suppressed: {delivery.reason}")
        for delivery in deliveries:
            if delivery.status == "WAITING":
                notification = self.start(notification, delivery, category, turn)
        return self.settled(notification, turn)

    def resume(self, notification: Notification, category: Category, turn: Turn) -> Notification:
        """The quiet hours are over that came while deliveries were on their way."""
        deferred = [known for known in notification.deliveries if (known.status, known.reason) == ("WAITING", QUIET)]
        return self.start_all(notification, deferred, category, turn)

    def start(self, notification: Notification, delivery: Delivery, category: Category, turn: Turn) -> Notification:
        """A place, or a number in the user's line."""
        allowance = self._allowance(notification.user_id, turn)
        if not must_wait(allowance, self.limit, delivery.channel):
            self._save(taken(allowance, delivery.channel), turn)
            return self.send(notification, delivery, category, turn)
        waiting = joined(allowance, delivery.channel)
        self._save(waiting, turn)
        places = waiting.of(delivery.channel)
        join = JoinLine(
            notification.user_id, delivery.channel, places.last, delivery_id(notification.id, delivery.n)
        )  # fmt: skip
        turn.send(KIND, join, partition=turn.partition)
        turn.note(f"{delivery.channel} waits: {places.line - 1} of this user before it")
        return notification.with_delivery(replace(delivery, status="WAITING", reason="the user's limit"))

    def send(self, notification: Notification, delivery: Delivery, category: Category, turn: Turn) -> Notification:
        """It has its place: render it and hand it to its channel."""
        if self._expired(notification, turn):
            return self.end(notification, replace(delivery, status="EXPIRED", reason="expired"), turn, used=False)
        user: User | None = turn.load(user_key(notification.user_id))
        why = user.why_dead(delivery.channel, delivery.address) if user else None
        if why:
            suppressed = replace(delivery, status="SUPPRESSED", reason=f"the address {why}")
            return self.end(notification, suppressed, turn, used=False)
        quiet_ms = _quiet_until_ms(user, category, turn.now_ms)
        if quiet_ms:
            turn.note(f"{delivery.channel} deferred: {QUIET}")
            due = NotificationDue(notification.id, notification.user_id)
            turn.schedule("due", due, at_ms=quiet_ms, entity=delivery_id(notification.id, delivery.n))
            self.give_back(notification.user_id, delivery.channel, turn, used=False)
            return notification.with_delivery(replace(delivery, status="WAITING", reason=QUIET))
        try:
            channel, rendered = self._rendered(notification, delivery, user)
        except CannotSend as cause:
            dead = replace(delivery, status="DEAD", reason=str(cause))
            self.bury(notification, dead, turn)
            return self.fall_back(self.end(notification, dead, turn, used=False), dead, category, turn)
        outgoing = Outgoing(
            delivery_id(notification.id, delivery.n), notification.user_id, delivery.address, notification.event_type,
            notification.category, rendered.parts, notification.created_ms, notification.expires_ms, notification.data,
        )  # fmt: skip
        lane = BULK_LANE if notification.bulk else NORMAL_LANE
        turn.send(channel.name, Deliver(outgoing, category.duplicates, notification.bulk, delivery.round), lane=lane)
        return notification.with_delivery(replace(delivery, status="SENDING", reason="", template=rendered.version))

    def _rendered(self, notification: Notification, delivery: Delivery, user: User | None) -> tuple[Channel, Rendered]:
        """Raises CannotSend, also for what a later program has no more."""
        channel = self.channels.get(delivery.channel)
        if channel is None:
            raise CannotSend("unknown_channel", f"no channel {delivery.channel} in this program")
        try:
            _, fields = self.types.read(notification.data)
        except ValueError as error:
            raise CannotSend("unknown_event", f"{notification.event_type}: {error}") from error
        rendered = self.templates.render(
            notification.event_type, channel, user.locale if user else "", fields, user_id=notification.user_id
        )
        channel.check_parts(dict(rendered.parts))
        return channel, rendered

    def _expired(self, notification: Notification, turn: Turn) -> bool:
        return 0 < notification.expires_ms <= turn.now_ms

    # --- ends ---

    def end(self, notification: Notification, delivery: Delivery, turn: Turn, *, used: bool) -> Notification:
        """A delivery has ended: its place is given back, and the next of the user's line called."""
        turn.note(f"{delivery.channel} {delivery.status.lower()}{': ' * bool(delivery.reason)}{delivery.reason}")
        self.give_back(notification.user_id, delivery.channel, turn, used=used)
        return self.settled(notification.with_delivery(delivery), turn)

    def bury(self, notification: Notification, delivery: Delivery, turn: Turn, log: Sequence[str] = ()) -> None:
        """A dead letter with the whole log, to be replayed once its cause is gone."""
        letter = Redeliver(delivery_id(notification.id, delivery.n), notification.user_id)
        tried = f"after {delivery.attempts} attempts: " * bool(delivery.attempts)
        told = (f"{delivery.channel} of {notification.id}: {tried}{delivery.reason}", *log)
        turn.bury(letter, "; ".join(told))

    def fall_back(self, notification: Notification, delivery: Delivery, category: Category, turn: Turn) -> Notification:
        """The channel failed or is silent: another one, if the category has one that was not used yet, and no other
        address of the channel reaches the user or still may."""
        other, used = category.fallbacks.get(delivery.channel, ""), {known.channel for known in notification.deliveries}
        if not other or other in used or not notification.data or notification.why == CANCELLED:
            return notification
        beside = (known for known in notification.deliveries if known.channel == delivery.channel)
        if any(known.n != delivery.n and self._may_reach(known, category) for known in beside):
            return notification
        user: User | None = turn.load(user_key(notification.user_id))
        first = len(notification.deliveries) + 1
        added = plan(user, category, (other,), self.channels, first, delivery.n, used)
        turn.note(f"{other} instead of {delivery.channel}")
        notification = replace(notification, status="ACTIVE", deliveries=(*notification.deliveries, *added))
        return self.start_all(notification, added, category, turn)

    def _may_reach(self, delivery: Delivery, category: Category) -> bool:
        """It is under way, or was sent and not found silent."""
        if delivery.status != "SENT" or delivery.receipt in ("bounced", "complained"):
            return not delivery.ended
        heard = delivery.listening or delivery.receipt == "delivered"
        channel = self.channels.get(delivery.channel)
        return heard or not category.silence_ms or channel is None or not channel.receipts

    def listen(self, notification: Notification, delivery: Delivery, category: Category, turn: Turn) -> Delivery:
        """It was sent: if its channel reports receipts and somebody else could be asked, wait for one."""
        channel = self.channels.get(delivery.channel)
        if not category.silence_ms or channel is None or not channel.receipts:
            return delivery
        if delivery.receipt or delivery.channel not in category.fallbacks or notification.why == CANCELLED:
            return delivery
        silent = StillSilent(delivery_id(notification.id, delivery.n), notification.user_id)
        turn.schedule(f"silence {delivery.n}", silent, at_ms=turn.now_ms + category.silence_ms)
        return replace(delivery, listening=True)

    def settled(self, notification: Notification, turn: Turn) -> Notification:
        """DONE when nothing is to come; its data goes unless something may still be rendered from it."""
        if not all(delivery.ended for delivery in notification.deliveries):
            return notification
        needed = any(delivery.may_go_on for delivery in notification.deliveries)
        forget = ForgetNotification(notification.id, notification.user_id)
        turn.schedule("forget", forget, at_ms=turn.now_ms + self.kept_ms)
        return replace(notification, status="DONE", data=notification.data if needed else "")

    # --- the user's places ---

    def give_back(self, user_id: str, channel: str, turn: Turn, *, used: bool) -> None:
        """One of the user's deliveries has ended; `used`: an attempt may have been made."""
        allowance = self._allowance(user_id, turn)
        if used:
            allowance = given_back(allowance, self.limit, channel, turn.steady_ms)
        else:
            allowance = taken(allowance, channel, -1)
        self._call(allowance, turn)

    def call_next(self, user_id: str, turn: Turn) -> None:
        """A place may be free again."""
        self._call(self._allowance(user_id, turn), turn)

    def _call(self, allowance: Allowance, turn: Turn) -> None:
        for channel in [places.channel for places in allowance.places if places.line]:
            while (places := allowance.of(channel)).line and has_place(allowance, self.limit, channel):
                turn.send(KIND, CallNext(allowance.user_id, channel, places.first), partition=turn.partition)
                allowance = called(allowance, channel)
        self._save(allowance, turn)

    def _allowance(self, user_id: str, turn: Turn) -> Allowance:
        known = turn.load(allowance_key(user_id)) or Allowance(user_id, boot=turn.boot)
        return at_time(known, self.limit, turn.steady_ms, turn.boot)

    def _save(self, allowance: Allowance, turn: Turn) -> None:
        key = allowance_key(allowance.user_id)
        turn.save(key, None if allowance.idle else allowance)
        if allowance.used_until:
            due_ms = turn.now_ms + max(1, allowance.used_until[0 if allowance.line else -1] - turn.steady_ms)
            turn.schedule("places", PlacesDue(allowance.user_id), at_ms=due_ms, entity=key)


def _quiet_until_ms(user: User | None, category: Category, at_ms: int) -> int:
    """0 if nothing is against telling the user at that time."""
    return 0 if user is None or category.critical else quiet_until_ms(user.quiet, user.zone, at_ms)
