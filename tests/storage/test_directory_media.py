"""File systems that cannot be written, or not be trusted."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagamore.engine.errors import NotWritable
from sagamore.storage import mounts
from sagamore.storage.directory import Directory
from sagamore.storage.mounts import type_at
from tests.storage.children import child, runs
from tests.storage.refusals import PARTITIONS, contents, refused
from tests.storage.samples import NOW_MS, run_once

NOBODY = 65534


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
