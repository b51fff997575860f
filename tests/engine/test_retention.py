"""PROTOCOL 17: old idempotency keys go, in small batches; nothing else does."""

from sagamore.engine.limits import Limits
from sagamore.engine.policy import DAY_MS
from tests.engine.actors import Book, Note, Page
from tests.engine.test_relay_rules import rows
from tests.engine.world import World


async def test_a17_a_key_older_than_its_setting_is_forgotten(world: World) -> None:
    engine = await world.start(Book(), limits=Limits(prune_rows_max=2))
    for n in range(5):
        await engine.ask("book", Note("a", n), key=f"k{n}")
    await world.clock.advance(29 * DAY_MS)
    await engine.ask("book", Note("b", 1), key="young")
    assert len(rows(world, "book-0", "SELECT key FROM client_key")) == 6
    await world.clock.advance(2 * DAY_MS)
    for n in range(3):  # two keys a batch
        await engine.ask("book", Note("b", n), key=f"new{n}")
    await world.clock.settle()
    kept = rows(world, "book-0", "SELECT key FROM client_key")
    assert not any("\x1fk" in key for (key,) in kept)
    assert any("young" in key for (key,) in kept)
    assert await engine.read("book", "a") == Page((0, 1, 2, 3, 4))
