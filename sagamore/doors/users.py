"""`shop.users`: whom notifications reach, how, and what they wish."""

from collections.abc import Mapping, Sequence
from datetime import time

from sagamore.actors.notifications.door import set_preferences, set_user
from sagamore.actors.notifications.errors import UnknownChannel, UnknownUser
from sagamore.actors.notifications.inbox import EraseItem, Inbox, item_key
from sagamore.actors.notifications.inbox import Item as InboxItem
from sagamore.actors.notifications.messages import EraseNotification, EraseUser
from sagamore.actors.notifications.notification import Notification
from sagamore.actors.notifications.user import User, user_key
from sagamore.actors.text import check_text
from sagamore.doors.page import PAGE_ROWS_MAX, Page, read_page
from sagamore.engine.message import Codec, State
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files
from sagamore.notifying import Notifying

KIND = "notifications"
_codec = Codec((User,))
_items = Codec((InboxItem,))
_notifications = Codec((Notification,))


class Users:
    """Users are known by the host's own ids."""

    def __init__(self, engine: Engine, files: Files, notifying: Notifying) -> None:
        self._engine, self._files, self._notifying = engine, files, notifying

    async def set(
        self,
        user_id: str,
        *,
        addresses: Sequence[tuple[str, str]] = (),
        locale: str = "",
        zone: str = "",
        preferences: Mapping[tuple[str, str], bool] | None = None,
        quiet_hours: tuple[time, time] | None = None,
    ) -> User:
        """The user as it is from now on.

        addresses: (channel, address), several of a channel allowed
        zone: IANA, for quiet hours; empty is UTC
        preferences: (category, channel) to True or False, "*" is any; the most specific one wins
        quiet_hours: local times between which nothing is sent but what is critical; deferred, never dropped
        An address that bounced stays dead until it is left out once. Raises InvalidInput (BadAddress, UnknownChannel).
        """
        self._check_composed()
        message = set_user(
            user_id, self._notifying.channels, addresses=addresses, locale=locale, zone=zone,
            preferences=preferences or {}, quiet_hours=quiet_hours, categories=self._notifying.types.categories,
        )  # fmt: skip
        return _user(await self._engine.ask(KIND, message, scope=KIND))

    async def prefer(self, user_id: str, category: str, channel: str, *, allowed: bool) -> User:
        """One wish; "*" is any. Raises InvalidInput, UnknownUser."""
        self._check_composed()
        message = set_preferences(
            user_id, {(category, channel): allowed}, self._notifying.channels, self._notifying.types.categories
        )
        return _user(await self._engine.ask(KIND, message, scope=KIND))

    async def get(self, user_id: str) -> User:
        """As last committed. Raises UnknownUser."""
        check_text("user_id", user_id)
        found = await self._engine.read(KIND, user_key(user_id)) if self._notifying.channels else None
        if not isinstance(found, User):
            raise UnknownUser(user_id)
        return found

    async def list(self, *, limit: int = 50, cursor: str = "") -> Page[User]:
        """All, by id from the end of the alphabet: ids are the host's own, so there is no newest."""
        return await read_page(
            self._files.of(KIND), _codec.decode, prefix=user_key(""), limit=limit, cursor=cursor
        )  # fmt: skip

    def _check_composed(self) -> None:
        if not self._notifying.channels:
            raise UnknownChannel("channels", (), "at least one: Sagamore.open(…, channels=[Inbox()])")

    async def erase(self, user_id: str) -> None:
        """Nothing personal is left: addresses, wishes, events' data, inbox. What waits is cancelled, what is being sent
        ends. The user goes last, so that an erasure that was cut short can be asked for again. Raises UnknownUser."""
        await self.get(user_id)
        await self._erase_notifications(user_id)
        await self._engine.ask(KIND, EraseUser(user_id), scope=KIND)
        await self._erase_notifications(user_id)  # those that were published meanwhile; from now on none can be

    async def _erase_notifications(self, user_id: str) -> None:
        cursor = ""
        while True:
            page = await read_page(
                self._files.of(KIND), _notifications.decode, prefix="ntf_", field="user_id", value=user_id,
                limit=PAGE_ROWS_MAX, cursor=cursor,
            )  # fmt: skip
            for notification in page.items:
                await self._engine.ask(KIND, EraseNotification(notification.id, user_id), scope=KIND)
                await self._engine.until(KIND, notification.id, _is_in_inbox, None)
            if not (cursor := page.cursor):
                break
        if any(isinstance(channel, Inbox) for channel in self._notifying.channels.values()):
            await self._erase_inbox(user_id)

    async def _erase_inbox(self, user_id: str) -> None:
        prefix = item_key(user_id, "")
        while (
            page := await read_page(self._files.of("inbox"), _items.decode, prefix=prefix, limit=PAGE_ROWS_MAX)
        ).items:
            for item in page.items:
                await self._engine.ask("inbox", EraseItem(user_id, item.delivery), scope=KIND)


def _is_in_inbox(state: State | None) -> bool:
    """None of its items is still on its way there, to arrive behind the erasure."""
    return not isinstance(state, Notification) or not any(
        (delivery.channel, delivery.status) == ("inbox", "SENDING") for delivery in state.deliveries
    )


def _user(answer: object) -> User:
    assert isinstance(answer, User)
    return answer
