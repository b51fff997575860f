"""The edge: idempotency keys, what errors carry, and that nothing is answered before it is durable."""

import asyncio
import sqlite3
from collections.abc import Awaitable

import pytest

from sagamore.engine.errors import (
    Closed,
    InvalidInput,
    KeyReused,
    NotEncodable,
    Refused,
    SagamoreError,
    UnknownKind,
)
from sagamore.engine.message import Message
from sagamore.engine.testing import ScriptedProvider
from sagamore.engine.turn import Turn
from tests.engine.actors import Book, Desk, Note, Page, Pay, Post, Till
from tests.engine.world import World


async def test_a_command_is_answered_with_the_handlers_reply(world: World) -> None:
    engine = await world.start(Book())
    assert await engine.ask("book", Note("a", 1)) == Page((1,))


async def test_asked_again_with_its_key_a_command_is_answered_as_before_and_not_taken_again(world: World) -> None:
    engine = await world.start(Book())
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    await engine.ask("book", Note("a", 2))
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    assert await engine.read("book", "a") == Page((1, 2))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("book", Note("a", b"1")),  # type: ignore[arg-type]
        ("book", Note(b"a", 1)),  # type: ignore[arg-type]
        ("book", Note("a", True)),
        ("till", Pay("a", ["k"])),  # type: ignore[arg-type]
    ],
    ids=repr,
)
async def test_a_command_that_would_be_read_back_otherwise_is_refused(
    world: World, kind: str, message: Message
) -> None:
    engine = await world.start(Book(), Till(), providers=[ScriptedProvider("bank")])
    with pytest.raises(InvalidInput, match="message is "):
        await engine.ask(kind, message)
    assert await engine.read(kind, "a") is None


async def test_a_command_that_sqlite_refuses_is_answered_by_name_and_the_partition_goes_on(world: World) -> None:
    def long_story(message: Note, turn: Turn) -> None:
        turn.note("x" * 20_000 * (message.n == 13))

    engine = await world.start(Book(long_story))
    connection = world.engine._seats["book/0"].up().journal._journal.connection  # type: ignore[attr-defined]
    await connection._execute(connection._conn.setlimit, sqlite3.SQLITE_LIMIT_LENGTH, 10_000)
    with pytest.raises(SagamoreError, match=r"cannot be stored .*too big.*nothing was done") as refused:
        await engine.ask("book", Note("a", 13), key="k")
    assert (refused.value.code, refused.value.idempotency_key) == ("commit_refused", "k")
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    assert engine.statistics().partitions["book/0"].restarts == 0


async def test_a05_a_key_with_another_body_is_refused_by_name(world: World) -> None:
    engine = await world.start(Book())
    await engine.ask("book", Note("a", 1), key="k")
    with pytest.raises(KeyReused, match="'k' was used before") as caught:
        await engine.ask("book", Note("a", 2), key="k")
    assert caught.value.idempotency_key == "k"


async def test_a05_two_asks_with_one_key_in_one_batch_are_one_turn(world: World) -> None:
    engine = await world.start(Book())
    first, second, other = await asyncio.gather(
        engine.ask("book", Note("a", 1), key="k"),
        engine.ask("book", Note("a", 1), key="k"),
        engine.ask("book", Note("a", 2), key="k"),
        return_exceptions=True,
    )
    assert first == second == Page((1,))
    assert isinstance(other, KeyReused)
    assert await engine.read("book", "a") == Page((1,))


@pytest.mark.parametrize("clean", [True, False])
async def test_a05_a_key_is_known_after_a_restart(world: World, clean: bool) -> None:
    engine = await world.start(Book())
    await engine.ask("book", Note("a", 1), key="k")
    await (world.stop() if clean else world.kill())
    engine = await world.start()
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    with pytest.raises(KeyReused):
        await engine.ask("book", Note("a", 2), key="k")
    assert await engine.read("book", "a") == Page((1,))


async def test_keys_of_different_scopes_never_meet(world: World) -> None:
    engine = await world.start(Book())
    await engine.ask("book", Note("a", 1), key="c", scope="a/b")
    assert await engine.ask("book", Note("a", 2), key="b/c", scope="a") == Page((1, 2))


async def test_a05_a_command_that_raises_is_answered_with_the_error_and_not_kept(world: World) -> None:
    broken = [True]

    def hook(_message: Note, _turn: Turn) -> None:
        if broken[0]:
            raise ZeroDivisionError("not today")

    engine = await world.start(Book(hook))
    with pytest.raises(ZeroDivisionError):
        await engine.ask("book", Note("a", 1), key="k")
    broken[0] = False
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    assert engine.statistics().partitions["book/0"].partition.batches  # type: ignore[union-attr]


async def test_a05_every_error_carries_the_key_that_the_engine_made(world: World) -> None:
    engine = await world.start(Book())
    for error in (
        await _error(engine.ask("book", Note("a", -1))),
        await _error(engine.ask("nobody", Note("a", 1))),
        await _error(engine.ask("book", Note("\ud800", 1))),
    ):
        assert isinstance(error, SagamoreError)
        assert error.idempotency_key


async def test_a05_an_error_that_the_handler_did_not_mean_carries_the_key_too(world: World) -> None:
    def hook(_message: Note, _turn: Turn) -> None:
        raise ZeroDivisionError("a bug")

    engine = await world.start(Book(hook))
    assert getattr(await _error(engine.ask("book", Note("a", 1), key="k")), "idempotency_key", "") == "k"


async def test_bad_input_is_refused_at_the_door_by_name(world: World) -> None:
    engine = await world.start(Book())
    with pytest.raises(NotEncodable, match=r"entity.*U\+0000"):
        await engine.ask("book", Note("a\0b", 1))
    with pytest.raises(NotEncodable, match=r"n.*63 bits"):
        await engine.ask("book", Note("a", 2**63))
    with pytest.raises(InvalidInput, match="1 to 255 printable"):
        await engine.ask("book", Note("a", 1), key="x" * 10_000)
    with pytest.raises(InvalidInput, match="at most"):
        await engine.ask("book", Note("x" * 600_000, 1))
    with pytest.raises(UnknownKind, match="this program has book"):
        await engine.ask("nobody", Note("a", 1))
    assert engine.statistics().partitions["book/0"].partition.turns == 0  # type: ignore[union-attr]


async def test_a02_a_reply_leaves_only_after_its_commit(world: World) -> None:
    engine = await world.start(Book())
    world.store.faults.hold("book/0")
    ask = asyncio.create_task(engine.ask("book", Note("a", 1)))
    await world.until(lambda: world.store.faults.commits == ["book/0"])
    await _turn_the_loop()
    assert not ask.done()
    assert await engine.read("book", "a") is None
    world.store.faults.release("book/0")
    assert await ask == Page((1,))


async def test_a02_a_refusal_that_rests_on_uncommitted_state_waits_for_the_commit(world: World) -> None:
    engine = await world.start(Book())
    world.store.faults.hold("book/0")
    asks = [asyncio.create_task(engine.ask("book", Note("a", n))) for n in (1, -1)]
    await world.until(lambda: world.store.faults.commits == ["book/0"])
    await _turn_the_loop()
    assert [ask.done() for ask in asks] == [False, False]
    world.store.faults.release("book/0")
    assert await asks[0] == Page((1,))
    assert isinstance(await _error(asks[1]), Refused)


async def test_b06_a_message_leaves_only_after_its_commit(world: World) -> None:
    engine = await world.start(Desk(), Book())
    world.store.faults.hold("desk/0")
    ask = asyncio.create_task(engine.ask("desk", Post("a", 1)))
    await world.until(lambda: world.store.faults.commits == ["desk/0"])
    await _turn_the_loop()
    assert "book/0" not in world.store.faults.commits
    world.store.faults.release("desk/0")
    await ask
    assert await world.until_state("book", "a", lambda page: page.ns == (1,))


async def test_a_client_that_goes_away_cancels_its_waiting_never_the_work(world: World) -> None:
    engine = await world.start(Book())
    world.store.faults.hold("book/0")
    ask = asyncio.create_task(engine.ask("book", Note("a", 1), key="k"))
    await world.until(lambda: world.store.faults.commits == ["book/0"])
    ask.cancel()
    world.store.faults.release("book/0")
    assert await engine.ask("book", Note("a", 1), key="k") == Page((1,))
    assert await engine.read("book", "a") == Page((1,))


async def test_after_a_stop_an_ask_is_told_that_the_engine_is_closed(world: World) -> None:
    engine = await world.start(Book())
    await world.stop()
    with pytest.raises(Closed):
        await engine.ask("book", Note("a", 1))


async def _error(ask: Awaitable[object]) -> BaseException:
    (error,) = await asyncio.gather(ask, return_exceptions=True)
    assert isinstance(error, BaseException), error
    return error


async def _turn_the_loop() -> None:
    for _ in range(100):
        await asyncio.sleep(0)
