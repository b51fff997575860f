"""A blocking SDK in threads keeps the contract, in bounded threads that end."""

import asyncio
import threading
from typing import Any, Literal

import pytest

from sagamore.actors.orders.payment_provider import PaymentCapabilities
from sagamore.actors.providers.in_threads import in_threads
from sagamore.actors.providers.simulated import SimulatedPayments
from sagamore.engine.errors import InvalidInput
from tests.payments.contract.suite import ProviderContract, answered, charge


class BlockingSdk:
    """The simulated provider as a blocking SDK would offer it."""

    def __init__(self) -> None:
        self.simulated = SimulatedPayments()
        self.capabilities = self.simulated.capabilities
        self.closed = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.simulated, name)

        def blocking(*arguments: Any) -> Any:
            assert threading.current_thread() is not threading.main_thread()
            with pytest.raises(StopIteration) as done:
                method(*arguments).send(None)
            return done.value.value

        return blocking

    def close(self) -> None:
        self.closed += 1


class ThreadedBench:
    def __init__(self) -> None:
        self.sdk = BlockingSdk()
        self.provider = in_threads(self.sdk, 4)

    async def decide(self, order_id: str, outcome: Literal["paid", "refused"]) -> None:
        self.sdk.simulated.decide(f"{order_id}/1", outcome)

    async def lose_answers(self) -> None:
        self.sdk.simulated.lose_answer = 1


class TestInThreads(ProviderContract):
    @pytest.fixture
    async def bench(self) -> Any:
        bench = ThreadedBench()
        yield bench
        await bench.provider.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("payments")]


class SlowSdk(BlockingSdk):
    """Counts the calls that run at once."""

    def __init__(self) -> None:
        super().__init__()
        self.running = self.most = 0
        self.lock = threading.Lock()
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def charge(self, *arguments: Any) -> Any:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.entered.release()
        assert self.go_on.wait(10)
        with self.lock:
            self.running -= 1
        return self.__getattr__("charge")(*arguments)


async def test_no_more_calls_run_at_once_than_there_are_threads() -> None:
    sdk = SlowSdk()
    provider = in_threads(sdk, 3)
    assert provider.capabilities.in_flight_max == 3
    calls = [asyncio.ensure_future(provider.charge(charge(f"ord_{n}"), f"key_{n}")) for n in range(12)]
    for _ in range(3):
        assert await asyncio.to_thread(sdk.entered.acquire, timeout=10)
    sdk.go_on.set()
    for outcome in await asyncio.gather(*calls):
        assert answered(outcome).status == "captured"
    assert sdk.most == 3
    await provider.close()
    assert sdk.closed == 1


async def test_a_call_given_up_on_while_it_waited_for_a_thread_is_never_made() -> None:
    sdk = SlowSdk()
    provider = in_threads(sdk, 1)
    first = asyncio.ensure_future(provider.charge(charge("ord_1"), "key_1"))
    assert await asyncio.to_thread(sdk.entered.acquire, timeout=10)
    waiting = asyncio.ensure_future(provider.charge(charge("ord_2"), "key_2"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    sdk.go_on.set()
    assert answered(await first).status == "captured"
    await provider.close()
    assert waiting.cancelled() and list(sdk.simulated.payments) == ["ord_1/1"]


async def test_closing_waits_for_the_calls_under_way() -> None:
    sdk = SlowSdk()
    provider = in_threads(sdk, 1)
    call = asyncio.ensure_future(provider.charge(charge(), "key_1"))
    assert await asyncio.to_thread(sdk.entered.acquire, timeout=10)
    closing = asyncio.ensure_future(provider.close())
    await asyncio.sleep(0)
    assert not closing.done()
    sdk.go_on.set()
    await closing
    assert answered(await call).status == "captured"


@pytest.mark.parametrize("threads", [0, 257])
def test_the_number_of_threads_is_bounded(threads: int) -> None:
    with pytest.raises(InvalidInput, match="threads is"):
        in_threads(BlockingSdk(), threads)


def test_a_smaller_bound_of_the_sdk_is_kept() -> None:
    sdk = BlockingSdk()
    sdk.capabilities = PaymentCapabilities(takes_key=True, in_flight_max=2)
    assert in_threads(sdk, 8).capabilities.in_flight_max == 2
