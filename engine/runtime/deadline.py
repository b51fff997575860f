"""A timeout that obeys the engine's Clock, so that a test can move it by hand (`asyncio.timeout` obeys the loop's)."""

import asyncio
from types import TracebackType

from sagamore.engine.ports import Clock, Scheduled


class Deadline:
    """`with Deadline(clock, at_ms): await …` raises TimeoutError when the Clock passes `at_ms` first."""

    def __init__(self, clock: Clock, at_ms: int) -> None:
        self._clock, self._at_ms = clock, at_ms
        self._task: asyncio.Task[object] | None = None
        self._handle: Scheduled | None = None
        self._passed = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._handle = self._clock.call_at(self._at_ms, self._pass)

    def _pass(self) -> None:
        self._passed = True
        if self._task is not None:
            self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()
        if self._passed and self._task is not None and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error


async def sleep_ms(clock: Clock, delay_ms: int) -> None:
    """Sleep by the Clock."""
    passed = asyncio.Event()
    handle = clock.call_at(clock.now_ms() + delay_ms, passed.set)
    try:
        await passed.wait()
    finally:
        handle.cancel()
