"""Files that are older or newer than their peers: put back alone from a copy, they are refused by name."""

import shutil
from pathlib import Path

import pytest

from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.ports import Commit, Opened
from sagamore.storage.directory import Directory
from sagamore.storage.manifest import read_manifest, write_manifest
from tests.storage.children import child
from tests.storage.refusals import PARTITIONS, refused
from tests.storage.samples import NOW_MS, parcel, run_once


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
