"""A command's coroutine on an event loop: uvloop where it is installed, and a process set up for one busy loop.

What is set here belongs to a program, not to a library: a host that embeds a shop decides for itself.
"""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005  # at Python's 5 ms a busy event loop keeps SQLite's threads waiting for the GIL
GC_ALLOCATIONS = 20_000  # turns leave no cycles: at Python's 700 the search for them takes 4 % of the loop's time


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what is imported stays
    gc.set_threshold(GC_ALLOCATIONS)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    return uvloop.run(coroutine)
