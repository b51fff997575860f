"""A process that takes one message by which it may be killed: `python -m tests.engine.poison_process DIR HOW WHERE`.

HOW: exit (os._exit in the handler), entity (SIGKILL in entity(), which names the entity), upcast (SIGKILL in the upcast
of the message's stored version), state (SIGKILL in the upcast of a stored entity), raised (the same, in a release that
raised the version once more and whose upcast is well), kill (SIGKILL to itself in the handler), commit (SIGKILL before
the book's commit), idle (SIGKILL before anything is asked), well (the handler has been repaired).
WHERE: command (the client's command kills), message (one that the desk sent), read (a client reads the entity, and
writes to another one). Prints what came of it as JSON.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sagamore.engine.actor import Actor
from sagamore.engine.errors import SagamoreError
from sagamore.engine.ports import Commit
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.turn import Turn
from sagamore.storage.directory import Directory
from sagamore.storage.journal import SQLiteJournal
from tests.engine.actors import Book, Desk, Note, Page, Post

COUNTS = {"desk": 1, "book": 1, "system": 1, "dead_letters": 1}


class Deadly(Book, Actor[Page, Note], kind="book"):
    """Dies before there is a turn."""

    def entity(self, message: Note) -> str:
        if message.n == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return message.entity


class NewNote(Note, tag="test.note", version=2):
    """The note of a later release."""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        if fields["n"] == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return fields


class LaterBook(Book, Actor[Page, NewNote], kind="book"):
    """Of a later release."""


class DeadlyPage(Page, tag="test.page", version=2):
    """The page of a later release, which cannot read the first one's."""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        if 13 in fields["ns"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return fields


class RaisedPage(Page, tag="test.page", version=3):
    """The page of the release that repairs it."""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        return fields


class DeadlyPages(Book, Actor[DeadlyPage, Note], kind="book"):
    """Dies of its stored state."""


class RaisedPages(Book, Actor[RaisedPage, Note], kind="book"):
    """Does not."""


def poison(how: str) -> Book:
    if how == "state":
        return DeadlyPages()
    if how == "raised":
        return RaisedPages()
    if how == "entity":
        return Deadly()
    if how == "upcast":
        return LaterBook()

    def hook(message: Note, _turn: Turn) -> None:
        if message.n == 13 and how == "exit":
            os._exit(3)
        if message.n == 13 and how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    return Book(hook)


def die_at_the_books_commit() -> None:
    commit = SQLiteJournal.commit

    async def deadly(self: SQLiteJournal, content: Commit) -> int:
        if self.path.name == "book-0.sqlite":
            os.kill(os.getpid(), signal.SIGKILL)
        return await commit(self, content)

    SQLiteJournal.commit = deadly  # type: ignore[method-assign,assignment]


async def main(path: Path, how: str, where: str) -> None:
    if how == "commit":
        die_at_the_books_commit()
    directory = Directory.open(path, COUNTS, now_ms=0)
    buried = asyncio.Event()
    engine = Engine(directory, [Desk(), poison(how)], partition_counts=COUNTS, on_alert=lambda _alert: buried.set())
    await engine.start()
    if how == "idle":
        os.kill(os.getpid(), signal.SIGKILL)
    said = ""
    try:
        if where == "command":
            await engine.ask("book", Note("a", 13), key="k" * 255)
        elif where == "read":
            await engine.ask("book", Note("b", 1))
            await engine.read("book", "a")
        else:
            await engine.ask("desk", Post("a", 12, count=3), key="k")
    except SagamoreError as error:
        said = f"{error.code} {error}"
    if where == "message":
        waits = engine.until("book", "a", lambda page: len(getattr(page, "ns", ())) == 3, None)
        await asyncio.wait(
            {asyncio.ensure_future(one) for one in (buried.wait(), waits)}, return_when="FIRST_COMPLETED"
        )
    page = await engine.read("book", "b" if where == "read" else "a")
    letters = [alert.subject for alert in engine.alerts() if alert.name == "dead_letter"]
    await engine.stop()
    directory.close()
    print(json.dumps({"said": said, "ns": getattr(page, "ns", ()), "letters": letters}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
