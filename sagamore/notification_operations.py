"""The operations on notifications, users and audiences."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from sagamore.actors.checks import check_whole
from sagamore.actors.notifications.audiences import Broadcast
from sagamore.actors.notifications.door import Event
from sagamore.actors.text import shown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import State
from sagamore.notification_views import (
    AudienceView,
    BroadcastView,
    ErasedView,
    NotificationView,
    PreferenceView,
    UserView,
)
from sagamore.operation import Operation
from sagamore.order_operations import WAIT_MS_MAX
from sagamore.shop import Shop


class NoChannels(InvalidInput):
    """Whoever runs the shop can tell nobody anything."""

    code = "no_channels"

    def __init__(self) -> None:
        super().__init__("channels", (), "at least one where the shop is run: --channels inbox, or an --app with some")


class _Event(Operation, frozen=True, kw_only=True):
    """What it says of the event; see `Event`."""

    event_type: str
    channels: tuple[str, ...] = ()
    version: int = 1
    data: Mapping[str, Any] = {}
    dedupe_key: str = ""
    send_at: datetime | None = None
    expires_at: datetime | None = None
    idempotency_key: str | None = None
    wait_ms: int = 0

    def _event(self, shop: Shop, user_id: str) -> Event:
        """Checked as far as its door does not. Raises InvalidInput."""
        check_composed(shop)
        check_whole("waitMs", self.wait_ms, 0, WAIT_MS_MAX)
        return Event(
            event_type=self.event_type, user_id=user_id, channels=self.channels, version=self.version, data=self.data,
            dedupe_key=self.dedupe_key, send_at=self.send_at, expires_at=self.expires_at,
        )  # fmt: skip


class PublishEvent(_Event, frozen=True, kw_only=True, tag="notifications.publish"):
    """Tell a user, and wait so long for all deliveries to end."""

    answer: ClassVar[type[Any]] = NotificationView
    user_id: str

    async def run(self, shop: Shop) -> NotificationView:
        """At the door of notifications."""
        event = self._event(shop, self.user_id)
        told = await shop.notifications.publish(event, idempotency_key=self.idempotency_key)
        if self.wait_ms:
            try:
                told = await shop.notifications.wait(told.id, timeout=timedelta(milliseconds=self.wait_ms))
            except TimeoutError:
                told = await shop.notifications.get(told.id)  # it goes on by itself
        return NotificationView.of(told)


class CancelNotification(Operation, frozen=True, kw_only=True, tag="notifications.cancel"):
    """Whatever of it has not been sent."""

    answer: ClassVar[type[Any]] = NotificationView
    notification_id: str

    async def run(self, shop: Shop) -> NotificationView:
        """At the door of notifications."""
        check_composed(shop)
        return NotificationView.of(await shop.notifications.cancel(self.notification_id))


class SetUser(Operation, frozen=True, kw_only=True, tag="users.set"):
    """The user as it is from now on; also a line of a file that is imported, where nothing says which operation."""

    answer: ClassVar[type[Any]] = UserView
    id: str
    addresses: Mapping[str, tuple[str, ...]] = {}
    locale: str = ""
    zone: str = ""
    preferences: tuple[PreferenceView, ...] = ()
    quiet_hours: tuple[str, str] | None = None

    async def run(self, shop: Shop) -> UserView:
        """At the door of users."""
        check_composed(shop)
        user = await shop.users.set(
            self.id,
            addresses=[(channel, address) for channel, known in self.addresses.items() for address in known],
            locale=self.locale, zone=self.zone,
            preferences={(wish.category, wish.channel): wish.allowed for wish in self.preferences},
            quiet_hours=None if self.quiet_hours is None else (_time(self.quiet_hours[0]), _time(self.quiet_hours[1])),
        )  # fmt: skip
        return UserView.of(user)


class EraseUser(Operation, frozen=True, kw_only=True, tag="users.erase"):
    """Nothing personal is left."""

    answer: ClassVar[type[Any]] = ErasedView
    user_id: str

    async def run(self, shop: Shop) -> ErasedView:
        """At the door of users."""
        check_composed(shop)
        await shop.users.erase(self.user_id)
        return ErasedView(erased=self.user_id)


class Subscribe(Operation, frozen=True, kw_only=True, tag="audiences.subscribe"):
    """Users join."""

    answer: ClassVar[type[Any]] = AudienceView
    audience: str
    users: tuple[str, ...]

    async def run(self, shop: Shop) -> AudienceView:
        """At the door of audiences."""
        check_composed(shop)
        return AudienceView.of(await shop.audiences.subscribe(self.audience, self.users))


class Unsubscribe(Operation, frozen=True, kw_only=True, tag="audiences.unsubscribe"):
    """Users leave."""

    answer: ClassVar[type[Any]] = AudienceView
    audience: str
    users: tuple[str, ...]

    async def run(self, shop: Shop) -> AudienceView:
        """At the door of audiences."""
        check_composed(shop)
        return AudienceView.of(await shop.audiences.unsubscribe(self.audience, self.users))


class StartBroadcast(_Event, frozen=True, kw_only=True, tag="audiences.broadcast"):
    """Tell everybody in an audience, and wait so long for all of it to be told."""

    answer: ClassVar[type[Any]] = BroadcastView
    audience: str

    async def run(self, shop: Shop) -> BroadcastView:
        """At the door of notifications."""
        event = self._event(shop, "")
        started = await shop.notifications.broadcast(self.audience, event, idempotency_key=self.idempotency_key)
        if self.wait_ms:
            try:
                await shop.engine.until("audiences", started.id, _has_ended, self.wait_ms)
            except TimeoutError:
                pass  # it goes on by itself
            started = await shop.notifications.get_broadcast(started.id)
        return BroadcastView.of(started)


def check_composed(shop: Shop) -> None:
    """Raises NoChannels."""
    if not shop.channels:
        raise NoChannels()


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("quietHours", shown(text), "a local time, as 22:00") from error


def _has_ended(state: State | None) -> bool:
    return isinstance(state, Broadcast) and state.status != "RUNNING"
