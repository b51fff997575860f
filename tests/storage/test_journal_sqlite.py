"""What is particular to the journal on SQLite: ends that are not clean, checkpoints, files that must not be opened, and
what SQLite's JSON does to values that should have been refused at the door."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from sagamore.engine.errors import FileDamaged, FileMissing, NewerFormat, NotEncodable, NotWritable
from sagamore.engine.message import INTEGER_MAX
from sagamore.engine.ports import Commit
from sagamore.storage import journal as journal_module
from sagamore.storage.holders import snapshot_holders
from sagamore.storage.journal import SQLiteJournal
from tests.storage.children import child, line_of
from tests.storage.samples import client_key, commit_of, effect, opened, retry, timer

LARGE = b'"' + b"x" * 100_000 + b'"'


def wal(database: Path) -> Path:
    return database.with_name(database.name + "-wal")


async def test_what_was_answered_before_a_kill_is_there_after_it(database: Path) -> None:
    with child("commit", database) as process:
        while (line := line_of(process)) != "done 20":
            assert line
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        answered = max([20, *(int(line[5:]) for line in process.stdout if line.startswith("done "))])
    assert wal(database).stat().st_size > 0, "the death left a WAL"
    journal = SQLiteJournal(database)
    async with opened(journal) as position:
        assert not position.clean
        assert answered <= position.turn <= answered + 1, "the answered, and at most the one under way"
        assert position.next_numbers == {("b/0", 0): position.turn + 1}
        assert len(await journal.load([f"ord_{n}" for n in range(1, answered + 1)])) == answered
        assert wal(database).stat().st_size < 20_000, "the WAL was moved into the file before anything was read"


async def test_open_waits_for_a_reader_in_its_way_and_names_it(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "BUSY_TIMEOUT_MS", 50)
    with child("commit", database) as writer, contextlib.ExitStack() as stack:
        while line_of(writer) != "done 3":
            pass
        reader = stack.enter_context(child("read", database))
        assert line_of(reader) == "ready"
        while not line_of(writer).startswith("done"):
            pass
        writer.kill()
        writer.wait()
        assert snapshot_holders(database) == [reader.pid]
        with pytest.raises(NotWritable, match=rf"pid {reader.pid}\b"):
            async with opened(SQLiteJournal(database)):
                pass
        reader.kill()
        reader.wait()
        async with opened(SQLiteJournal(database)) as position:
            assert position.turn >= 3


async def test_a_checkpoint_empties_the_wal_and_the_next_commit_cuts_it(database: Path) -> None:
    journal = SQLiteJournal(database)
    async with opened(journal):
        for turn in range(1, 6):
            await journal.commit(commit_of(turn, {f"ord_{turn}": LARGE}))
        full = await journal.checkpoint(1 << 30)
        assert full == wal(database).stat().st_size > 5 * len(LARGE)
        await journal.commit(commit_of(6, {"ord_6": LARGE}))
        assert await journal.checkpoint(full) == 0
        await journal.commit(commit_of(7, {"ord_7": b"{}"}))
        assert wal(database).stat().st_size < full / 5, "the WAL's size says what is in it"
        assert len(await journal.load([f"ord_{turn}" for turn in range(1, 8)])) == 7


@pytest.mark.parametrize(("state", "turns"), [(LARGE, 100), (b"{}", 1_000)], ids=["large", "tiny"])
async def test_the_wal_stays_near_the_bound_under_steady_commits(database: Path, state: bytes, turns: int) -> None:
    journal, bound, highest = SQLiteJournal(database), 1 << 20, 0
    async with opened(journal):
        for turn in range(1, turns + 1):
            await journal.commit(commit_of(turn, {f"ord_{turn % 7}": state}, inbox={("payments/0", 0): turn}))
            await journal.checkpoint(bound)
            highest = max(highest, wal(database).stat().st_size)
    assert bound < highest < bound * 1.4


async def test_a_reader_with_a_snapshot_stops_the_checkpoint_and_is_named(database: Path) -> None:
    journal = SQLiteJournal(database)
    async with opened(journal):
        await journal.commit(commit_of(1, {"ord_1": LARGE}))
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM entity").fetchone() == (1,)
            await journal.commit(commit_of(2, {"ord_2": LARGE}))
            assert await journal.checkpoint(0) > 2 * len(LARGE), "commits go on, the WAL keeps them"
            assert reader.execute("SELECT count(*) FROM entity").fetchone() == (1,), "its snapshot stands"
            assert snapshot_holders(database) == [os.getpid()]
        assert snapshot_holders(database) == []
        assert await journal.checkpoint(0) == 0


async def test_a_clean_close_leaves_one_file(database: Path) -> None:
    journal = SQLiteJournal(database)
    async with opened(journal, clean=True):
        await journal.commit(commit_of(1, {"ord_1": b"{}"}))
    assert [entry.name for entry in database.parent.iterdir()] == [database.name]


async def test_every_open_raises_the_generation_once_however_often_it_is_tried(database: Path) -> None:
    generations = []
    for recorded in (0, 0, 1, 1, 2):
        journal = SQLiteJournal(database, recorded)
        async with opened(journal):
            generations.append(journal.generation)
    assert generations == [1, 1, 2, 2, 3]


async def test_closing_twice_and_closing_what_never_opened_is_nothing(database: Path) -> None:
    journal = SQLiteJournal(database)
    await journal.close(clean=True)
    async with opened(journal):
        pass
    await journal.close(clean=True)


# --- files that must not be opened ---


async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"orders-0\.sqlite"):
        async with opened(SQLiteJournal(tmp_path / "orders-0.sqlite")):
            pass
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"hello " * 2000], ids=["empty", "zeros", "text"])
def test_an_overwritten_file_is_damaged(database: Path, content: bytes) -> None:
    async def open_and_close() -> None:
        async with opened(SQLiteJournal(database)):
            pass

    database.write_bytes(content)
    with pytest.raises(FileDamaged, match=r"orders-0\.sqlite"):
        asyncio.run(open_and_close())
    assert database.read_bytes() == content


@pytest.mark.parametrize("statement", ["PRAGMA user_version=2", "PRAGMA user_version=99"])
async def test_a_file_of_a_newer_format_is_refused(database: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
    with pytest.raises(NewerFormat):
        async with opened(SQLiteJournal(database)):
            pass


async def test_the_position_cannot_be_lost_unnoticed(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("DELETE FROM meta WHERE name = 'turn'")
    with pytest.raises(FileDamaged):
        async with opened(SQLiteJournal(database)):
            pass


async def test_a_locked_file_is_not_called_damaged(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "BUSY_TIMEOUT_MS", 50)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotWritable, match="while another program uses the file"):
            async with opened(SQLiteJournal(database)):
                pass


# --- what SQLite's JSON would do (PROTOCOL 15): text cut at U+0000, 2^63 a float, a lone surrogate never read again ---


async def test_inside_a_state_every_value_is_kept_because_it_stays_text(database: Path) -> None:
    state = rb'{"a":"x\u0000y","b":9223372036854775808,"c":"\ud800","d":1e400}'
    journal = SQLiteJournal(database)
    async with opened(journal):
        await journal.commit(commit_of(1, {"ord_1": state}))
        assert await journal.load(["ord_1"]) == {"ord_1": state}


@pytest.mark.parametrize(
    "commit",
    [
        commit_of(1, {"ord_1": b"{}", "ord\0_1": b"{}"}),
        commit_of(1, {"ord_1": b"{}", "ord_\ud800": b"{}"}),
        commit_of(1, {"ord_1": b"{}"}, client_keys=[client_key("beyond", at_ms=INTEGER_MAX + 1)]),
        commit_of(1, {"ord_1": b"{}"}, timers={("a", "b"): timer("a", "b", INTEGER_MAX + 1)}),
        commit_of(1, {"ord_1": b"{}"}, retries={"m": retry(1, INTEGER_MAX + 1)}),
        commit_of(1, {"ord_1": b"{}"}, effects={"e": effect("e", INTEGER_MAX + 1)}),
        commit_of(1, {"ord_1": b"{}"}, effects={"e": effect("e", deadline_ms=INTEGER_MAX + 1)}),
    ],
    ids=["U+0000", "a lone surrogate", "2^63", "timer", "retry", "effect", "deadline"],
)
async def test_a_column_that_would_come_back_changed_is_refused_with_all_of_its_commit(
    database: Path, commit: Commit
) -> None:
    journal = SQLiteJournal(database)
    async with opened(journal):
        with pytest.raises(NotEncodable):
            await journal.commit(commit)
        assert await journal.load(["ord_1"]) == {}
        await journal.commit(Commit(1, client_keys=[client_key("fits", at_ms=INTEGER_MAX)]))
        assert (await journal.load_client_keys(["fits"]))["fits"].at_ms == INTEGER_MAX


async def test_a_lone_surrogate_cannot_even_be_asked_for(database: Path) -> None:
    journal = SQLiteJournal(database)
    async with opened(journal):
        with pytest.raises(UnicodeEncodeError):
            await journal.load(["ord_\ud800"])
        await journal.commit(Commit(1, timers={("a", "b"): timer("a", "b", 1)}))
