"""The kit that users get: each of its promises."""

import asyncio

import pytest

from sagamore.engine.effect import Call, Capabilities, Succeeded
from sagamore.engine.errors import CommitRefused, NotEncodable
from sagamore.engine.testing import (
    Fault,
    Hangs,
    Lost,
    ManualClock,
    ProcessDied,
    Raises,
    ScriptedProvider,
    TurnResult,
    run_turn,
)
from sagamore.engine.turn import Sent, Turn
from tests.engine.actors import Book, Desk, Note, Page, Post
from tests.engine.world import World


def test_run_turn_gives_state_reply_and_intentions() -> None:
    result = run_turn(Desk(), Post("a", 1, count=2), others=(Book(),))
    assert isinstance(result, TurnResult)
    assert result.state == result.reply == Page((1, 2))
    assert result.sent(Note) == [Note("a", 1), Note("a", 2)]
    assert [sent.receiver for sent in result.of(Sent)] == ["book/0", "book/0"]


def test_run_turn_raises_what_the_handler_raises() -> None:
    def hook(_message: Post, _turn: Turn) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_turn(Desk(hook), Post("a", 1))


@pytest.mark.parametrize("leave", ["send", "note", "schedule"])
def test_run_turn_raises_for_what_could_not_be_stored(leave: str) -> None:
    def hook(message: Post, turn: Turn) -> None:
        match leave:
            case "send":
                turn.send("book", Note("a\0b", 1))
            case "note":
                turn.note("\ud800")
            case "schedule":
                turn.schedule("later", Note("a", 2**63), at_ms=1)

    with pytest.raises(NotEncodable):
        run_turn(Desk(hook), Post("a", 1), others=(Book(),))


async def test_time_stands_still_until_it_is_advanced_and_callbacks_come_in_order() -> None:
    clock = ManualClock(now_ms=1_000)
    fired: list[tuple[str, int]] = []

    def note(name: str) -> None:
        fired.append((name, clock.now_ms()))

    clock.call_at(1_300, lambda: note("late"))

    def early() -> None:
        note("early")
        clock.call_at(1_200, lambda: note("chained"))

    clock.call_at(1_100, early)
    clock.call_at(1_150, lambda: note("cancelled")).cancel()
    await clock.advance(50)
    assert fired == []
    await clock.advance(1_000)
    assert fired == [("early", 1_100), ("chained", 1_200), ("late", 1_300)]
    assert (clock.now_ms(), clock.elapsed_ms()) == (2_050, 1_050.0)


async def test_what_is_due_already_is_called_in_the_next_pass() -> None:
    clock = ManualClock()
    called = asyncio.Event()
    clock.call_at(clock.now_ms(), called.set)
    assert not called.is_set()
    await clock.settle()
    assert called.is_set()


async def test_what_a_callback_wakes_sees_the_time_at_which_it_happens() -> None:
    clock = ManualClock(now_ms=0)
    seen: list[int] = []

    async def sleeper() -> None:
        for _ in range(3):
            woken = asyncio.Event()
            clock.call_at(clock.now_ms() + 10, woken.set)
            await woken.wait()
            seen.append(clock.now_ms())

    task = asyncio.create_task(sleeper())
    await clock.advance(100)
    await task
    assert seen == [10, 20, 30]


async def test_a_callback_that_calls_itself_for_ever_is_named() -> None:
    clock = ManualClock()

    def again() -> None:
        clock.call_at(clock.now_ms() + 1, again)

    again()
    with pytest.raises(TimeoutError, match="not done after 50 ms"):
        await clock.advance_until(lambda: False, 50)


async def test_a_clock_that_is_set_moves_no_elapsed_time() -> None:
    clock = ManualClock(now_ms=1_000)
    called: list[int] = []
    clock.call_at(5_000, lambda: called.append(clock.now_ms()))
    clock.step(10_000)
    assert (clock.now_ms(), clock.elapsed_ms()) == (11_000, 0.0)
    await clock.advance(1)
    assert (called, clock.now_ms(), clock.elapsed_ms()) == ([11_000], 11_001, 1.0)


def test_randomness_is_seeded() -> None:
    first, same, other = ManualClock(seed=1), ManualClock(seed=1), ManualClock(seed=2)
    drawn = [(clock.random_bits(40), clock.random_fraction()) for clock in (first, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("action", "written"), [("crash_before", 0), ("crash_after", 1)])
async def test_a_crash_stops_every_journal_of_the_store(world: World, action: str, written: int) -> None:
    engine = await world.start(Desk(), Book(), faults=[Fault(action, 2)])  # type: ignore[arg-type]
    await engine.ask("book", Note("a", 1))
    await asyncio.gather(engine.ask("book", Note("a", 2)), return_exceptions=True)
    assert world.store.faults.died.is_set()
    with pytest.raises(ProcessDied):
        await world.store.journal("desk/0").open()
    await world.kill()
    engine = await world.start()
    assert await engine.read("book", "a") == Page((1, 2)[: 1 + written])


async def test_commits_are_counted_across_partitions(world: World) -> None:
    engine = await world.start(Desk(), Book())
    await engine.ask("book", Note("a", 1))
    await engine.ask("desk", Post("a", 2))
    await world.clock.settle()
    assert world.store.faults.commits == ["book/0", "desk/0", "book/0"]


async def test_a_refused_commit_is_the_error_that_a_client_gets(world: World) -> None:
    engine = await world.start(Book(), faults=[Fault("refuse", when=lambda *_: True)])
    answers = await asyncio.gather(engine.ask("book", Note("a", 1)), return_exceptions=True)
    assert isinstance(answers[0], CommitRefused)


async def test_a_call_of_a_journal_can_be_held_and_can_be_made_to_fail_once(world: World) -> None:
    await world.start(Book())
    faults, journal = world.store.faults, world.engine._seats["book/0"].up().journal
    faults.hold("book/0", "load_effect")
    faults.fail("book/0", "load_effect", OSError("scripted"))
    read = asyncio.ensure_future(journal.load_effect("eff_1"))
    await world.clock.settle()
    assert not read.done()
    faults.release("book/0", "load_effect")
    with pytest.raises(OSError, match="scripted"):
        await read
    assert await journal.load_effect("eff_1") is None


def call(key: str = "k") -> Call:
    return Call("eff_1", "charge", b"{}", key, "a", 1)


async def test_the_ledger_counts_what_was_done_whatever_was_heard() -> None:
    provider = ScriptedProvider("bank", script=[Lost(), Raises(ValueError()), Succeeded('{"n":3}')])
    with pytest.raises(ConnectionResetError):
        await provider.call(call())
    with pytest.raises(ValueError):
        await provider.call(call())
    assert await provider.call(call()) == Succeeded("{}"), "the stored answer of the first call"
    assert provider.ledger == {"k": 1}
    assert await provider.look_up(call()) == Succeeded("{}")
    assert await provider.look_up(call("other")) is None


async def test_without_keys_every_call_that_gets_through_is_done() -> None:
    provider = ScriptedProvider("post", Capabilities(takes_key=False))
    await provider.call(call())
    await provider.call(call())
    assert provider.ledger == {"k": 2}


async def test_what_hangs_is_done_when_released_even_if_nobody_waits_any_more() -> None:
    provider = ScriptedProvider("bank", script=[Hangs(), Hangs()])
    gone, waits = asyncio.ensure_future(provider.call(call("1"))), asyncio.ensure_future(provider.call(call("2")))
    await asyncio.sleep(0)
    gone.cancel()
    assert provider.hanging == 2
    provider.release()
    assert await waits == Succeeded("{}")
    assert provider.ledger == {"1": 1, "2": 1}
