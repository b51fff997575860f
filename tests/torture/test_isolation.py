"""Payments run with every other actor's file absent: what they owe the provider they do, what they have to say waits.

What they have to say to orders waits in their outbox; when the other files are back, the order hears it and goes on.
"""

import shutil
from pathlib import Path

from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.payment_effects import PaymentEffects
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.orders.settings import OrderSettings
from sagamore.engine.dead_letters import DEAD_LETTERS
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.system_actor import SYSTEM
from sagamore.engine.testing import FaultyStore, ManualClock
from sagamore.storage.directory import Directory
from tests.torture.bank import Bank
from tests.torture.matrix import PATIENCE_MS
from tests.torture.script import Script
from tests.torture.world import World


async def test_payments_alone_finish_what_they_owe_and_keep_what_they_have_to_say(tmp_path: Path) -> None:
    clock = ManualClock()
    bank = Bank(clock)
    settings = OrderSettings(capture="at_once", action_timeout_ms=PATIENCE_MS)
    world = World(tmp_path / "shop", settings, clock, bank)
    await world.open()
    script = Script(world)
    gate = bank.hold("charge")

    async def life() -> None:
        await script.stock_up()
        await script.place()
        await script.until(lambda _: gate.waiting > 0)

    assert await world.live(life())
    await world.kill()
    bank.new_life()

    for name in ("orders", "inventory"):
        for file in (tmp_path / "shop").glob(f"{name}-*"):
            (tmp_path / "away").mkdir(exist_ok=True)
            shutil.move(file, tmp_path / "away" / file.name)
    counts = {"payments": 1, SYSTEM: 1, DEAD_LETTERS: 1}
    directory = Directory.open(tmp_path / "shop", counts, now_ms=clock.now_ms())
    store = FaultyStore(directory, clock=clock)
    providers, known = [PaymentEffects(bank)], counts | {"orders": 1}
    engine = Engine(store, [PaymentsActor()], partition_counts=known, providers=providers, clock=clock)
    await engine.start()
    await clock.advance(60_000)
    payment = await engine.read("payments", script.ids["a"])
    assert isinstance(payment, Payment)
    assert (payment.state, bank.net(script.ids["a"])) == ("CAPTURED", payment.amount)
    assert engine.alerts() == ()
    reader = directory.reader("payments/0")
    assert (await reader.counts()).outbox_messages == 1
    await reader.close()
    await engine.stop()
    directory.close()

    for file in (tmp_path / "away").iterdir():
        shutil.move(file, tmp_path / "shop" / file.name)
    await world.open()
    script = Script(world)

    async def again() -> None:
        await script.stock_up()
        await script.place()
        await script.end()

    assert await world.live(again())
    assert (await script.order()).state == "CONFIRMED"
    await world.stop()
