"""`shop.notifications`: publish, cancel, broadcast; receipts; what became of one, and its story."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Literal, get_args

from msgspec.structs import replace

from sagamore.actors.checks import check_choice, check_span, check_time, check_type
from sagamore.actors.notifications.audiences import Broadcast, CancelBroadcast, StartBroadcast, audience_key
from sagamore.actors.notifications.door import Event, notify
from sagamore.actors.notifications.errors import UnknownBroadcast, UnknownChannel, UnknownNotification
from sagamore.actors.notifications.messages import CancelNotification, ReceiptArrived
from sagamore.actors.notifications.notification import Notification, ReceiptKind, Status, notification_of
from sagamore.actors.notifications.user import user_key
from sagamore.actors.text import check_key, check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Codec, State
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files
from sagamore.notifying import Notifying
from sagamore.story import Line as StoryLine
from sagamore.story import read_story

KIND = "notifications"
_codec = Codec((Notification,))


class Notifications:
    """Notifications are known by their ids, `ntf_…`, their deliveries as `dlv_…`."""

    def __init__(self, engine: Engine, files: Files, notifying: Notifying) -> None:
        self._engine, self._files, self._notifying = engine, files, notifying

    async def publish(self, event: Event, *, idempotency_key: str | None = None) -> Notification:
        """Tell a user: when this returns, the event is on disk and its deliveries are under way, or it says why not.

        Raises InvalidInput (UnknownEvent, UnknownChannel, BadEventData) naming the field, UnknownUser, KeyReused,
        Overloaded, OutcomeUnknown.
        """
        self._check_composed()
        check_type("event", event, Event)
        owner = user_key(check_text("user_id", event.user_id))
        check_key(idempotency_key)
        message = notify(event, self._notifying.desk, self._mint(owner))
        same = replace(message, notification_id="")
        answer = _notification(
            await self._engine.ask(KIND, message, key=idempotency_key, scope=KIND, same=same, checked=True)
        )
        # what is kept of an earlier answer has nothing personal in it
        return answer if answer.id == message.notification_id else await self.get(answer.id)

    async def cancel(self, notification_id: str) -> Notification:
        """Whatever of it no attempt may have been made at is not sent. Raises UnknownNotification, CannotCancel."""
        known = await self.get(notification_id)
        return _notification(await self._engine.ask(KIND, CancelNotification(known.id, known.user_id), scope=KIND))

    async def receipt(self, delivery_id: str, kind: ReceiptKind, at: datetime) -> Notification:
        """What a provider reports later; a bounced or complained address is never written to again. Repeated, it is
        old news. Raises InvalidInput, UnknownNotification."""
        check_text("delivery_id", delivery_id)
        check_choice("kind", kind, get_args(ReceiptKind))
        at_ms = check_time("at", at)
        if not at_ms:  # None, which elsewhere is no time
            raise InvalidInput("at", at, "an aware datetime: when it was seen")
        try:
            known = await self.get(notification_of(delivery_id)[0])
        except ValueError as error:
            raise InvalidInput("delivery_id", delivery_id, "a delivery's id, dlv_…") from error
        message = ReceiptArrived(delivery_id, known.user_id, kind, at_ms)
        return _notification(await self._engine.ask(KIND, message, scope=KIND))

    # --- queries ---

    async def get(self, notification_id: str) -> Notification:
        """As last committed. Raises UnknownNotification."""
        check_text("notification_id", notification_id)
        found = await self._engine.read(KIND, notification_id) if self._notifying.channels else None
        if not isinstance(found, Notification):
            raise UnknownNotification(notification_id)
        return found

    async def wait(self, notification_id: str, *, timeout: timedelta | None = None) -> Notification:
        """Until all its deliveries have ended; `timeout` None is for ever. Raises TimeoutError, UnknownNotification."""
        await self.get(notification_id)
        timeout_ms = None if timeout is None else check_span("timeout", timeout) // timedelta(milliseconds=1)
        return _notification(await self._engine.until(KIND, notification_id, _is_done, timeout_ms))

    async def list(
        self, *, user_id: str = "", status: Status | Literal[""] = "", limit: int = 50, cursor: str = ""
    ) -> Page[Notification]:
        """Newest first: all, or those of a user, or in a status; not both."""
        check_text("user_id", user_id, optional=True)
        check_choice("status", status, get_args(Status), optional=True)
        if user_id and status:
            raise InvalidInput("status", status, "nothing, where a user is given")
        return await read_page(
            self._files.of(KIND), _codec.decode, prefix="ntf_",
            field="user_id" if user_id else "status" if status else "", value=user_id or status, limit=limit,
            cursor=cursor,
        )  # fmt: skip

    async def story(self, notification_id: str) -> AsyncIterator[StoryLine]:
        """Its whole story, over all actors, attempts and restarts."""
        await self.get(notification_id)
        async for line in read_story(self._files, notification_id):
            yield line

    # --- broadcasts ---

    async def broadcast(self, audience: str, event: Event, *, idempotency_key: str | None = None) -> Broadcast:
        """Tell everybody in an audience, in the lane that gives way; `event.user_id` is empty. Goes on by itself, page
        by page, across restarts. Raises what `publish` raises, and UnknownAudience."""
        self._check_composed()
        check_text("audience", audience)
        check_type("event", event, Event)
        if event.user_id:
            raise InvalidInput("event.user_id", event.user_id, "empty: the audience says whom")
        check_key(idempotency_key)
        named = Event(**{name: getattr(event, name) for name in event.__struct_fields__} | {"user_id": "*"})
        message = notify(named, self._notifying.desk, "")
        broadcast_id = self._engine.mint("bc", "audiences", owner=audience_key(audience))
        start = StartBroadcast(broadcast_id, audience, message)
        answer = await self._engine.ask(
            "audiences", start, key=idempotency_key, scope=KIND, same=replace(start, broadcast="")
        )
        assert isinstance(answer, Broadcast)
        return answer

    async def get_broadcast(self, broadcast_id: str) -> Broadcast:
        """How far it is. Raises UnknownBroadcast."""
        check_text("broadcast_id", broadcast_id)
        found = await self._engine.read("audiences", broadcast_id) if self._notifying.channels else None
        if not isinstance(found, Broadcast):
            raise UnknownBroadcast(broadcast_id)
        return found

    async def cancel_broadcast(self, broadcast_id: str) -> Broadcast:
        """No further user is told. Raises UnknownBroadcast, CannotCancel."""
        await self.get_broadcast(broadcast_id)
        answer = await self._engine.ask("audiences", CancelBroadcast(broadcast_id), scope=KIND)
        assert isinstance(answer, Broadcast)
        return answer

    def _mint(self, owner: str) -> str:
        return self._engine.mint("ntf", KIND, owner=owner)

    def _check_composed(self) -> None:
        if not self._notifying.channels:
            raise UnknownChannel("channels", (), "at least one: Sagamore.open(…, channels=[Inbox()])")


def _is_done(state: State | None) -> bool:
    return isinstance(state, Notification) and state.status == "DONE"


def _notification(answer: object) -> Notification:
    assert isinstance(answer, Notification)
    return answer
