"""A world for each test, a limit on how long it may take, and a look at what it leaves behind."""

import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.engine.world import World

TEST_SECONDS_MAX = 20  # a test that hangs says where

THREAD_SECONDS_MAX = 5


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    def hang(*_: object) -> None:
        raise TimeoutError(f"the test still ran after {TEST_SECONDS_MAX} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, TEST_SECONDS_MAX)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    before = set(threading.enumerate())
    world = World(tmp_path / "shop")
    yield world
    await world.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(THREAD_SECONDS_MAX)  # a connection's thread answers `close` a moment before it ends
        assert not thread.is_alive(), f"{thread} is left behind"
