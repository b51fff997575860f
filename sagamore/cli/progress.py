"""How a long command goes: one line on standard error, drawn again and again, if that is a terminal."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sagamore.cli.streams import ERASE_TO_END, redraws

REDRAWN_EVERY_S = 0.25


@asynccontextmanager
async def shown(tell: Callable[[], str]) -> AsyncIterator[None]:
    """Draw what `tell` says until the block ends."""
    drawing = asyncio.create_task(_draw(tell))
    try:
        yield
    finally:
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        draw("")


def draw(line: str) -> None:
    """Draw it once. What else is printed begins where it begins, and takes its place."""
    if redraws(sys.stderr):
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        print(f"{line[: columns - 1]}{ERASE_TO_END}\r", end="", file=sys.stderr, flush=True)


async def _draw(tell: Callable[[], str]) -> None:
    while True:
        draw(tell())
        await asyncio.sleep(REDRAWN_EVERY_S)
