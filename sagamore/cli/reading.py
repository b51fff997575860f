"""Reading a directory from its files, beside its owner or without one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sagamore.actors.text import check_text
from sagamore.doors.page import ENTITY_KEY_CHARACTERS_MAX, PAGE_ROWS_MAX, decode_entity, read_page
from sagamore.engine.errors import InvalidInput
from sagamore.files import Files
from sagamore.storage import reader
from sagamore.views import AlertView

T = TypeVar("T")


@asynccontextmanager
async def files_of(directory: Path) -> AsyncIterator[Files]:
    """Raises NotADirectoryOfOurs."""
    files = Files(directory)
    try:
        yield files
    finally:
        await files.close()


async def read_entity(
    files: Files, kind: str, known_as: str, decode: Callable[[bytes], T], *, prefix: str = ""
) -> T | None:
    """One entity, whose key is `prefix` and what it is known as; None if there is none. Raises InvalidInput,
    EntityDamaged."""
    key = prefix + check_text("id", known_as, ENTITY_KEY_CHARACTERS_MAX - len(prefix), product=True)
    for each in files.of(kind):
        state = await each.state(key)
        if state is not None:
            return decode_entity(decode, key, state, each.path.name)
    return None


async def read_list(
    files: Files, kind: str, decode: Callable[[bytes], T], limit: int, before: str,
    *, prefix: str, bare: bool = False, field: str = "", value: str = "",
) -> list[T]:  # fmt: skip
    """So many of which all keys begin with `prefix`, newest first, after the one known as `before`, to people `bare`
    of the prefix or with it. Raises InvalidInput, EntityDamaged."""
    if before:
        check_text("--before", before, ENTITY_KEY_CHARACTERS_MAX - len(prefix), product=True)
        if not bare and not before.startswith(prefix):
            raise InvalidInput("--before", before, f"an id of this list, {prefix}…")
        before = prefix + before if bare else before
    found: list[T] = []
    while len(found) < limit:
        page = await read_page(
            files.of(kind), decode, field=field, value=value, prefix=prefix, cursor=before,
            limit=min(PAGE_ROWS_MAX, limit - len(found)),
        )  # fmt: skip
        found += page.items
        before = page.cursor
        if not before:
            break
    return found


async def read_alerts(files: Files) -> list[AlertView]:
    """All that stand, oldest first."""
    alerts = []
    for address, each in files.readers.items():
        after = ("", "")
        while rows := await each.alerts(after, reader.PAGE_ROWS_MAX):
            alerts += [(row.since_ms, AlertView.of(address, row)) for row in rows]
            after = (rows[-1].name, rows[-1].subject)
    return [alert for _, alert in sorted(alerts, key=lambda found: found[0])]
