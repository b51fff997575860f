"""Storms: a ring of actors with mailboxes of one message, turns that raise, partitions that die, clients that go away
at any await, stops and deaths in the middle. Nothing hangs, nothing is lost or doubled, nothing is left behind."""

import asyncio
import contextlib
import gc
import os
import random
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.errors import Overloaded, SagamoreError
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message
from sagamore.engine.policy import Backoff, TurnPolicy
from sagamore.engine.runtime.deadline import sleep_ms
from sagamore.engine.testing import Fault
from sagamore.engine.turn import Turn
from tests.engine.actors import Page
from tests.engine.world import World

ONE = Limits(mailbox_messages_max=1, batch_messages_max=1, cache_entities_max=2, restarts_max=100)
KINDS = ("east", "south", "west")
CLIENTS = 10
DEATHS = 5
PASSES_MAX = 80  # of the loop before a client goes away: longer than an ask that waits for nobody takes


class Token(Message, tag="storm.token", version=1):
    """Goes round `hops` times; `path` names it and no other."""

    entity: str
    path: str
    hops: int


class Paths(Page, tag="storm.paths", version=1):
    """The tokens that passed here."""

    paths: tuple[str, ...] = ()


class Corner(Actor[Paths, Token], kind="corner"):
    """Sends on to the next corner; every third time in both lanes and to itself too. Raises at first for some."""

    turn_policy = TurnPolicy(attempts_max=100, backoff=Backoff(first_ms=5, most_ms=50))

    def entity(self, message: Token) -> str:
        return message.entity

    def handle(self, state: Paths, message: Token, turn: Turn) -> Paths:
        for n, (kind, lane) in enumerate(ways(self.kind, message.hops)):
            turn.send(kind, Token(message.entity, f"{message.path}{n}", message.hops - 1), lane=lane)
        if message.path.endswith("1") and turn.attempt < 3 and turn.sender:
            raise ZeroDivisionError(message.path)
        turn.reply(state)
        return Paths(paths=(*state.paths, message.path))


class East(Corner, Actor[Paths, Token], kind="east"):
    pass


class South(Corner, Actor[Paths, Token], kind="south"):
    pass


class West(Corner, Actor[Paths, Token], kind="west"):
    pass


def ways(kind: str, hops: int) -> list[tuple[str, int]]:
    """Where a token goes next, and in which lane."""
    if not hops:
        return []
    onward = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
    return [(onward, 0), (onward, 1), (kind, 0)] if hops % 3 == 0 else [(onward, 0)]


def wanted(kind: str, entity: str, path: str, hops: int) -> Iterator[tuple[str, str, str]]:
    """Each token that must pass, and where."""
    yield kind, entity, path
    for n, (onward, _) in enumerate(ways(kind, hops)):
        yield from wanted(onward, entity, f"{path}{n}", hops - 1)


class Client:
    """Sends one token until that is accepted, and goes away at any await on the way; reads, waits and watches too."""

    def __init__(self, world: World, n: int, rng: random.Random) -> None:
        self.world, self.rng = world, rng
        self.kind, self.entity, self.hops = KINDS[n % 3], f"e{n % 4}", rng.randrange(2, 8)
        self.key = f"{n}:"

    async def work(self) -> None:
        while True:
            await self._for_a_while(self._look(), patience=0)
            error = await self._for_a_while(self._send(), patience=0.3)
            if error is None:
                return
            await sleep_ms(self.world.clock, 10 if isinstance(error, Overloaded) else 1)

    async def _send(self) -> None:
        await self.world.engine.ask(self.kind, Token(self.entity, self.key, self.hops), key=self.key)

    async def _look(self) -> None:
        engine = self.world.engine
        if self.rng.random() < 0.5:
            await engine.until(self.kind, self.entity, lambda _state: False, self.rng.randrange(1, 20))
        with engine.watch(self.kind, self.entity) as watcher:
            await engine.read(self.kind, self.entity)
            await watcher.next()

    async def _for_a_while(self, what: Coroutine[Any, Any, None], patience: float) -> BaseException | None:
        """Go away after some passes of the loop, or with that chance wait to the end; what became of it."""
        task = asyncio.ensure_future(what)
        for _ in range(self.rng.randrange(PASSES_MAX)):
            await asyncio.sleep(0)
        if self.rng.random() >= patience:
            task.cancel()
        (error,) = await asyncio.gather(task, return_exceptions=True)
        assert error is None or isinstance(error, SagamoreError | asyncio.CancelledError | TimeoutError), repr(error)
        return error


def deaths(rng: random.Random) -> list[Fault]:
    """Some commits fail, written or not."""
    return [Fault(rng.choice(["fail_unwritten", "fail_written"]), rng.randrange(5, 200)) for _ in range(DEATHS)]


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    """No file, no thread, no task."""
    files, threads = open_files(), set(threading.enumerate())
    yield
    gc.collect()  # the slot's map is freed with the engine
    for thread in set(threading.enumerate()) - threads:
        thread.join(1)
        assert not thread.is_alive(), f"{thread} is left"
    assert open_files() == files
    assert asyncio.all_tasks() == {asyncio.current_task()}


def open_files() -> list[str]:
    """What this process has open, but for the look itself."""
    found = []
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{entry}"))
    return sorted(name for name in found if not name.startswith("/proc/"))


@pytest.mark.parametrize("ends", [(), ("stop",), ("kill", "stop", "kill")], ids=lambda ends: "+".join(ends) or "none")
@pytest.mark.parametrize("number", range(3))
async def test_a_storm_in_a_ring_of_tiny_mailboxes(tmp_path: Path, ends: tuple[str, ...], number: int) -> None:
    seed = random.randrange(2**32) if number else 0
    print("seed", seed)
    rng = random.Random(seed)
    with nothing_left_behind():
        world = World(tmp_path / "shop")
        await world.start(East(), South(), West(), limits=ONE, faults=deaths(rng))
        clients = [Client(world, n, rng) for n in range(CLIENTS)]
        work = [asyncio.ensure_future(client.work()) for client in clients]
        for end in ends:
            await world.clock.advance(rng.randrange(1, 60))
            await (world.stop() if end == "stop" else world.kill())
            await world.start(faults=deaths(rng))
        await world.until(lambda: all(task.done() for task in work))
        await asyncio.gather(*work)
        await world.clock.advance(60_000)
        for partition in (seat.partition for seat in world.engine.statistics().partitions.values()):
            assert partition is not None
            assert (partition.mailbox.waiting, partition.relay.backlog) == (0, 0)
        passed = [
            (kind, entity, path)
            for kind in KINDS
            for entity in {client.entity for client in clients}
            for path in (await world.state(kind, entity, Paths)).paths
        ]
        assert await world.letters() == []
        await world.stop()
        del world
    assert sorted(passed) == sorted(t for c in clients for t in wanted(c.kind, c.entity, c.key, c.hops))
