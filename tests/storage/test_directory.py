"""What a data directory is made of, and every directory that must not be opened: each has its own error, says what
would be right, and is left as it was."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from sagamore.engine.errors import (
    CompositionChanged,
    DirectoryError,
    FileDamaged,
    FileMissing,
    FileOutOfStep,
    InvalidInput,
    NewerFormat,
    NotADirectoryOfOurs,
    NotWritable,
)
from sagamore.engine.ports import Commit, Opened
from sagamore.storage import mounts
from sagamore.storage.directory import Directory
from sagamore.storage.manifest import read_manifest, write_manifest
from sagamore.storage.mounts import type_at
from tests.storage.children import child, runs
from tests.storage.samples import NOW_MS, parcel, run_once

PARTITIONS = {"orders": 1, "payments": 2}
NOBODY = 65534


def contents(path: Path) -> dict[str, bytes]:
    """All files but those that SQLite makes beside a database to read it, and the lock."""
    beside = ("-wal", "-shm", "owner.lock")
    return {f.name: f.read_bytes() for f in path.iterdir() if f.is_file() and not f.name.endswith(beside)}


@pytest.fixture
async def shop(tmp_path: Path) -> Path:
    """A stopped directory that has lived twice and holds a state and two messages on their way."""
    path = tmp_path / "shop"
    await run_once(path, PARTITIONS)
    await run_once(path, PARTITIONS, {"orders/0": Commit(1, {"ord_1": b"{}"}, parcels=[parcel(1, 2)])})
    return path


def refused(path: Path, error: type[DirectoryError], says: str, partitions: dict[str, int] | None = None) -> None:
    """Opening raises that error, changes nothing and leaves the lock free."""
    before = contents(path) if path.is_dir() else {}
    for _ in range(2):
        with pytest.raises(error, match=says):
            Directory.open(path, partitions or PARTITIONS, now_ms=NOW_MS)
    assert before == (contents(path) if path.is_dir() else {})


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


# --- files that are older or newer than their peers ---


async def test_a_file_older_by_a_start_is_named(shop: Path, tmp_path: Path) -> None:
    shutil.copy(shop / "orders-0.sqlite", tmp_path / "copy")
    await run_once(shop, PARTITIONS)
    shutil.copy(tmp_path / "copy", shop / "orders-0.sqlite")
    refused(shop, FileOutOfStep, r"orders-0\.sqlite is older than the manifest: it has seen 2 starts.* knows of 3")


async def test_a_file_newer_than_the_rest_is_named(shop: Path, tmp_path: Path) -> None:
    for _ in range(2):
        await run_once(shop, PARTITIONS)
    shutil.copy(shop / "orders-0.sqlite", tmp_path / "copy")
    shutil.rmtree(shop)
    await run_once(shop, PARTITIONS)
    shutil.copy(tmp_path / "copy", shop / "orders-0.sqlite")
    refused(shop, FileOutOfStep, r"orders-0\.sqlite is newer than the manifest: it has seen 4 starts.* knows of 1")


async def test_a_file_whose_wal_was_lost_is_named(shop: Path) -> None:
    with child("own", shop / "../owned") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    owned = shop.parent / "owned"
    (owned / "orders-0.sqlite-wal").unlink()
    refused(owned, FileOutOfStep, r"orders-0\.sqlite is older", {"orders": 1})


@pytest.mark.parametrize("sent_first", [True, False])
async def test_a_file_older_than_its_peer_within_one_start_is_named(tmp_path: Path, sent_first: bool) -> None:
    """The generations fit; the numbers of the pair tell."""
    path = tmp_path / "shop"
    await run_once(path, {"orders": 1, "payments": 1})
    older = "orders-0.sqlite" if sent_first else "payments-0.sqlite"
    shutil.copy(path / older, tmp_path / "copy")
    sent = Commit(1, parcels=[parcel(1, 2)])
    taken = Commit(1, inbox={("orders/0", 0): 2})
    await run_once(path, {"orders": 1, "payments": 1}, {"orders/0": sent, "payments/0": taken})
    if not sent_first:
        await run_once(path, {"orders": 1, "payments": 1}, {"orders/0": Commit(2, acknowledged={("payments/0", 0): 2})})
    manifest = read_manifest(path)
    shutil.copy(tmp_path / "copy", path / older)
    assert manifest is not None
    write_manifest(path, manifest.with_generations({"orders/0" if sent_first else "payments/0": 1}))
    for _ in range(2):
        directory = Directory.open(path, {"orders": 1, "payments": 1}, now_ms=NOW_MS)
        journals = {address: directory.journal(address) for address in directory.addresses}
        positions: dict[str, Opened] = {address: await journal.open() for address, journal in journals.items()}
        try:
            with pytest.raises(FileOutOfStep, match=rf"{older} is older than"):
                directory.opened(positions)
        finally:
            for journal in journals.values():
                await journal.close(clean=False)
            directory.close()


# --- file systems that cannot be written or trusted ---


@contextlib.contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder of its own for a user who, unlike root, is bound by modes."""
    folder = Path(tempfile.mkdtemp(prefix="sagamore-"))
    folder.chmod(0o777)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_a_directory_without_the_right_to_write_is_refused() -> None:
    with unprivileged() as folder:
        shop = folder / "shop"
        Directory.open(shop, PARTITIONS, now_ms=NOW_MS).close()
        (shop / "owner.lock").unlink()
        shop.chmod(0o500)
        refused(shop, NotWritable, "Permission denied")
        refused(shop / "inner", NotWritable, "Permission denied")
        shop.chmod(0o700)


def test_a_file_without_the_right_to_write_is_not_called_damaged() -> None:
    with unprivileged() as folder:
        Directory.open(folder / "shop", {"orders": 1}, now_ms=NOW_MS).close()
        (folder / "shop" / "orders-0.sqlite").chmod(0o400)
        with pytest.raises(NotWritable, match=r"orders-0\.sqlite cannot be used: attempt to write a readonly database"):
            asyncio.run(run_once(folder / "shop", {"orders": 1}))


async def test_a_read_only_mount_is_refused(shop: Path) -> None:
    mount = f"mount --bind {shop} {shop} && mount -o remount,bind,ro {shop}"
    if not runs("unshare", "-m", "sh", "-c", mount):
        pytest.skip("mounting needs a right that this process does not have")
    before = contents(shop)
    with child("try_to_open", shop, before=("unshare", "-m", "sh", "-c", f'{mount} && exec "$0" "$@"')) as process:
        assert process.stdout is not None
        said = process.stdout.read()
    assert said.startswith("not_writable "), said
    assert "Read-only file system" in said
    assert contents(shop) == before


MOUNTINFO = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
41 27 0:50 / /mnt/shared\040disk rw,relatime shared:7 master:1 - nfs4 server:/x rw,vers=4.2
42 41 8:1 / /mnt/shared\040disk/local rw - xfs /dev/sdb rw
43 27 0:51 / /mnt/twice rw - cifs //server/x rw
44 43 8:2 / /mnt/twice rw - ext4 /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/shop", "ext4"),
        ("/mnt/shared disk/shop", "nfs4"),
        ("/mnt/shared disk/local/shop", "xfs"),
        ("/mnt/shared diskette", "ext4"),
        ("/mnt/twice/shop", "ext4"),
    ],
)
def test_the_file_system_of_a_path_is_the_last_mounted_nearest_one(path: str, kind: str) -> None:
    assert type_at(Path(path), MOUNTINFO) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "mountinfo"
    told.write_text(f"27 1 254:0 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(mounts, "MOUNTINFO", told)
    with pytest.raises(NotWritable, match=r"network file system \(nfs4\)"):
        Directory.open(tmp_path / "shop", PARTITIONS, now_ms=NOW_MS)
    assert not (tmp_path / "shop").exists()
