"""The thread on which a blocking program's shop runs: one event loop, calls handed to it from any other thread.

A thread that Python knows (not a daemon), because the shop must stop cleanly when the program ends; so something else
has to notice that the program has: a daemon that waits for the main thread.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, TypeVar

from sagamore.app import Sagamore
from sagamore.engine.errors import Closed, WrongLoop

T = TypeVar("T")
MAIN_THREAD_LOOK_S = 1  # how often the daemon asks whether it is still needed


class Runner:
    """The thread, its event loop, and the shop in it, from construction to `close`."""

    def __init__(self, open_shop: Callable[[], AbstractAsyncContextManager[Sagamore]], call_timeout: timedelta) -> None:
        self._open_shop, self._timeout_s = open_shop, call_timeout.total_seconds()
        self._process = os.getpid()
        self._opened: Future[tuple[Sagamore, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._failure: BaseException | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sagamore")
        self._thread.start()
        try:
            self.shop, self._loop, self._stopping = self._opened.result()
        except BaseException:
            self._thread.join()
            raise
        threading.Thread(target=self._close_at_exit, name="sagamore-exit", daemon=True).start()

    def call(self, act: Callable[[], Awaitable[T]], *, patient: bool = False) -> T:
        """What a coroutine of the shop returns; `patient` calls have a timeout of their own, or none."""
        self._check_caller()

        async def acting() -> T:
            return await act()

        future = asyncio.run_coroutine_threadsafe(acting(), self._loop)
        try:
            return future.result(None if patient else self._timeout_s)
        except CancelledError:
            raise Closed("the shop was closed during this call; open the directory again") from None
        except TimeoutError as error:
            if future.done():
                raise  # the call's own
            raise TimeoutError(
                f"no answer in {self._timeout_s:g} s; whether it was done is not known, with the same idempotency key"
                " it is done once"
            ) from error
        finally:
            future.cancel()

    def iterate(self, begin: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        """A stream of the shop; it is ended with the iterator."""
        end = object()
        stream = begin()

        async def step() -> Any:
            return await anext(stream, end)

        try:
            while (item := self.call(step, patient=True)) is not end:
                yield item
        finally:
            self._let_go(stream)

    def close(self) -> None:
        """Stop the shop and end the thread; again, or in a forked child, is nothing. Raises WrongLoop on the shop's own
        thread."""
        if os.getpid() != self._process:
            return
        if threading.current_thread() is self._thread:
            raise WrongLoop("the shop cannot be closed on its own thread, which would wait for itself")
        with self._closing:
            if not self._closed:
                self._closed = True
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure  # of the stop

    def _check_caller(self) -> None:
        if os.getpid() != self._process:
            raise WrongLoop("the shop belongs to the process that opened it; after a fork open it in the child alone")
        if threading.current_thread() is self._thread:
            raise WrongLoop("this is the shop's own thread, which would wait for itself; call from another")
        if self._closed:
            raise Closed("the shop is closed; open the directory again")

    def _let_go(self, stream: AsyncIterator[Any]) -> None:
        """Without waiting: an iterator may end anywhere, in the garbage collector too."""
        if os.getpid() == self._process and not self._closed and hasattr(stream, "aclose"):
            asyncio.run_coroutine_threadsafe(stream.aclose(), self._loop)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._opened.done():
                self._failure = error  # for close
            else:
                self._opened.set_exception(error)

    async def _serve(self) -> None:
        stop = asyncio.Event()
        async with self._open_shop() as shop:
            self._opened.set_result((shop, asyncio.get_running_loop(), stop))
            await stop.wait()

    def _close_at_exit(self) -> None:
        """The interpreter waits for threads, and ours would never end."""
        main = threading.main_thread()
        while self._thread.is_alive() and main.is_alive():
            main.join(MAIN_THREAD_LOOK_S)
        if not self._closed:
            self.close()
