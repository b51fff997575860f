"""What programs outside see of notifications, users and audiences: like `views.py`, JSON in camelCase."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, Self

import msgspec

from sagamore.actors.notifications.audiences import Audience, Broadcast
from sagamore.actors.notifications.notification import Delivery, Notification, delivery_id
from sagamore.actors.notifications.user import QuietHours, User
from sagamore.views import View, time_of


class DeliveryView(View, frozen=True):
    """One event on one channel to one address. `uncertain` attempts may each be an extra copy."""

    id: str
    channel: str
    status: str
    address: str
    reason: str
    attempts: int
    uncertain: int
    provider_id: str
    receipt: str
    receipt_at: datetime | None
    template: str

    @classmethod
    def of(cls, delivery: Delivery, notification: str) -> Self:
        """The view of a delivery of that notification."""
        return cls(
            id=delivery_id(notification, delivery.n), channel=delivery.channel, status=delivery.status,
            address=delivery.address, reason=delivery.reason, attempts=delivery.attempts, uncertain=delivery.uncertain,
            provider_id=delivery.provider_id, receipt=delivery.receipt, receipt_at=time_of(delivery.receipt_at_ms),
            template=delivery.template,
        )  # fmt: skip


class NotificationView(View, frozen=True):
    """A notification as last committed; `data` is null once nothing is to be rendered from it any more."""

    id: str
    user_id: str
    event_type: str
    category: str
    status: str
    why: str
    channels: tuple[str, ...]
    deliveries: tuple[DeliveryView, ...]
    data: Mapping[str, Any] | None
    order_id: str
    broadcast: str
    created_at: datetime | None
    send_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """The view of a notification."""
        data = msgspec.json.decode(notification.data) if notification.data else None
        return cls(
            id=notification.id, user_id=notification.user_id, event_type=notification.event_type,
            category=notification.category, status=notification.status, why=notification.why,
            channels=notification.channels,
            deliveries=tuple(DeliveryView.of(each, notification.id) for each in notification.deliveries),
            data=data, order_id=notification.order_id, broadcast=notification.broadcast,
            created_at=time_of(notification.created_ms), send_at=time_of(notification.due_ms),
            expires_at=time_of(notification.expires_ms),
        )  # fmt: skip

    @property
    def told(self) -> str:
        """Its deliveries in a few words, for lists."""
        return ", ".join(f"{each.channel} {each.status}" for each in self.deliveries)


class PreferenceView(View, frozen=True, forbid_unknown_fields=True):
    """A wish; `*` is any category or any channel."""

    category: str
    channel: str
    allowed: bool


class DeadAddressView(View, frozen=True):
    """Never written to again."""

    channel: str
    address: str
    why: str
    at: datetime | None


class UserView(View, frozen=True):
    """A user as notifications know it; `quietHours` are two local times, or null."""

    id: str
    addresses: Mapping[str, tuple[str, ...]]
    locale: str
    zone: str
    preferences: tuple[PreferenceView, ...]
    quiet_hours: tuple[str, str] | None
    dead: tuple[DeadAddressView, ...]

    @classmethod
    def of(cls, user: User) -> Self:
        """The view of a user."""
        channels = dict.fromkeys(known.channel for known in user.addresses)
        return cls(
            id=user.id, addresses={channel: user.addresses_of(channel) for channel in channels}, locale=user.locale,
            zone=user.zone,
            preferences=tuple(
                PreferenceView(category=wish.category, channel=wish.channel, allowed=wish.allowed)
                for wish in user.preferences
            ),
            quiet_hours=_hours(user.quiet),
            dead=tuple(
                DeadAddressView(channel=dead.channel, address=dead.address, why=dead.why, at=time_of(dead.at_ms))
                for dead in user.dead
            ),
        )  # fmt: skip

    @property
    def reached_by(self) -> str:
        """How many addresses on which channel, for lists."""
        return ", ".join(f"{channel} {len(known)}" for channel, known in self.addresses.items())


class ErasedView(View, frozen=True):
    """Nothing personal is left of that user."""

    erased: str


class AudienceView(View, frozen=True):
    """How many users are in it."""

    name: str
    members: int

    @classmethod
    def of(cls, audience: Audience) -> Self:
        """The view of an audience."""
        return cls(name=audience.name, members=audience.members)


class BroadcastView(View, frozen=True):
    """How far it is: `users` have been told so far."""

    id: str
    audience: str
    status: str
    why: str
    users: int
    created_at: datetime | None

    @classmethod
    def of(cls, broadcast: Broadcast) -> Self:
        """The view of a broadcast."""
        return cls(
            id=broadcast.id, audience=broadcast.audience, status=broadcast.status, why=broadcast.why,
            users=broadcast.users, created_at=time_of(broadcast.created_ms),
        )  # fmt: skip


def _hours(quiet: QuietHours | None) -> tuple[str, str] | None:
    if quiet is None:
        return None
    begin, end = (f"{time(*divmod(minute, 60)):%H:%M}" for minute in (quiet.begin_minute, quiet.end_minute))
    return begin, end
