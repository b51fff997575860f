"""`shop.dead_letters`: what was given up on, for a person to work through."""

from typing import Literal, get_args

from sagamore.actors.checks import check_choice
from sagamore.actors.text import check_text
from sagamore.doors.page import Page, read_page
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter, DiscardLetter, ReplayLetter, UnknownLetter
from sagamore.engine.message import Codec, Record
from sagamore.engine.runtime.engine import Engine
from sagamore.files import Files

_codec = Codec((DeadLetter,))
LetterStatus = Literal["WAITING", "REPLAYED", "DISCARDED"]


class DeadLetters:
    """Letters are known by their ids, `dl_…`."""

    def __init__(self, engine: Engine, files: Files) -> None:
        self._engine, self._files = engine, files

    async def list(self, *, status: LetterStatus = "WAITING", limit: int = 50, cursor: str = "") -> Page[DeadLetter]:
        """Letters of one status, newest first."""
        check_choice("status", status, get_args(LetterStatus))
        return await read_page(
            self._files.of(DEAD_LETTERS), _codec.decode, prefix="dl_", field="status", value=status, limit=limit,
            cursor=cursor,
        )  # fmt: skip

    async def show(self, letter: str) -> DeadLetter:
        """One letter with all its attempts. Raises UnknownLetter."""
        found = await self._engine.read(DEAD_LETTERS, check_text("letter", letter))
        if not isinstance(found, DeadLetter):
            raise UnknownLetter(f"there is no dead letter {letter!r}; list them to see which there are")
        return found

    async def replay(self, letter: str, *, by: str) -> DeadLetter:
        """Send it again, once; a second replay has no second effect. Raises UnknownLetter, LetterClosed."""
        return _letter(
            await self._engine.ask(DEAD_LETTERS, ReplayLetter(check_text("letter", letter), check_text("by", by)))
        )

    async def discard(self, letter: str, *, by: str, reason: str) -> DeadLetter:
        """Never send it; who waits for it is told. Raises UnknownLetter, LetterClosed."""
        return _letter(await self._engine.ask(DEAD_LETTERS, _discard(letter, by, reason)))


def _discard(letter: str, by: str, reason: str) -> DiscardLetter:
    return DiscardLetter(check_text("letter", letter), check_text("by", by), check_text("reason", reason))


def _letter(answer: Record | None) -> DeadLetter:
    assert isinstance(answer, DeadLetter)
    return answer
