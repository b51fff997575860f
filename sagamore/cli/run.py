"""A command's coroutine on an event loop: uvloop where it is installed, and a process set up for one busy loop. SIGTERM
ends it as Ctrl-C does, cleanly.

What is set here belongs to a program, not to a library: a host that embeds a shop decides for itself.
"""

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TERMINATED = 128 + 15  # as shells have it: 128 and the signal
SWITCH_INTERVAL_S = 0.0001  # what SQLite's threads wait for the GIL of a busy loop; at 5 ms 15 % fewer orders
GC_ALLOCATIONS = 20_000  # turns leave no cycles: at Python's 700 the search for them takes 4 % of the loop's time


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns. Raises KeyboardInterrupt on SIGINT and SystemExit on SIGTERM, after it was cancelled
    and has ended."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what is imported stays
    gc.set_threshold(GC_ALLOCATIONS)
    try:
        import uvloop
    except ImportError:
        start = asyncio.run
    else:
        start = uvloop.run
    try:
        return start(_until_terminated(coroutine))
    except asyncio.CancelledError:
        raise SystemExit(TERMINATED) from None


async def _until_terminated(coroutine: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    if threading.current_thread() is threading.main_thread():  # the one that hears of signals
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await coroutine
