"""`shop.inbox`: what a user's in-app feed shows."""

from sagamore.actors.notifications.errors import UnknownChannel
from sagamore.actors.notifications.inbox import Feed, Item, MarkRead, feed_key, item_key
from sagamore.actors.text import check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.message import Codec
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files
from sagamore.notifying import Notifying

KIND = "inbox"
_codec = Codec((Item,))


class Inboxes:
    """Of all users; composed with the channel `Inbox()`."""

    def __init__(self, engine: Engine, files: Files, notifying: Notifying) -> None:
        self._engine, self._files, self._notifying = engine, files, notifying

    async def list(self, user_id: str, *, limit: int = 50, cursor: str = "") -> Page[Item]:
        """A user's items, newest event first. Whether one is read, `feed().is_read(item)` says."""
        check_text("user_id", user_id)
        return await read_page(
            self._files.of(KIND), _codec.decode, prefix=item_key(user_id, ""), limit=limit, cursor=cursor
        )  # fmt: skip

    async def feed(self, user_id: str) -> Feed:
        """What is counted of a user's feed: items, unread."""
        self._check_composed()
        found = await self._engine.read(KIND, feed_key(check_text("user_id", user_id)))
        return found if isinstance(found, Feed) else Feed(user_id)

    async def mark_read(self, user_id: str, delivery_id: str = "") -> Feed:
        """One item, or without an id all that there are. Raises UnknownItem."""
        self._check_composed()
        message = MarkRead(check_text("user_id", user_id), check_text("delivery_id", delivery_id, optional=True))
        answer = await self._engine.ask(KIND, message, scope=KIND)
        assert isinstance(answer, Feed)
        return answer

    def _check_composed(self) -> None:
        if KIND not in self._notifying.channels:
            raise UnknownChannel("channels", KIND, "composed, as in Sagamore.open(…, channels=[Inbox()])")
