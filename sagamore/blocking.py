"""Sagamore for programs without an event loop: the shop runs on a thread of its own, and its methods block.

    with sagamore.blocking.open("shop/", payments=SimulatedPayments()) as shop:
        order = shop.orders.place(user_id="ann", lines=[…], payment_method="pm_card")
        order = shop.orders.wait(order.id, timeout=timedelta(seconds=10))
        for line in shop.orders.story(order.id):
            print(line)

Everything is as in `sagamore.Sagamore`, without `await`; streams are iterators. Any thread may call, but the shop's own
(where `on_alert` and providers run): it would wait for itself. After a fork the child has no shop: open it there, after
the parent has closed it. A program that ends without closing closes it.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from sagamore.actors.orders.payment_provider import PaymentProvider
from sagamore.app import Sagamore
from sagamore.doors.dead_letters import DeadLetters
from sagamore.doors.inventory import Inventory
from sagamore.doors.orders import Orders
from sagamore.doors.payments import Payments
from sagamore.engine.actor import Actor
from sagamore.engine.errors import Closed, WrongLoop
from sagamore.engine.runtime.engine import Alert
from sagamore.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
CALL_TIMEOUT = timedelta(seconds=60)  # a turn takes milliseconds; this is for a disk that hangs


class Runner:
    """The thread, its event loop, and the shop in it, from construction to `close`."""

    def __init__(self, open_shop: Callable[[], Any], call_timeout: timedelta) -> None:
        self._open_shop, self._timeout_s = open_shop, call_timeout.total_seconds()
        self._process = os.getpid()
        self._opened: Future[tuple[Sagamore, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._failure: BaseException | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="sagamore")
        self._thread.start()
        try:
            self.shop, self._loop, self._stop = self._opened.result()
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
            if future.done() and not future.cancelled():
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
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

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
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(stream.aclose()))

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
            main.join(1)
        if not self._closed:
            self.close()


class Door:
    """A door of the shop, whose methods block."""

    def __init__(self, runner: Runner, door: Any) -> None:
        self._runner, self._door = runner, door


class Blocking(Generic[P, T]):
    """A coroutine method of a door as one that blocks, with the same arguments."""

    def __init__(self, method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], *, patient: bool = False) -> None:
        self._method, self._patient = method, patient
        self.__doc__ = method.__doc__

    def __get__(self, door: Door, _: type[Door]) -> Callable[P, T]:
        def call(*args: P.args, **options: P.kwargs) -> T:
            return door._runner.call(lambda: self._method(door._door, *args, **options), patient=self._patient)

        return call


class Iterating(Generic[P, T]):
    """A stream of a door as an iterator, with the same arguments."""

    def __init__(self, method: Callable[Concatenate[Any, P], AsyncIterator[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, door: Door, _: type[Door]) -> Callable[P, Iterator[T]]:
        def call(*args: P.args, **options: P.kwargs) -> Iterator[T]:
            return door._runner.iterate(lambda: self._method(door._door, *args, **options))

        return call
