"""PROTOCOL 17: old idempotency keys go, in small batches, and deaths as old; nothing else ever does."""

from typing import Any

from sagamore.engine.effect import Unknown
from sagamore.engine.limits import Limits
from sagamore.engine.policy import DAY_MS
from sagamore.engine.testing import ScriptedProvider
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Clockmaker, Desk, Note, Page, Pay, Post, Till, Wind
from tests.engine.test_relay_rules import rows
from tests.engine.world import World

TABLES = ("entity", "entity_index", "inbox", "stream", "timer", "retry", "effect", "history", "alert")


async def test_a17_a_key_older_than_its_setting_is_forgotten(world: World) -> None:
    engine = await world.start(Book(), limits=Limits(prune_rows_max=2))
    for n in range(5):
        await engine.ask("book", Note("a", n), key=f"k{n}")
    await world.clock.advance(29 * DAY_MS)
    await engine.ask("book", Note("b", 1), key="young")
    assert len(rows(world, "book-0", "SELECT key FROM client_key")) == 6
    await world.clock.advance(2 * DAY_MS)
    left = []
    for n in range(3):
        await engine.ask("book", Note("b", n), key=f"new{n}")
        await world.clock.settle()
        left.append(len([key for (key,) in rows(world, "book-0", "SELECT key FROM client_key") if "\x1fk" in key]))
    assert left == [3, 1, 0], "two keys a batch"
    kept = rows(world, "book-0", "SELECT key FROM client_key")
    assert any("young" in key for (key,) in kept)
    assert await engine.read("book", "a") == Page((0, 1, 2, 3, 4))


async def test_a17_a_forgotten_key_is_a_new_one(world: World) -> None:
    engine = await world.start(Book())
    await engine.ask("book", Note("a", 1), key="k")
    await world.clock.advance(31 * DAY_MS)
    await engine.ask("book", Note("b", 1))
    await world.clock.settle()
    assert await engine.ask("book", Note("a", 2), key="k") == Page((1, 2))


async def test_a17_nothing_else_is_ever_removed(world: World) -> None:
    """A year passes, with a turn now and then: of every table every row is still there."""

    def breaks(message: Note, _turn: Turn) -> None:
        if message.n == 5:
            raise ZeroDivisionError

    provider = ScriptedProvider("bank", script=lambda _call: Unknown("500"))
    limits = Limits(prune_rows_max=1)
    engine = await world.start(Desk(), Book(breaks), Clockmaker(), Till(), providers=[provider], limits=limits)
    await engine.ask("desk", Post("a", 4, count=3))
    await engine.ask("bells", Wind("a", "far", 1_000 * DAY_MS))
    await engine.ask("till", Pay("a", ("k",), "twice"))
    await world.until(lambda: len(engine.alerts()) == 2)
    await world.clock.advance(1_000)
    before = everything(world)
    for week in range(52):
        await world.clock.advance(7 * DAY_MS)
        for kind, message in (("desk", Post("z", week)), ("bells", Wind("z", "x", 1)), ("till", Pay("z", ()))):
            await engine.ask(kind, message)
        await world.clock.advance(1_000)
    after = everything(world)
    assert {place: sorted(gone) for place, known in before.items() if (gone := known - after[place])} == {}
    assert await world.letters() != []


def everything(world: World) -> dict[str, set[Any]]:
    """The identities of all rows, by file and table; a message is a row of its own."""
    found: dict[str, set[Any]] = {}
    for file in ("desk-0", "book-0", "bells-0", "till-0", "dead_letters-0", "system-0"):
        for table in TABLES:
            keys = {
                "entity": "key", "entity_index": "field, key", "inbox": "sender, lane", "stream": "receiver, lane",
                "timer": "entity, name", "retry": "id", "effect": "id", "history": "turn", "alert": "name, subject",
            }[table]  # fmt: skip
            found[f"{file} {table}"] = set(rows(world, file, f"SELECT {keys} FROM {table}"))
    return found


async def test_a17_deaths_are_forgotten_with_the_keys_of_their_time(world: World) -> None:
    engine = await world.start(Desk(), Book())
    journal = engine._seats["book/0"].up().journal
    await journal.count_death("desk/0:1.0", world.clock.now_ms())
    await world.kill()
    engine = await world.start()
    await world.clock.advance(31 * DAY_MS)
    await engine.ask("book", Note("b", 1))
    await world.clock.settle()
    assert rows(world, "book-0", "SELECT * FROM death") == []
