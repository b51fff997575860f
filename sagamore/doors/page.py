"""One page of a list, newest first, merged over the partitions of a kind.

The cursor is the key of the last row, so a list stays stable under inserts: new rows come before it, none is shown
twice, none is skipped.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from sagamore.engine.errors import InvalidInput
from sagamore.storage.reader import EntityRow, Reader

T = TypeVar("T")
PAGE_ROWS_MAX = 200  # what a person or a client looks at; more come with the cursor


class Page(msgspec.Struct, Generic[T], frozen=True):
    """`items`, and the cursor of the next page; an empty cursor ends the list."""

    items: tuple[T, ...]
    cursor: str


async def read_page(
    readers: Sequence[Reader],
    decode: Callable[[bytes], T],
    *,
    field: str = "",
    value: str = "",
    prefix: str = "",
    cursor: str = "",
    limit: int = 50,
) -> Page[T]:
    """Rows whose indexed `field` has `value`, or without a field all whose key starts with `prefix`."""
    if not 1 <= limit <= PAGE_ROWS_MAX:
        raise InvalidInput("limit", limit, f"1 to {PAGE_ROWS_MAX}")
    before = cursor or None
    rows: list[EntityRow] = []
    for reader in readers:
        if field:
            rows += await reader.entities(field, value, before, limit + 1)
        else:
            rows += await reader.entities_by_prefix(prefix, before, limit + 1)
    newest = heapq.nlargest(limit + 1, rows, key=lambda row: row.key)
    items = tuple(decode(row.state) for row in newest[:limit])
    return Page(items, newest[limit - 1].key if len(newest) > limit else "")
