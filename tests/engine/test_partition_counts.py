"""PROTOCOL 20: one partition an actor unless it is said, a hash that never changes, actors that may come, counts that
may not change."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sagamore import Line, Money, Sagamore, Settings, SimulatedPayments
from sagamore.engine.errors import CompositionChanged
from sagamore.engine.routes import ActorRoutes, stable_hash
from tests.engine.actors import Book, Clockmaker, Desk, Note, Page, Post, Wind
from tests.engine.world import World
from tests.storage.refusals import contents


def manifest(path: Path) -> Any:
    return json.loads((path / "sagamore.json").read_text())


async def test_a20_an_actor_has_one_partition_and_the_manifest_names_the_hash(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()):
        pass
    made = manifest(tmp_path / "shop")
    assert made["partitions"] == dict.fromkeys(("orders", "payments", "inventory", "system", "dead_letters"), 1)
    assert made["hash"] == "blake2b-64"
    databases = {name for name in contents(tmp_path / "shop") if name.endswith(".sqlite")}
    assert databases == {f"{kind}-0.sqlite" for kind in made["partitions"]}


def test_a20_a_key_has_the_same_partition_for_ever() -> None:
    """These numbers are in people's directories."""
    assert stable_hash("ann") == 10176691957563388837
    assert stable_hash("MUG") == 12140042688881800783
    assert stable_hash("mug \N{HOT BEVERAGE}") == 10182228797488013182
    assert ActorRoutes((Book(),), {}).count("book") == 1
    routes = ActorRoutes((Book(),), {"book": 7})
    assert [routes.partition("book", key) for key in ("ann", "MUG", "mug \N{HOT BEVERAGE}")] == [6, 6, 0]


@pytest.mark.parametrize("count", [1, 3])
async def test_a20_an_actor_may_be_added_to_a_directory_with_data(world: World, count: int) -> None:
    await world.start(Desk(), Book())
    await world.engine.ask("desk", Post("a", 1))
    await world.until_state("book", "a", lambda page: page.ns)
    await world.stop()
    engine = await world.start(Desk(), Book(), Clockmaker(), counts={"bells": count})
    await engine.ask("bells", Wind("a", "x", 1_000))
    assert await world.until_state("bells", "a", lambda bell: bell.rang)
    assert await engine.ask("book", Note("a", 2)) == Page((1, 2))
    assert manifest(world.path)["partitions"]["bells"] == count


async def test_a20_a_changed_count_is_refused_by_name_with_nothing_half_done(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    async with Sagamore.open(path, Settings(partitions={"inventory": 2}), payments=SimulatedPayments()) as shop:
        await shop.inventory.receive("MUG", 9, reason="first delivery", idempotency_key="in")
    before = contents(path)
    for changed in ({"inventory": 3}, {"inventory": 1}, {"inventory": 3, "book": 2}):
        says = f"inventory was made with 2 partitions, this program asks for {changed['inventory']}"
        with pytest.raises(CompositionChanged, match=says):
            async with Sagamore.open(path, Settings(partitions=changed), payments=SimulatedPayments(), actors=[Book()]):
                pass
        assert contents(path) == before, "no file of the new actor either"
    async with Sagamore.open(path, payments=SimulatedPayments()) as shop:  # as it was made, if nothing is said
        order = await shop.orders.place(
            user_id="ann", lines=[Line("MUG", 2, Money("5.00", "GBP"))], payment_method="pm_card", idempotency_key="1"
        )
        assert (await shop.orders.wait(order.id, timeout=timedelta(seconds=10))).status == "CONFIRMED"
    assert manifest(path)["partitions"]["inventory"] == 2
