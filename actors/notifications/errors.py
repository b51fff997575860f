"""What the doors of notifications refuse.

InvalidInput
├── BadAddress          no address of that channel
├── UnknownChannel      no such channel is composed into this program
├── UnknownEvent        no such event type, or a version that is newer than this program's
└── BadEventData        fields that do not fit the event's type
Refused
├── UnknownUser
├── UnknownNotification
├── UnknownAudience
├── UnknownBroadcast
├── UnknownItem         of a user's inbox
└── CannotCancel        it has ended
"""

from sagamore.engine.errors import InvalidInput, Refused


class BadAddress(InvalidInput):
    """Not an address of that channel."""

    code = "bad_address"

    def __init__(self, channel: str, address: object, expected: str) -> None:
        super().__init__(f"{channel} address", address, expected)
        self.channel = channel


class UnknownChannel(InvalidInput):
    """No such channel."""

    code = "unknown_channel"


class UnknownEvent(InvalidInput):
    """No such event type or version."""

    code = "unknown_event"


class BadEventData(InvalidInput):
    """The data does not fit."""

    code = "bad_event_data"


class UnknownUser(Refused):
    """No user has that id."""

    code = "unknown_user"

    def __init__(self, user_id: str) -> None:
        super().__init__(f"there is no user {user_id!r}; `users import` or shop.users.set makes one")
        self.user_id = user_id


class UnknownNotification(Refused):
    """No notification has that id."""

    code = "unknown_notification"

    def __init__(self, notification_id: str) -> None:
        super().__init__(f"there is no notification {notification_id!r}")
        self.notification_id = notification_id


class UnknownAudience(Refused):
    """No audience has that name."""

    code = "unknown_audience"

    def __init__(self, audience: str) -> None:
        super().__init__(f"there is no audience {audience!r}; subscribe somebody to make one")
        self.audience = audience


class UnknownBroadcast(Refused):
    """No broadcast has that id."""

    code = "unknown_broadcast"

    def __init__(self, broadcast: str) -> None:
        super().__init__(f"there is no broadcast {broadcast!r}")
        self.broadcast = broadcast


class UnknownItem(Refused):
    """The user's inbox has no such item."""

    code = "unknown_item"

    def __init__(self, user_id: str, delivery: str) -> None:
        super().__init__(f"the inbox of {user_id!r} has no item {delivery!r}")
        self.user_id, self.delivery = user_id, delivery


class CannotCancel(Refused):
    """All its deliveries have ended."""

    code = "cannot_cancel"

    def __init__(self, notification_id: str, status: str) -> None:
        super().__init__(f"{notification_id} is {status}: only what has not been sent can be cancelled")
        self.notification_id, self.status = notification_id, status
