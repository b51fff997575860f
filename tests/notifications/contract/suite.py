"""What every channel with a provider must do, judged against a real server on loopback.

To have a channel judged, write a bench: a server that speaks the provider's protocol, and a channel that calls it.

    class ChatBench:
        retry_after_ms, may_differ, secrets = 2_000, frozenset({"date"}), ("the-token",)

    @pytest.fixture
    async def bench() -> AsyncIterator[Bench]:
        bench = ChatBench()
        await bench.come_back()
        yield bench
        await bench.channel.close()
        await bench.vanish()

    class TestChat(ChannelContract):
        pass

The server runs on the test's own loop. What it says on each message is what it was last told by `script`:

    accept         take it
    refuse         no, for good, for what the message is (not the address)
    dead_address   no, for good: nothing will ever reach that address
    unable         not now (a 4xx reply of SMTP, 503 of HTTP); takes nothing
    throttle       come back in `retry_after_ms`; takes nothing. Never asked for if that is 0
    drop           take it, then close the connection without an answer
    stall          read it whole, neither take nor answer it; once scripted otherwise go on as that says, or, if the
                   client has left, take nothing

Whatever a server takes goes into its ledger at once, in order, before it answers.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Set
from contextlib import asynccontextmanager
from typing import Literal, Protocol

import msgspec
import pytest

from sagamore.actors.notifications.channel import Accepted, Channel, Outgoing, Refusal
from sagamore.engine.effect import Call, Declined, NotReached, Outcome, Succeeded, Throttled, Unknown
from sagamore.engine.message import encode

Behaviour = Literal["accept", "refuse", "dead_address", "unable", "throttle", "drop", "stall"]
BEHAVIOURS: tuple[Behaviour, ...] = ("accept", "refuse", "dead_address", "unable", "throttle", "drop")
"""Those that answer, or hang up."""
SERVERS = ("aiohttp.access", "aiohttp.server", "mail", "asyncio")
"""Loggers of the servers and of the loop: what they say is not the channel's word."""
WAIT_S = 20.0


class Taken(msgspec.Struct, frozen=True):
    """One message in the ledger of a server: for whom, and all that came, headers by their names in lower case and the
    raw body as `body`."""

    address: str
    content: Mapping[str, str]


class Bench(Protocol):
    """A channel under test and the server it calls."""

    channel: Channel
    """New, and used by one test only."""
    in_flight_max: int
    """At most so many messages are at the server at once; 2 to 8, so that a test gets there."""
    retry_after_ms: int
    """What the server asks for when it throttles; 0 if the protocol has no word for it."""
    may_differ: Set[str]
    """Names in `Taken.content` that may differ between two attempts of one delivery, as the time of signing."""
    secrets: tuple[str, ...]
    """Texts that nobody must see: passwords, tokens, keys, and what is made of them on the wire."""

    def address(self, n: int) -> str:
        """The n-th good address, already as `check_address` returns it."""
        ...

    def parts(self, text: str) -> dict[str, str]:
        """A message that says `text`; so does its data, for a channel that sends that."""
        ...

    def script(self, behaviour: Behaviour) -> None:
        """From now on."""
        ...

    def ledger(self) -> list[Taken]:
        """All that the server took."""
        ...

    def waiting(self) -> int:
        """Messages that the server holds stalled now, of clients that are still there."""
        ...

    def connections(self) -> int:
        """Connections that the server has open now."""
        ...

    async def vanish(self) -> None:
        """The server is gone: its connections closed, nobody listens."""
        ...

    async def come_back(self) -> None:
        """It is there again, at the same place."""
        ...


def outgoing(bench: Bench, n: int, text: str = "Hello") -> Outgoing:
    """The n-th delivery, to the n-th address; its parts and its data say `text`."""
    parts = tuple(bench.parts(text).items())
    data = msgspec.json.encode({"type": "ORDER_CREATED/1", "orderId": "ord_1", "text": text}).decode()
    return Outgoing(
        f"dlv_{n:032x}", f"user-{n}", bench.address(n), "ORDER_CREATED", "orders", parts, 1_700_000_000_000,
        1_700_000_000_000 + 86_400_000, data,
    )  # fmt: skip


async def attempt(bench: Bench, n: int, text: str = "Hello", attempt_no: int = 1) -> Outcome:
    """One attempt of the n-th delivery as the engine makes it: whatever is raised is unknown."""
    request = outgoing(bench, n, text)
    call = Call(f"eff_{n}", "send", encode(request), request.delivery, "ntf_1", attempt_no)
    try:
        return await bench.channel.call(call)
    except Exception as error:
        return Unknown(f"{type(error).__name__}: {error}")


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Until it holds: what the other end of a connection does takes some turns of the loop."""
    for _ in range(int(WAIT_S * 1000)):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail(f"{what} did not come within {WAIT_S} s")


def held() -> tuple[int, int]:
    """Tasks of the loop, and open files of the process."""
    return len(asyncio.all_tasks()), len(os.listdir("/dev/fd"))


@asynccontextmanager
async def nothing_left_behind(bench: Bench) -> AsyncIterator[None]:
    """Closes the channel at the end; then no connection, task or file is there that was not at the beginning."""
    before = held()
    yield
    await bench.channel.close()
    await eventually(lambda: bench.connections() == 0, "the end of all connections")
    await eventually(lambda: all(map(int.__le__, held(), before)), f"no more than {before} tasks and files")


async def stalled(bench: Bench, count: int) -> list[asyncio.Task[Outcome]]:
    """`count` sends, and as many as can be are at the stalled server."""
    bench.script("stall")
    tasks = [asyncio.create_task(attempt(bench, n)) for n in range(count)]
    await eventually(lambda: bench.waiting() == min(count, bench.in_flight_max), "stalled messages")
    return tasks


async def cancel(tasks: list[asyncio.Task[Outcome]]) -> None:
    """As the engine does when the time of an attempt is up: a channel must let itself be cancelled."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=WAIT_S)
    assert all(task.cancelled() for task in tasks)


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Declined), outcome
    return msgspec.json.decode(outcome.answer, type=Refusal)


class ChannelContract:
    """The contract; a test a promise."""

    async def test_what_is_sent_is_in_the_ledger_and_nothing_else_is(self, bench: Bench) -> None:
        async with nothing_left_behind(bench):
            outcomes = [await attempt(bench, n, f"Hello {n}") for n in range(3)]
            outcomes += await asyncio.gather(*(attempt(bench, n, f"Hello {n}") for n in range(3, 30)))
            for outcome in outcomes:
                assert isinstance(outcome, Succeeded), outcome
                msgspec.json.decode(outcome.answer, type=Accepted)
            assert sorted(taken.address for taken in bench.ledger()) == sorted(bench.address(n) for n in range(30))
            texts = {taken.address: "".join(taken.content.values()) for taken in bench.ledger()}
            assert [n for n in range(30) if f"Hello {n}" not in texts[bench.address(n)].replace("+", " ")] == []

    async def test_an_address_is_kept_as_it_is_checked(self, bench: Bench) -> None:
        assert bench.channel.check_address(bench.address(1)) == bench.address(1)
        bench.channel.check_parts(bench.parts("Hello"))

    async def test_a_message_that_is_refused_is_permanent_says_why_and_spares_the_address(self, bench: Bench) -> None:
        bench.script("refuse")
        said = refusal(await attempt(bench, 1))
        assert said.code and said.message and not said.dead_address
        assert bench.ledger() == []

    async def test_a_dead_address_is_permanent_and_told(self, bench: Bench) -> None:
        bench.script("dead_address")
        said = refusal(await attempt(bench, 1))
        assert said.code and said.message and said.dead_address
        assert bench.ledger() == []

    async def test_a_provider_that_is_unable_gives_no_verdict_and_the_message_can_be_sent_later(
        self, bench: Bench
    ) -> None:
        bench.script("unable")
        outcome = await attempt(bench, 1)
        assert isinstance(outcome, NotReached | Throttled | Unknown), outcome
        bench.script("accept")
        assert isinstance(await attempt(bench, 1, attempt_no=2), Succeeded)
        assert len(bench.ledger()) == 1

    async def test_a_provider_that_throttles_says_when_to_come_back(self, bench: Bench) -> None:
        if bench.retry_after_ms:
            bench.script("throttle")
            assert await attempt(bench, 1) == Throttled(bench.retry_after_ms)
            bench.script("accept")
            assert isinstance(await attempt(bench, 1, attempt_no=2), Succeeded)

    async def test_a_lost_answer_is_unknown_and_the_second_attempt_sends_the_same(self, bench: Bench) -> None:
        bench.script("drop")
        outcome = await attempt(bench, 1)
        assert isinstance(outcome, Unknown), outcome
        bench.script("accept")
        assert isinstance(await attempt(bench, 1, attempt_no=2), Succeeded)
        first, second = bench.ledger()
        assert first.address == second.address == bench.address(1)
        assert first.content.keys() == second.content.keys()
        different = {name for name, text in first.content.items() if second.content[name] != text}
        assert different <= bench.may_differ

    async def test_nobody_there_is_not_reached_and_once_there_is_it_goes_on(self, bench: Bench) -> None:
        async with nothing_left_behind(bench):
            await bench.vanish()
            outcome = await attempt(bench, 1)
            assert isinstance(outcome, NotReached), outcome
            await bench.come_back()
            assert isinstance(await attempt(bench, 1, attempt_no=2), Succeeded)

    async def test_no_verdict_is_given_when_a_provider_goes_that_was_there(self, bench: Bench) -> None:
        await attempt(bench, 1)
        await bench.vanish()
        outcome = await attempt(bench, 2)
        assert isinstance(outcome, NotReached | Unknown), outcome
        await bench.come_back()
        assert isinstance(await attempt(bench, 2, attempt_no=2), Succeeded)
        assert [taken.address for taken in bench.ledger()] == [bench.address(1), bench.address(2)]

    async def test_no_more_than_the_bound_are_in_flight_and_all_arrive(self, bench: Bench) -> None:
        async with nothing_left_behind(bench):
            tasks = await stalled(bench, 3 * bench.in_flight_max)
            for _ in range(100):  # turns of the loop in which one too many could arrive
                await asyncio.sleep(0)
            assert bench.waiting() == bench.in_flight_max
            bench.script("accept")
            for outcome in await asyncio.gather(*tasks):
                assert isinstance(outcome, Succeeded), outcome
            assert len(bench.ledger()) == len(tasks)

    async def test_cancelled_sends_leave_nothing_behind_and_the_next_one_works(self, bench: Bench) -> None:
        async with nothing_left_behind(bench):
            await attempt(bench, 100)
            kept = bench.connections()
            await cancel(await stalled(bench, 3 * bench.in_flight_max))
            await eventually(lambda: bench.connections() <= kept and bench.waiting() == 0, "the end of connections")
            bench.script("accept")
            assert isinstance(await attempt(bench, 200, "After all"), Succeeded)
            assert [taken.address for taken in bench.ledger()] == [bench.address(100), bench.address(200)]

    async def test_a_send_cancelled_at_any_step_does_no_harm_to_the_next(self, bench: Bench) -> None:
        async with nothing_left_behind(bench):
            for turns in range(60):
                task = asyncio.create_task(attempt(bench, turns))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task], timeout=WAIT_S)
                assert task.cancelled() or isinstance(task.result(), Succeeded)
                assert isinstance(await attempt(bench, 1_000 + turns), Succeeded)
            arrived = [taken.address for taken in bench.ledger()]
            assert [n for n in range(1_000, 1_060) if arrived.count(bench.address(n)) != 1] == []

    async def test_closing_ends_what_is_under_way_and_twice_is_as_good_as_once(self, bench: Bench) -> None:
        async with nothing_left_behind(bench):
            tasks = await stalled(bench, bench.in_flight_max)
            await bench.channel.close()
            for outcome in await asyncio.wait_for(asyncio.gather(*tasks), WAIT_S):
                assert isinstance(outcome, Unknown), outcome

    async def test_secrets_are_nowhere_and_the_log_holds_no_message(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        seen = [repr(bench.channel), str(bench.channel)]
        with caplog.at_level(logging.DEBUG):
            for behaviour in BEHAVIOURS:
                if behaviour != "throttle" or bench.retry_after_ms:
                    bench.script(behaviour)
                    seen.append(repr(await attempt(bench, 1, "What was ordered")))
            await bench.vanish()
            seen.append(repr(await attempt(bench, 1, "What was ordered")))
        logged = [
            record.getMessage() + repr(record.exc_info) for record in caplog.records
            if not record.name.startswith(SERVERS)
        ]  # fmt: skip
        assert [(secret, text) for secret in bench.secrets for text in seen + logged if secret in text] == []
        private = ("What was ordered", bench.address(1))
        assert [(words, text) for words in private for text in logged if words in text] == []
