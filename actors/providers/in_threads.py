"""A blocking SDK as a payment provider: every call on a thread of a bounded pool.

A call that the engine has given up on keeps its thread until the SDK returns, so give the SDK a timeout of its own,
longer than the engine's (30 s).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from msgspec.structs import replace

from sagamore.actors.orders.payment_messages import PaymentEvent
from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    PaymentCapabilities,
    ReadRequest,
    RefundRequest,
    VoidRequest,
)
from sagamore.engine.effect import Outcome
from sagamore.engine.errors import InvalidInput

T = TypeVar("T")
THREADS_MAX = 256


class BlockingPaymentProvider(Protocol):
    """`PaymentProvider` without async; its methods are called from several threads at once."""

    capabilities: PaymentCapabilities

    def charge(self, request: ChargeRequest, key: str) -> Outcome: ...
    def authorise(self, request: ChargeRequest, key: str) -> Outcome: ...
    def capture(self, request: CaptureRequest, key: str) -> Outcome: ...
    def void(self, request: VoidRequest, key: str) -> Outcome: ...
    def refund(self, request: RefundRequest, key: str) -> Outcome: ...
    def read(self, request: ReadRequest) -> Outcome: ...
    def look_up(self, request: ReadRequest) -> Outcome | None: ...
    def events(self, after: str) -> tuple[Sequence[PaymentEvent], str]: ...
    def close(self) -> None: ...


class InThreads:
    """Made by `in_threads`."""

    def __init__(self, provider: BlockingPaymentProvider, threads: int) -> None:
        in_flight_max = min(provider.capabilities.in_flight_max, threads)
        self.capabilities = replace(provider.capabilities, in_flight_max=in_flight_max)
        self._provider = provider
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="payments")

    async def charge(self, request: ChargeRequest, key: str) -> Outcome:
        """On a thread."""
        return await self._run(lambda: self._provider.charge(request, key))

    async def authorise(self, request: ChargeRequest, key: str) -> Outcome:
        """On a thread."""
        return await self._run(lambda: self._provider.authorise(request, key))

    async def capture(self, request: CaptureRequest, key: str) -> Outcome:
        """On a thread."""
        return await self._run(lambda: self._provider.capture(request, key))

    async def void(self, request: VoidRequest, key: str) -> Outcome:
        """On a thread."""
        return await self._run(lambda: self._provider.void(request, key))

    async def refund(self, request: RefundRequest, key: str) -> Outcome:
        """On a thread."""
        return await self._run(lambda: self._provider.refund(request, key))

    async def read(self, request: ReadRequest) -> Outcome:
        """On a thread."""
        return await self._run(lambda: self._provider.read(request))

    async def look_up(self, request: ReadRequest) -> Outcome | None:
        """On a thread."""
        return await self._run(lambda: self._provider.look_up(request))

    async def events(self, after: str) -> tuple[Sequence[PaymentEvent], str]:
        """On a thread."""
        return await self._run(lambda: self._provider.events(after))

    async def close(self) -> None:
        """Wait for the calls under way, drop those that wait, close the SDK and end the threads."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._provider.close)

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)


def in_threads(provider: BlockingPaymentProvider, threads: int = 16) -> InThreads:
    """A provider whose blocking methods run on at most `threads` threads, 1 to 256. Raises InvalidInput."""
    if not 1 <= threads <= THREADS_MAX:
        raise InvalidInput("threads", threads, f"between 1 and {THREADS_MAX}")
    return InThreads(provider, threads)
