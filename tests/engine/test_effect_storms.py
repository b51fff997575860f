"""Storms of effects: a provider that loses, refuses, hangs and throttles, withdrawals, replays, partitions that die
alone, stops and deaths at any time. Whatever happens: no key is done twice, and what the entity hears last is true."""

import asyncio
import random
from collections.abc import Iterator
from typing import Literal

import pytest

from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.dead_letters import DEAD_LETTERS, ReplayLetter
from sagamore.engine.effect import Call, Capabilities, Declined, NotReached, Rate, Throttled, Unknown
from sagamore.engine.errors import Refused, SagamoreError
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message
from sagamore.engine.testing import Fault, Hangs, Lost, ScriptedProvider
from sagamore.engine.testing.providers import DONE, Step
from tests.engine.actors import Bill, Pay, Till, Withdraw
from tests.engine.test_pools import in_every_window
from tests.engine.world import World

PROVIDERS = {
    "keyed": Capabilities(takes_key=True, in_flight_max=3),
    "keyed and read": Capabilities(takes_key=True, look_up=True, settle_ms=2_000, in_flight_max=3),
    "keyed, in a window": Capabilities(takes_key=True, in_flight_max=8, rates=(Rate(4, 1_000),)),
    "keyless": Capabilities(takes_key=False, in_flight_max=3),
    "keyless and read": Capabilities(takes_key=False, look_up=True, settle_ms=2_000, in_flight_max=3),
    "keyless and read, in a window": Capabilities(
        takes_key=False, look_up=True, settle_ms=2_000, in_flight_max=8, rates=(Rate(4, 1_000),)
    ),
}  # fmt: skip
LIMITS = Limits(due_rows_max=4, batch_messages_max=4, restarts_max=1_000, stop_timeout_ms=300, overdue_spread_ms=100)
BREAKER = BreakerPolicy(failures_min=4, failure_share=0.6, window_ms=2_000, cooldown_ms=300)
ENTITIES = 4
STEPS = 80
HANG_MS_MAX = 1_500  # a request is done within the settling time, whatever became of who made it
ENDS = ("succeeded", "refused", "withdrawn")


class Storm:
    """One history, drawn from a seed."""

    def __init__(self, world: World, rng: random.Random, capabilities: Capabilities) -> None:
        self.world, self.rng = world, rng
        self.calm = False
        self.provider = ScriptedProvider("bank", capabilities, self._step, clock=world.clock)
        self.keys = 0
        self._hangs_since_ms = 0

    def _step(self, _call: Call) -> Step:
        if self.calm:
            return DONE
        steps: list[Step] = [
            DONE, DONE, DONE, Declined("{}"), Lost(), Lost(Declined("{}")), Unknown("500"), NotReached("no route"),
            Throttled(self.rng.randrange(400)), Hangs(), Hangs(),
        ]  # fmt: skip
        return self.rng.choice(steps)

    async def start(self) -> None:
        actions: tuple[Literal["fail_unwritten", "fail_written", "refuse"], ...] = (
            "fail_unwritten", "fail_written", "refuse",
        )  # fmt: skip
        faults = [Fault(self.rng.choice(actions), self.rng.randrange(3, 60)) for _ in range(0 if self.calm else 4)]
        await self.world.start(
            Till(), providers=[self.provider], limits=LIMITS, breaker=BREAKER, counts={"till": 2}, faults=faults
        )

    async def run(self) -> None:
        await self.start()
        for _ in range(STEPS):
            await self._something()
            await self.pass_time(self.rng.randrange(250))
        self.calm = True
        for _ in range(3):  # so that what has come to be tried again an hour later is tried too
            await self.pass_time(120_000, 1_000)

    async def pass_time(self, ms: int, stride_ms: int = 100) -> None:
        """Let it pass, and let nothing hang for too long."""
        clock = self.world.clock
        while ms > 0:
            if not self.provider.hanging:
                self._hangs_since_ms = clock.now_ms()
            elif clock.now_ms() - self._hangs_since_ms > HANG_MS_MAX - stride_ms or self.calm:
                self.provider.release()
            await clock.advance(min(ms, stride_ms))
            ms -= stride_ms

    async def _something(self) -> None:
        chance = self.rng.random()
        entity = f"e{self.rng.randrange(ENTITIES)}"
        if chance < 0.4:
            keys = tuple(f"k{self.keys + n}" for n in range(self.rng.randrange(1, 5)))
            self.keys += len(keys)
            await self._ask(Pay(entity, keys, self.rng.choice(["", "twice", "short"])))
        elif chance < 0.6:
            bill = await self._bill(entity)
            if bill.effects:
                await self._ask(Withdraw(entity, self.rng.randrange(len(bill.effects))))
        elif chance < 0.75:
            self.provider.release(self.rng.randrange(1, 3))
        elif chance < 0.85:
            letters = await self.world.letters()
            if letters:
                await self._ask(ReplayLetter(self.rng.choice(letters).id, "ann"), DEAD_LETTERS)
        elif chance < 0.93:
            stop = asyncio.ensure_future(self.world.stop() if self.rng.random() < 0.5 else self.world.kill())
            await self.world.until(stop.done)
            await stop
            await self.pass_time(self.rng.randrange(1_000))
            await self.start()

    async def _ask(self, message: Message, kind: str = "till") -> None:
        """Ask until it is answered, under one key."""
        ask = asyncio.ensure_future(self._once(message, kind, f"{self.rng.random()}"))
        await self.world.until(ask.done)
        await ask

    async def _once(self, message: Message, kind: str, key: str) -> None:
        while True:
            try:
                await self.world.engine.ask(kind, message, key=key)
                return
            except SagamoreError as error:
                if isinstance(error, Refused):
                    return
            woken = asyncio.Event()
            self.world.clock.call_at(self.world.clock.now_ms() + 20, woken.set)
            await woken.wait()

    async def _bill(self, entity: str) -> Bill:
        await self.world.clock.advance(0)
        try:
            return await self.world.state("till", entity, Bill)
        except SagamoreError:
            return Bill()

    async def wrong(self) -> list[str]:
        """What is not as it must be."""
        wrong = [f"{key} was done {n} times" for key, n in self.provider.ledger.items() if n > 1]
        keys = {call.effect: call.key for call in self.provider.calls}
        for entity in range(ENTITIES):
            bill = await self._bill(f"e{entity}")
            for n, effect in enumerate(bill.effects):
                heard = [news.split()[1] for news in bill.heard if news.split()[0] == f"{n}"]
                done = self.provider.ledger.get(keys.get(effect, ""), 0)
                wrong += [f"{effect} heard {heard}: {what}" for what in _wrong_with(heard, done)]
        pool = self.world.engine.statistics().pools["bank"]
        if pool.in_flight or pool.waiting:
            wrong.append(f"the pool still has {pool}")
        for rate in self.provider.capabilities.rates:
            if in_every_window(sorted(self.provider.arrivals_ms), rate.window_ms) > rate.calls_max:
                wrong.append(f"more calls than {rate}")
        return wrong


def _wrong_with(heard: list[str], done: int) -> Iterator[str]:
    """News in retry may be overtaken by its end, which is one and true; without one it is parked."""
    ends = [news for news in heard if news in ENDS]
    if len(ends) > 1:
        yield "ended more than once"
    if not ends and "parked" not in heard:
        yield "never ended"
    if ends and bool(done) != (ends[0] == "succeeded"):
        yield f"done {done} times"


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("number", range(2))
async def test_no_key_is_done_twice_and_what_is_heard_last_is_true(world: World, name: str, number: int) -> None:
    seed = random.randrange(2**32) if number else 0
    print("seed", seed)
    storm = Storm(world, random.Random(seed), PROVIDERS[name])
    await storm.run()
    assert storm.keys > 10
    assert await storm.wrong() == [], f"seed {seed}"
