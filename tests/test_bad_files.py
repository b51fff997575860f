"""Directories that must not be opened and CSV files that cannot be read, through the package and the command line: each
is a named error that says what would be right, and everything is left as it was."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sagamore import DirectoryError, Sagamore
from sagamore.__main__ import main
from sagamore.engine.errors import (
    EntityDamaged,
    FileDamaged,
    FileMissing,
    FileOutOfStep,
    NewerFormat,
    NotADirectoryOfOurs,
    NotWritable,
)
from tests.bad_values import MUGS
from tests.storage.refusals import contents
from tests.storage.test_directory_media import unprivileged

# --- directories ---


PAGE_BYTES = 4096


async def place_orders(path: Path, count: int) -> None:
    async with Sagamore.open(path) as shop:
        await shop.inventory.receive("MUG", count, reason="delivery")
        for _ in range(count):
            await shop.orders.place(user_id="ann", lines=[MUGS], payment_method="pm_card", check_stock=False)


async def run_once(path: Path) -> None:
    async with Sagamore.open(path) as shop:
        await shop.inventory.receive("MUG", 1, reason="delivery")


def truncate(path: Path) -> None:
    (path / "orders-0.sqlite").write_bytes((path / "orders-0.sqlite").read_bytes()[:5_000])


def overwrite(path: Path) -> None:
    (path / "orders-0.sqlite").write_bytes(b"ransom " * 10_000)


def put_back_an_older_file(path: Path) -> None:
    shutil.copy(path.parent / "orders-0.sqlite", path / "orders-0.sqlite")


DAMAGED: dict[str, tuple[Callable[[Path], object], type[DirectoryError], str]] = {
    "newer": (lambda path: (path / "sagamore.json").write_text('{"format": 99}'), NewerFormat, "reads up to"),
    "truncated": (truncate, FileDamaged, "orders-0.sqlite"),
    "overwritten": (overwrite, FileDamaged, "orders-0.sqlite"),
    "missing": (lambda path: (path / "orders-0.sqlite").unlink(), FileMissing, "orders-0.sqlite is missing"),
    "older than its peers": (put_back_an_older_file, FileOutOfStep, "whole directory from one copy"),
}


@pytest.mark.parametrize(("damage", "error", "says"), DAMAGED.values(), ids=DAMAGED)
async def test_a_directory_in_disorder_is_refused_and_left_as_it_is(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    error: type[DirectoryError],
    says: str,
) -> None:
    path = tmp_path / "shop"
    await run_once(path)
    shutil.copy(path / "orders-0.sqlite", tmp_path)
    await run_once(path)
    await run_once(path)
    damage(path)
    await refused_untouched(path, error, says)
    before = contents(path)
    assert await asyncio.to_thread(main, ["stock", "receive", "MUG", "1", "--reason", "x", "--dir", str(path)]) == 1
    assert says in one_line(capsys)
    assert contents(path) == before


def test_a_directory_that_is_not_ours_is_refused_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1")
    asyncio.run(refused_untouched(tmp_path, NotADirectoryOfOurs, "name another directory"))
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


async def test_a_read_only_directory_is_refused_and_left_as_it_is() -> None:
    with unprivileged() as folder:
        await run_once(folder / "shop")
        (folder / "shop" / "owner.lock").unlink()
        (folder / "shop").chmod(0o500)
        await refused_untouched(folder / "shop", NotWritable, "Sagamore must own its directory")
        (folder / "shop").chmod(0o700)


def test_a_manifest_that_may_not_be_read_is_named() -> None:
    with unprivileged() as folder:
        asyncio.run(run_once(folder / "shop"))
        (folder / "shop" / "sagamore.json").chmod(0)
        with pytest.raises(NotWritable, match=r"sagamore\.json cannot be read: "):
            asyncio.run(run_once(folder / "shop"))


def test_a_read_only_directory_is_named_by_what_reads_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    with unprivileged() as folder:
        asyncio.run(run_once(folder / "shop"))
        (folder / "shop" / "orders-0.sqlite").chmod(0)
        assert main(["orders", "list", "--dir", str(folder / "shop")]) == 1
        assert "orders-0.sqlite cannot be read; Sagamore must be able" in one_line(capsys)
        (folder / "shop" / "orders-0.sqlite").chmod(0o600)
        (folder / "shop").chmod(0o500)
        assert main(["orders", "list", "--dir", str(folder / "shop")]) == 1
        assert "orders-0.sqlite cannot be used: " in one_line(capsys)
        (folder / "shop").chmod(0o700)


async def test_a_state_that_cannot_be_read_is_named_and_not_called_a_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_once(tmp_path / "shop")
    with closing(sqlite3.connect(tmp_path / "shop" / "inventory-0.sqlite")) as file, file:
        file.execute("UPDATE entity SET state = '{'")
    async with Sagamore.open(tmp_path / "shop") as shop:
        for ask in (shop.inventory.list, lambda: shop.inventory.get("MUG")):
            with pytest.raises(EntityDamaged, match="stock:MUG: the stored state cannot be decoded"):
                await ask()
    for words in (["stock", "show"], ["stock", "show", "MUG"]):
        assert await asyncio.to_thread(main, [*words, "--dir", str(tmp_path / "shop")]) == 1
        assert "inventory-0.sqlite stock:MUG: the stored state cannot be decoded" in one_line(capsys)


def test_an_audit_of_a_file_with_a_damaged_page_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(place_orders(tmp_path / "shop", 20))
    file = tmp_path / "shop" / "orders-0.sqlite"
    content = bytearray(file.read_bytes())
    page = content.rindex(b'"saga":"pay_first"') // PAGE_BYTES * PAGE_BYTES
    content[page : page + PAGE_BYTES] = b"\xff" * PAGE_BYTES
    file.write_bytes(content)
    assert main(["audit", "--dir", str(tmp_path / "shop")]) == 1
    assert "orders-0.sqlite is damaged" in one_line(capsys)
    assert caplog.messages == []


def test_an_alert_that_cannot_be_read_is_a_damaged_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(run_once(tmp_path / "shop"))
    with closing(sqlite3.connect(tmp_path / "shop" / "orders-0.sqlite")) as file, file:
        file.execute("INSERT INTO alert VALUES ('a', 'b', '{}')")
    assert main(["alerts", "--dir", str(tmp_path / "shop")]) == 1
    assert "orders-0.sqlite is damaged" in one_line(capsys)
    assert main(["health", "--json", "--dir", str(tmp_path / "shop")]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "RED"


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What a command said on standard error, and nothing elsewhere."""
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "this is a bug" not in told.err
    return told.err


async def refused_untouched(path: Path, error: type[DirectoryError], says: str) -> None:
    before = contents(path)
    with pytest.raises(error) as refused:
        await run_once(path)
    assert says in str(refused.value)
    assert contents(path) == before


# --- files of orders ---

HEADING = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def test_an_invoice_with_a_broken_row_is_named_and_left_out_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = "{},85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,UK"
    broken = "2,71053,LANTERN,six,2010-12-01 08:26:00,3.39,17850.0,UK"
    file = tmp_path / "sales.csv"
    file.write_text("\n".join((HEADING, good.format(1), good.format(2), broken, "3,85123A")))
    assert main(["replay", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"]["broken"]["names"] == [
        "line 4: Quantity is 'six'; a whole number, not 0, at most 1,000,000,000 either way",
        "line 5: row is '2 cells'; 8, as in the first line",
    ]
    assert told["placed"] == told["confirmed"] == 1


def test_what_stops_a_replay_is_named_and_not_the_tasks_that_it_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, shop = tmp_path / "sales.csv", tmp_path / "shop"
    file.write_text(f"{HEADING}\n1,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,UK\n")
    assert main(["replay", str(file), "--dir", str(shop)]) == 0
    capsys.readouterr()
    with closing(sqlite3.connect(shop / "inventory-0.sqlite")) as connection, connection:
        connection.execute("UPDATE entity SET state = '{' WHERE key = 'stock:85123A'")
    assert main(["replay", str(file), "--dir", str(shop)]) == 1
    assert "inventory/0 stock:85123A: the stored state cannot be decoded" in one_line(capsys)


def test_a_file_without_the_columns_is_refused_before_a_directory_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.csv"
    file.write_text("name,price\nMUG,12.50\n")
    assert main(["replay", str(file), "--dir", str(tmp_path / "shop")]) == 2
    assert "a line that also names InvoiceNo, StockCode" in capsys.readouterr().err
    assert not (tmp_path / "shop").exists()
