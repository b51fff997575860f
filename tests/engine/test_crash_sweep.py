"""A small order: a desk tells a till to pay, the till calls the bank, tells the desk. The process dies at EVERY commit
point, before and after the write, and the next one must end in the same state with one charge in the bank's ledger."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from sagamore.engine.actor import Actor
from sagamore.engine.effect import Capabilities, EffectOutcome, Rate
from sagamore.engine.errors import SagamoreError
from sagamore.engine.message import Message, Record, State
from sagamore.engine.testing import Fault, Lost, ScriptedProvider
from sagamore.engine.turn import Turn
from tests.engine.world import World

MUGS = tuple(f"mug{n}" for n in range(2))


class Buy(Message, tag="sweep.buy", version=1):
    order: str


class Charge(Message, tag="sweep.charge", version=1):
    order: str


class Charged(Message, tag="sweep.charged", version=1):
    order: str


class Remind(Message, tag="sweep.remind", version=1):
    order: str


class Order(State, tag="sweep.order", version=1):
    bought: int = 0
    charged: int = 0
    reminded: int = 0


class Orders(Actor[Order, Buy | Charged | Remind], kind="orders"):
    def entity(self, message: Buy | Charged | Remind) -> str:
        return message.order

    def handle(self, state: Order, message: Buy | Charged | Remind, turn: Turn) -> Order:
        if isinstance(message, Buy):
            turn.send("payments", Charge(message.order))
            turn.schedule("remind", Remind(message.order), at_ms=turn.now_ms + 1_000)
            turn.reply(replace(state, bought=state.bought + 1))
            return replace(state, bought=state.bought + 1)
        if isinstance(message, Remind):
            return replace(state, reminded=state.reminded + 1)
        return replace(state, charged=state.charged + 1)


class Payment(State, tag="sweep.payment", version=1):
    started: int = 0
    ended: int = 0


class Request(Record, tag="sweep.request", version=1):
    order: str


class Payments(Actor[Payment, Charge | EffectOutcome], kind="payments"):
    def entity(self, message: Charge | EffectOutcome) -> str:
        return message.entity if isinstance(message, EffectOutcome) else message.order

    def handle(self, state: Payment, message: Charge | EffectOutcome, turn: Turn) -> Payment:
        if isinstance(message, Charge):
            turn.start("bank", "charge", Request(message.order), key=f"{message.order}-1")
            return replace(state, started=state.started + 1)
        if message.verdict == "unknown":
            return state
        turn.send("orders", Charged(turn.entity))
        return replace(state, ended=state.ended + 1)


KEYED = Capabilities(takes_key=True, rates=(Rate(10, 100),))
KEYLESS = Capabilities(takes_key=False, look_up=True, settle_ms=2_000)


async def scenario(world: World) -> None:
    """Buy twice, with keys, as a client does who asks again until there is an answer."""
    for mug in MUGS:
        await ask_until_answered(world, mug)
    await world.clock.advance(60_000)


async def run(path: Path, capabilities: Capabilities, fault: Fault | None) -> tuple[int, object, dict[str, int]]:
    """One life with the fault, then another without; commit points of the first, the end state, the bank's ledger."""
    world = World(path)
    bank = ScriptedProvider("bank", capabilities, [Lost()])
    await world.start(Orders(), Payments(), providers=[bank], faults=[fault] if fault else [])
    life = asyncio.ensure_future(scenario(world))
    died = asyncio.ensure_future(world.store.faults.died.wait())
    await asyncio.wait((life, died), return_when=asyncio.FIRST_COMPLETED)
    life.cancel()
    died.cancel()
    await asyncio.gather(life, died, return_exceptions=True)
    points = len(world.store.faults.commits)
    await world.kill()
    await world.start()
    await scenario(world)
    books = [await world.engine.read(kind, mug) for kind in ("orders", "payments") for mug in MUGS]
    alerts = world.engine.alerts()
    await world.stop()
    return points, (books, alerts), bank.ledger


END = ([Order(1, 1, 1)] * 2 + [Payment(1, 1)] * 2, ())
LEDGER = {"mug0-1": 1, "mug1-1": 1}


@pytest.mark.parametrize("capabilities", [KEYED, KEYLESS], ids=["keyed", "keyless"])
@pytest.mark.parametrize("action", ["crash_before", "crash_after"])
async def test_the_process_dies_at_every_commit_point(
    tmp_path: Path, action: Literal["crash_before", "crash_after"], capabilities: Capabilities
) -> None:
    points, end, ledger = await run(tmp_path / "0", capabilities, None)
    assert (end, ledger) == (END, LEDGER)
    assert points >= 10
    broken = {}
    for n in range(1, points + 1):
        _, end, ledger = await run(tmp_path / str(n), capabilities, Fault(action, n))
        if (end, ledger) != (END, LEDGER):
            broken[n] = (end, ledger)
    assert broken == {}


@pytest.mark.parametrize("action", ["fail_unwritten", "fail_written"])
async def test_one_partition_dies_at_every_commit_point(
    tmp_path: Path, action: Literal["fail_unwritten", "fail_written"]
) -> None:
    """The client asks again with its key, and nothing is lost or done twice."""
    points, _, _ = await run(tmp_path / "0", KEYED, None)
    for n in range(1, points + 1):
        world = World(tmp_path / str(n))
        bank = ScriptedProvider("bank", KEYED, [Lost()])
        await world.start(Orders(), Payments(), providers=[bank], faults=[Fault(action, n)])
        for mug in MUGS:
            await ask_until_answered(world, mug)
        await world.clock.advance(60_000)
        books = [await world.engine.read(kind, mug) for kind in ("orders", "payments") for mug in MUGS]
        assert (books, world.engine.alerts(), bank.ledger) == (*END, LEDGER), f"commit {n}"
        await world.stop()


async def ask_until_answered(world: World, mug: str) -> None:
    while True:
        try:
            await world.engine.ask("orders", Buy(mug), key=f"buy {mug}")
            return
        except SagamoreError:
            await world.clock.advance(1_000)
