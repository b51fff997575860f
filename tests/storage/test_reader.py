"""Lists and searches beside the owner: pages, cursors, other processes, stopped directories."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from sagamore.engine.errors import FileDamaged, FileMissing, InvalidInput
from sagamore.engine.ports import Commit, IndexChange
from sagamore.storage import partition_file
from sagamore.storage.directory import Directory
from sagamore.storage.holders import snapshot_holders
from sagamore.storage.journal import SQLiteJournal
from sagamore.storage.reader import PAGE_ROWS_MAX, Counts, EntityRow, Reader, Waiting, readers
from tests.storage.children import child, line_of
from tests.storage.samples import (
    NOW_MS,
    alert,
    client_key,
    commit_of,
    effect,
    everything,
    history,
    opened,
    parcel,
    retry,
    run_once,
    timer,
)


@pytest.fixture
async def journal(database: Path) -> AsyncIterator[SQLiteJournal]:
    journal = SQLiteJournal(database)
    async with opened(journal):
        yield journal


@pytest.fixture
async def reader(journal: SQLiteJournal) -> AsyncIterator[Reader]:
    reader = Reader(journal.path)
    yield reader
    await reader.close()


async def all_pages(page: Callable[[Any], Awaitable[list[Any]]], start: Any, cursor: Callable[[Any], Any]) -> list[Any]:
    """Read a list to its end with a cursor."""
    found: list[Any] = []
    while rows := await page(start):
        found += rows
        start = cursor(rows[-1])
    return found


async def test_a_commit_is_seen_at_once(journal: SQLiteJournal, reader: Reader) -> None:
    assert await reader.state("ord_1") is None
    await journal.commit(commit_of(1, {"ord_1": b'{"a":1}'}))
    assert await reader.state("ord_1") == b'{"a":1}'


async def test_entities_of_an_indexed_value_come_newest_first_page_by_page(
    journal: SQLiteJournal, reader: Reader
) -> None:
    keys = [f"ord_{n:02}" for n in range(10)]
    states = {key: msgspec.json.encode({"key": key}) for key in keys}
    paid = [IndexChange("status", key, None, "paid") for key in keys]
    await journal.commit(commit_of(1, dict(states), [*paid, IndexChange("user", "ord_03", None, "paid")]))
    await journal.commit(Commit(2, indexes=[IndexChange("status", "ord_05", "paid", "shipped")]))
    await journal.commit(commit_of(3, {"ord_07": None}, [IndexChange("status", "ord_07", "paid", None)]))
    found = await all_pages(lambda before: reader.entities("status", "paid", before, 3), None, lambda row: row.key)
    expected = [key for key in reversed(keys) if key not in ("ord_05", "ord_07")]
    assert found == [EntityRow(key, states[key]) for key in expected]
    assert [row.key for row in await reader.entities("status", "shipped", None, 9)] == ["ord_05"]
    assert await reader.entities("user", "nobody", None, 9) == []


async def test_entities_of_a_prefix_come_newest_first_and_no_others(journal: SQLiteJournal, reader: Reader) -> None:
    keys = ["MUG", "ord_1", "ord_2", "ord_ä", "ordinary", "pay_1"]
    await journal.commit(commit_of(1, dict.fromkeys(keys, b"{}")))
    found = await all_pages(lambda before: reader.entities_by_prefix("ord_", before, 1), None, lambda row: row.key)
    assert [row.key for row in found] == ["ord_ä", "ord_2", "ord_1"]
    assert [row.key for row in await reader.entities_by_prefix("", None, 99)] == sorted(keys, reverse=True)
    assert [row.key for row in await reader.entities_by_prefix("ord_", "pay_1", 99)] == ["ord_ä", "ord_2", "ord_1"]


@pytest.mark.parametrize("story", [f"ord_{7:032x}", "ord_1", "ann", "ä" * 40], ids=["id", "short", "name", "long"])
async def test_a_story_and_all_stories_come_in_order(journal: SQLiteJournal, reader: Reader, story: str) -> None:
    rows = [history(story, 1), history("ord_2", 2), history(story, 3, "pay_1"), history(story, 4)]
    await journal.commit(Commit(4, history=rows))
    assert await reader.history(story, 0, 9) == [rows[0], rows[2], rows[3]]
    assert await reader.history(story, 1, 1) == [rows[2]]
    assert await all_pages(lambda after: reader.history_page(after, 3), 0, lambda row: row.turn) == rows


async def test_what_waits_is_listed_with_cursors(journal: SQLiteJournal, reader: Reader) -> None:
    parcels = [parcel(1, 2), parcel(3, 3), parcel(1, 1, lane=1), parcel(1, 4, "z/0")]
    timers = [timer("ord_1", "a", 9), timer("ord_1", "b", 1), timer("ord_2", "a", 5)]
    retries = [retry(1, 30), retry(2, 10), retry(3, 10)]
    alerts = [alert("a", "x"), alert("a", "y"), alert("b", "a")]
    await journal.commit(
        Commit(
            1,
            parcels=parcels,
            timers={(row.entity, row.name): row for row in timers},
            retries={row.id: row for row in retries},
            alerts={(row.name, row.subject): row for row in alerts},
        )
    )
    found = await all_pages(
        lambda after: reader.outbox(after, 1), ("", 0, 0), lambda row: (row.receiver, row.lane, row.last)
    )
    assert found == parcels
    assert await reader.timers_of("ord_1", "", 9) == timers[:2]
    assert await reader.timers_of("ord_1", "a", 9) == [timers[1]]
    found = await all_pages(lambda after: reader.retries(after, 1), (-1, ""), lambda row: (row.due_ms, row.id))
    assert found == [retries[1], retries[2], retries[0]]
    found = await all_pages(lambda after: reader.alerts(after, 2), ("", ""), lambda row: (row.name, row.subject))
    assert found == alerts


async def test_effects_are_listed_over_all_providers_by_state(journal: SQLiteJournal, reader: Reader) -> None:
    rows = [
        effect("a", 5), effect("b", 3), effect("c", 3, state="parked"), effect("d", 9, provider="mail"),
        effect("e", 1, provider="mail", state="parked"), effect("f", 1, state="uncertain"),
        effect("g", 7, provider="zebra", state="parked"),
    ]  # fmt: skip
    await journal.commit(Commit(1, effects={row.id: row for row in rows}))

    async def ids(state: Literal["pending", "parked"], limit: int) -> str:
        found = await all_pages(
            lambda after: reader.effects(state, after, limit),
            ("", 0, 0, ""),
            lambda row: (row.provider, row.lane, row.due_ms, row.id),
        )
        return "".join(row.id for row in found)

    for limit in (1, 2, 3, 9):
        assert (await ids("pending", limit), await ids("parked", limit)) == ("dfba", "ecg"), limit


async def test_counts_are_of_one_moment(journal: SQLiteJournal, reader: Reader) -> None:
    assert await reader.counts() == Counts(0, 0, 0, 0, 0, 0, None)
    await journal.commit(everything())
    await journal.commit(Commit(10, parcels=[parcel(3, 7)], effects={"fx_2": effect("fx_2", state="parked")}))
    assert await reader.counts() == Counts(2, 1, 1, 1, 1, 7, NOW_MS + 1)


async def test_what_waits_to_be_done_counts_timers_once_they_are_due_and_no_parked_effect(
    journal: SQLiteJournal, reader: Reader
) -> None:
    assert await reader.waiting(NOW_MS) == Waiting(0, 0, 0)
    await journal.commit(everything())
    await journal.commit(Commit(10, parcels=[parcel(3, 7)], effects={"fx_2": effect("fx_2", state="parked")}))
    assert (await reader.waiting(49), await reader.waiting(50)) == (Waiting(8, 0, 1), Waiting(8, 1, 1))


@pytest.mark.parametrize("limit", [0, -1, PAGE_ROWS_MAX + 1])
async def test_a_page_is_bounded(reader: Reader, limit: int) -> None:
    with pytest.raises(InvalidInput, match=f"limit is {limit}; 1 to {PAGE_ROWS_MAX}"):
        await reader.entities_by_prefix("", None, limit)


async def test_a_reader_between_two_pages_keeps_no_snapshot_and_stops_no_checkpoint(
    journal: SQLiteJournal, reader: Reader
) -> None:
    await journal.commit(commit_of(1, {f"ord_{n}": b"{}" for n in range(9)}))
    assert len(await reader.entities_by_prefix("ord_", None, 3)) == 3
    assert snapshot_holders(journal.path) == []
    assert await journal.checkpoint(0) == 0


async def test_a_reader_cannot_write_and_never_makes_a_checkpoint(journal: SQLiteJournal, reader: Reader) -> None:
    await journal.commit(everything())
    wal = journal.path.with_name(journal.path.name + "-wal")
    before = (wal.stat().st_size, journal.path.stat().st_mtime_ns)
    await reader.counts()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await (await reader._open()).execute_fetchall("DELETE FROM entity")
    await reader.close()
    assert (wal.stat().st_size, journal.path.stat().st_mtime_ns) == before


async def test_many_questions_at_once_open_one_connection(journal: SQLiteJournal, reader: Reader) -> None:
    await journal.commit(everything())
    assert await asyncio.gather(*(reader.state("ord_2") for _ in range(50))) == [b'{"type":"order/1"}'] * 50
    connection = reader._connection
    await reader.state("ord_2")
    assert reader._connection is connection


async def test_a_cancelled_question_does_not_break_the_next(journal: SQLiteJournal, reader: Reader) -> None:
    await journal.commit(everything())
    for cancelled_after in range(6):
        task = asyncio.ensure_future(reader.state("ord_2"))
        for _ in range(cancelled_after):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await reader.state("ord_2") == b'{"type":"order/1"}'
        await reader.close()


async def test_another_process_reads_a_live_directory(tmp_path: Path) -> None:
    with child("own", tmp_path / "shop") as owner:
        assert line_of(owner) == "ready"
        reader = readers(tmp_path / "shop")["orders/0"]
        assert await reader.state("ord_1") == b'{"alive":true}'
        await reader.close()


async def test_the_files_of_a_killed_owner_are_read_with_what_is_only_in_the_wal(tmp_path: Path) -> None:
    with child("own", tmp_path / "shop") as owner:
        assert line_of(owner) == "ready"
    files = readers(tmp_path / "shop")
    assert await files["orders/0"].state("ord_1") == b'{"alive":true}'
    await files["orders/0"].close()
    assert (tmp_path / "shop" / "orders-0.sqlite-wal").stat().st_size > 0, "reading moved nothing"


async def test_a_stopped_directory_is_read_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    await run_once(path, {"orders": 1, "payments": 1}, {"orders/0": commit_of(1, {"ord_1": b"{}"})})
    files = readers(path)
    assert sorted(files) == ["orders/0", "payments/0"]
    assert await files["orders/0"].state("ord_1") == b"{}"
    await files["orders/0"].close()
    await run_once(path, {"orders": 1, "payments": 1}, {"orders/0": Commit(2, client_keys=[client_key("k")])})


async def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"sagamore\.json is missing"):
        readers(tmp_path)
    with pytest.raises(FileMissing, match=r"orders-0\.sqlite"):
        await Reader(tmp_path / "orders-0.sqlite").counts()
    partition_file.make(tmp_path / "orders-0.sqlite")
    (tmp_path / "orders-0.sqlite").write_bytes(b"\0" * 9000)
    with pytest.raises(FileDamaged, match=r"orders-0\.sqlite"):
        await Reader(tmp_path / "orders-0.sqlite").counts()


async def test_a_mistake_of_the_caller_is_not_called_damage(journal: SQLiteJournal, reader: Reader) -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        await reader.state(["ord_1"])  # type: ignore[arg-type]


async def test_the_directory_gives_readers_of_its_own_files(tmp_path: Path) -> None:
    directory = Directory.open(tmp_path / "shop", {"orders": 1}, now_ms=NOW_MS)
    reader = directory.reader("orders/0")
    assert (await reader.counts()).entities == 0
    await reader.close()
    directory.close()
