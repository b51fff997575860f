"""`shop.audiences`: who is subscribed to what; a broadcast goes to one."""

from collections.abc import Iterable, Sequence

from sagamore.actors.checks import check_list
from sagamore.actors.notifications.audiences import (
    MEMBERS_A_MESSAGE_MAX,
    Audience,
    Subscribe,
    Unsubscribe,
    audience_key,
    member_key,
)
from sagamore.actors.notifications.errors import UnknownAudience, UnknownChannel
from sagamore.actors.text import check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Codec
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files
from sagamore.notifying import Notifying

KIND = "audiences"
MEMBERS_MAX = 10_000_000  # of one call; a slip of a generator that never ends
_codec = Codec((Audience,))


class Audiences:
    """Audiences are known by their names, which have no `/`."""

    def __init__(self, engine: Engine, files: Files, notifying: Notifying) -> None:
        self._engine, self._files, self._notifying = engine, files, notifying

    async def subscribe(self, audience: str, users: Sequence[str]) -> Audience:
        """Users join; who is in it already stays. Many go in messages of 500, each durable by itself: cut short, it can
        be asked for again. Raises InvalidInput naming the user."""
        name = self._checked(audience, users)
        found = Audience(name)
        for some in _chunks(users):
            found = _audience(await self._engine.ask(KIND, Subscribe(name, tuple(some)), scope=KIND))
        return found

    async def unsubscribe(self, audience: str, users: Sequence[str]) -> Audience:
        """Users leave. Raises UnknownAudience."""
        name = self._checked(audience, users)
        found = await self.get(name)
        for some in _chunks(users):
            found = _audience(await self._engine.ask(KIND, Unsubscribe(name, tuple(some)), scope=KIND))
        return found

    async def get(self, audience: str) -> Audience:
        """How many are in it. Raises UnknownAudience."""
        check_text("audience", audience)
        found = await self._engine.read(KIND, audience_key(audience)) if self._notifying.channels else None
        if not isinstance(found, Audience):
            raise UnknownAudience(audience)
        return found

    async def list(self, *, limit: int = 50, cursor: str = "") -> Page[Audience]:
        """All audiences, highest name first."""
        return await read_page(
            self._files.of(KIND), _codec.decode, prefix=audience_key(""), limit=limit, cursor=cursor
        )  # fmt: skip

    async def has(self, audience: str, user_id: str) -> bool:
        """Whether a user is in it. Raises UnknownAudience."""
        await self.get(audience)
        for reader in self._files.of(KIND):
            if await reader.state(member_key(audience, check_text("user_id", user_id))) is not None:
                return True
        return False

    def _checked(self, audience: str, users: Sequence[str]) -> str:
        if not self._notifying.channels:
            raise UnknownChannel("channels", (), "at least one: Sagamore.open(…, channels=[Inbox()])")
        name = check_text("audience", audience, printable=True)
        if "/" in name:
            raise InvalidInput("audience", audience, "a name without /")
        check_list("users", users, 0, MEMBERS_MAX)
        for n, user in enumerate(users):
            check_text(f"users[{n}]", user)
        return name


def _chunks(users: Sequence[str]) -> Iterable[Sequence[str]]:
    """At least one, so that an audience of nobody can be made."""
    return [users[n : n + MEMBERS_A_MESSAGE_MAX] for n in range(0, max(len(users), 1), MEMBERS_A_MESSAGE_MAX)]


def _audience(answer: object) -> Audience:
    assert isinstance(answer, Audience)
    return answer
