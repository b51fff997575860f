"""A command's coroutine on an event loop: uvloop where it is installed."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005  # at Python's 5 ms a busy event loop keeps SQLite's threads waiting for the GIL


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    return uvloop.run(coroutine)
