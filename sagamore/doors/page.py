"""One page of a list, newest first, merged over the partitions of a kind.

The cursor is the key of the last row, so a list stays stable under inserts: new rows come before it, none is shown
twice, none is skipped.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from sagamore.actors.checks import check_whole
from sagamore.actors.text import check_text
from sagamore.engine.errors import EntityDamaged, InvalidInput
from sagamore.storage.reader import Reader

T = TypeVar("T")
PAGE_ROWS_MAX = 200  # what a person or a client looks at; more come with the cursor
ABOVE_ALL = "\U0010ffff"
ENTITY_KEY_CHARACTERS_MAX = 300  # `stock:` and a product's id is the longest of ours


class Page(msgspec.Struct, Generic[T], frozen=True):
    """`items`, and the cursor of the next page; an empty cursor ends the list."""

    items: tuple[T, ...]
    cursor: str


async def read_page(
    readers: Sequence[Reader],
    decode: Callable[[bytes], T],
    *,
    prefix: str,
    field: str = "",
    value: str = "",
    cursor: str = "",
    limit: int = 50,
) -> Page[T]:
    """Rows whose indexed `field` has `value`, or without a field all; the keys of both begin with `prefix`. Raises
    InvalidInput, EntityDamaged."""
    check_whole("limit", limit, 1, PAGE_ROWS_MAX)
    check_text("cursor", cursor, ENTITY_KEY_CHARACTERS_MAX, optional=True, product=True)
    if cursor and not cursor.startswith(prefix):
        visible = prefix.rstrip("\x1f")  # which stands between the parts of some keys
        raise InvalidInput("cursor", cursor, f"the cursor of the page before, which begins with {visible}")
    if field:
        check_text(field, value)
    before = cursor or prefix + ABOVE_ALL
    found: list[tuple[str, bytes, str]] = []
    for reader in readers:
        if field:
            rows = await reader.entities(field, value, before, limit + 1)
        else:
            rows = await reader.entities_by_prefix(prefix, before, limit + 1)
        found += [(row.key, row.state, reader.path.name) for row in rows if row.key.startswith(prefix)]
    newest = heapq.nlargest(limit + 1, found)
    items = tuple(decode_entity(decode, *row) for row in newest[:limit])
    return Page(items, newest[limit - 1][0] if len(newest) > limit else "")


def decode_entity(decode: Callable[[bytes], T], key: str, state: bytes, file_name: str) -> T:
    """What was stored under that key. Raises EntityDamaged."""
    try:
        return decode(state)
    except ValueError as error:
        raise EntityDamaged(file_name, key, str(error)) from error
