"""What a data directory is made of, and every directory that must not be opened: each has its own error, says what
would be right, and is left as it was."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sagamore.engine.errors import (
    CompositionChanged,
    FileDamaged,
    FileMissing,
    FileOutOfStep,
    InvalidInput,
    NewerFormat,
    NotADirectoryOfOurs,
    NotWritable,
)
from sagamore.storage.directory import Directory
from sagamore.storage.manifest import read_manifest, write_manifest
from tests.storage.refusals import PARTITIONS, contents, refused
from tests.storage.samples import NOW_MS, run_once

# --- what it is made of ---


def test_a_new_directory_is_private_and_named_by_its_manifest(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    Directory.open(path, PARTITIONS, now_ms=NOW_MS).close()
    assert path.stat().st_mode & 0o777 == 0o700
    assert {entry.stat().st_mode & 0o077 for entry in path.glob("*.sqlite")} == {0}
    assert msgspec.json.decode((path / "sagamore.json").read_bytes()) == {
        "format": 1,
        "hash": "blake2b-64",
        "partitions": PARTITIONS,
        "generations": {"orders/0": 0, "payments/0": 0, "payments/1": 0},
        "made_at_ms": NOW_MS,
    }
    names = {"orders-0.sqlite", "payments-0.sqlite", "payments-1.sqlite", "sagamore.json", "owner.lock"}
    assert {entry.name for entry in path.iterdir()} == names


def test_an_empty_directory_of_the_users_and_a_fresh_volume_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "volume"
    (path / "lost+found").mkdir(parents=True)
    Directory.open(path, PARTITIONS, now_ms=NOW_MS).close()
    assert path.stat().st_mode & 0o777 == 0o700


async def test_what_was_committed_is_there_the_next_time(shop: Path) -> None:
    directory = Directory.open(shop, PARTITIONS, now_ms=NOW_MS)
    with contextlib.closing(directory):
        journal = directory.journal("orders/0")
        position = await journal.open()
        assert position.next_numbers == {("payments/0", 0): 3}
        assert await journal.load(["ord_1"]) == {"ord_1": b"{}"}
        await journal.close(clean=True)
        assert directory.free_bytes() > 0


async def test_a_new_kind_gets_its_files_and_the_old_keep_theirs(shop: Path) -> None:
    before = contents(shop)
    Directory.open(shop, PARTITIONS | {"loyalty": 2}, now_ms=NOW_MS).close()
    after = contents(shop)
    assert set(after) - set(before) == {"loyalty-0.sqlite", "loyalty-1.sqlite"}
    assert after["orders-0.sqlite"] == before["orders-0.sqlite"]
    manifest = read_manifest(shop)
    assert manifest is not None
    assert manifest.partitions == PARTITIONS | {"loyalty": 2}
    assert manifest.generations["orders/0"] == 2
    await run_once(shop, PARTITIONS | {"loyalty": 2})


async def test_a_kind_runs_with_every_other_kinds_file_absent(shop: Path) -> None:
    (shop / "orders-0.sqlite").unlink()
    await run_once(shop, {"payments": 2})
    refused(shop, FileMissing, r"orders-0\.sqlite")


async def test_reopening_a_partition_again_and_again_never_puts_it_out_of_step(shop: Path) -> None:
    for _ in range(3):
        directory = Directory.open(shop, PARTITIONS, now_ms=NOW_MS)
        for _ in range(3):
            journal = directory.journal("orders/0")
            await journal.open()
            await journal.close(clean=False)
        directory.close()  # died before anything was recorded


# --- directories that must not be opened ---


def test_a_directory_that_was_half_made_for_other_kinds_is_made_for_these(tmp_path: Path) -> None:
    Directory.open(tmp_path / "shop", PARTITIONS, now_ms=NOW_MS).close()
    (tmp_path / "shop" / "sagamore.json").unlink()
    (tmp_path / "shop" / "loyalty-0.sqlite.new").write_bytes(b"SQLite for")
    Directory.open(tmp_path / "shop", {"stock": 1}, now_ms=NOW_MS).close()
    assert {entry.name for entry in (tmp_path / "shop").glob("*.sqlite*")} == {"stock-0.sqlite"}


def test_somebody_elses_directory_is_refused_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter 1")
    refused(tmp_path, NotADirectoryOfOurs, r"thesis\.txt")
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_foreign_database_with_a_name_like_ours_is_not_removed(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "orders-0.sqlite")) as connection:
        connection.execute("CREATE TABLE mine(x)")
    refused(tmp_path, NotADirectoryOfOurs, r"orders-0\.sqlite")


def test_a_file_instead_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("")
    refused(tmp_path / "shop", NotADirectoryOfOurs, "is a file")


def test_a_directory_in_a_missing_one_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "sohp" / "data", NotWritable, "sohp is not there")


async def test_data_without_a_manifest_is_never_made_anew(shop: Path) -> None:
    (shop / "sagamore.json").unlink()
    refused(shop, FileMissing, r"sagamore\.json is missing, and orders-0\.sqlite holds data")


async def test_data_that_the_manifest_does_not_know_is_never_made_anew(shop: Path) -> None:
    old = (shop / "sagamore.json").read_bytes()
    await run_once(shop, PARTITIONS | {"loyalty": 1})
    (shop / "sagamore.json").write_bytes(old)
    refused(shop, FileOutOfStep, r"sagamore\.json is older than loyalty-0\.sqlite", {"loyalty": 1})


async def test_a_newer_format_is_refused(shop: Path) -> None:
    (shop / "sagamore.json").write_text('{"format": 2, "shards": []}')
    refused(shop, NewerFormat, "format 2, this release reads up to 1")


async def test_a_file_of_a_newer_format_is_refused(shop: Path) -> None:
    with contextlib.closing(sqlite3.connect(shop / "payments-1.sqlite")) as connection:
        connection.execute("PRAGMA user_version=2")
    refused(shop, NewerFormat, r"payments-1\.sqlite")


@pytest.mark.parametrize("content", ["", "hello", '{"format": 1', '{"format": 1}', "[]", '{"a": 1}', "\0" * 100])
async def test_a_damaged_manifest_is_refused(shop: Path, content: str) -> None:
    (shop / "sagamore.json").write_text(content)
    refused(shop, FileDamaged, r"sagamore\.json")


async def test_a_manifest_that_is_a_directory_is_refused(shop: Path) -> None:
    (shop / "sagamore.json").rename(shop / "saved")
    (shop / "sagamore.json").mkdir()
    refused(shop, FileDamaged, r"sagamore\.json")


async def test_a_manifest_whose_parts_disagree_is_refused(shop: Path) -> None:
    manifest = read_manifest(shop)
    assert manifest is not None
    write_manifest(shop, msgspec.structs.replace(manifest, partitions={"orders": 1}))
    refused(shop, FileDamaged, "disagree")


async def test_a_changed_count_is_refused_and_says_which(shop: Path) -> None:
    says = r"payments was made with 2 partitions, this program asks for 3; a count never changes in place"
    refused(shop, CompositionChanged, says, {"orders": 1, "payments": 3})


async def test_another_hash_is_refused(shop: Path) -> None:
    manifest = read_manifest(shop)
    assert manifest is not None
    write_manifest(shop, msgspec.structs.replace(manifest, hash="crc32"))
    refused(shop, CompositionChanged, "crc32")


@pytest.mark.parametrize("count", [0, -1, 4097])
def test_an_impossible_count_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(InvalidInput, match=rf"partitions\['orders'\] is {count}; 1 to 4096"):
        Directory.open(tmp_path / "shop", {"orders": count}, now_ms=NOW_MS)
    assert not (tmp_path / "shop").exists()


async def test_a_missing_file_is_named(shop: Path) -> None:
    (shop / "payments-1.sqlite").unlink()
    refused(shop, FileMissing, r"payments-1\.sqlite is missing")


@pytest.mark.parametrize("kept", [0, 1, 50, 4096, 20_000, -4096, -1])
async def test_a_truncated_file_is_named(shop: Path, kept: int) -> None:
    file = shop / "orders-0.sqlite"
    content = file.read_bytes()
    assert len(content) > 20_000
    file.write_bytes(content[:kept])
    refused(shop, FileDamaged, r"orders-0\.sqlite")


@pytest.mark.parametrize(
    "overwrite",
    [
        lambda content: b"\0" * len(content),
        lambda content: b"ransom " * (len(content) // 7),
        lambda content: b"\0" * 4096 + content[4096:],
        lambda content: content[:16] + b"\xff" * 200 + content[216:],
    ],
    ids=["zeros", "text", "first page zero", "header after the magic"],
)
async def test_an_overwritten_file_is_named(shop: Path, overwrite: Callable[[bytes], bytes]) -> None:
    file = shop / "orders-0.sqlite"
    file.write_bytes(overwrite(file.read_bytes()))
    refused(shop, FileDamaged, r"orders-0\.sqlite")


async def test_another_programs_database_in_place_of_ours_is_named(shop: Path) -> None:
    (shop / "orders-0.sqlite").unlink()
    with contextlib.closing(sqlite3.connect(shop / "orders-0.sqlite")) as connection:
        connection.execute("CREATE TABLE meta(name, value)")
    refused(shop, FileDamaged, r"orders-0\.sqlite is no file of ours")
