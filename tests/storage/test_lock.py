"""One process owns a directory; the lock ends with it, however it ends."""

import os
import signal
from pathlib import Path

import pytest

from sagamore.engine.errors import DirectoryLocked
from sagamore.storage.directory import Directory
from tests.storage.children import child, line_of

ORDERS = {"orders": 1}


def test_a_second_process_is_told_who_owns_the_directory(tmp_path: Path) -> None:
    with child("own", tmp_path / "shop") as owner:
        assert line_of(owner) == "ready"
        with pytest.raises(DirectoryLocked, match=rf"process {owner.pid}; .*stop that one"):
            Directory.open(tmp_path / "shop", ORDERS, now_ms=1)
        owner.send_signal(signal.SIGSTOP)
        with pytest.raises(DirectoryLocked):
            Directory.open(tmp_path / "shop", ORDERS, now_ms=1)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        Directory.open(tmp_path / "shop", ORDERS, now_ms=1).close()


def test_an_owner_here_is_seen_there(tmp_path: Path) -> None:
    directory = Directory.open(tmp_path / "shop", ORDERS, now_ms=1)
    with child("try_to_open", tmp_path / "shop") as other:
        assert line_of(other).startswith(f"locked {tmp_path / 'shop'} is owned by process {os.getpid()}")
    directory.close()
    with child("try_to_open", tmp_path / "shop") as other:
        assert line_of(other) == ""


def test_one_process_opens_a_directory_once(tmp_path: Path) -> None:
    directory = Directory.open(tmp_path / "shop", ORDERS, now_ms=1)
    with pytest.raises(DirectoryLocked, match=rf"process {os.getpid()}\b"):
        Directory.open(tmp_path / "shop", ORDERS, now_ms=1)
    directory.close()
    directory.close()
    Directory.open(tmp_path / "shop", ORDERS, now_ms=1).close()


def test_what_a_dead_owner_wrote_is_not_a_lock(tmp_path: Path) -> None:
    Directory.open(tmp_path / "shop", ORDERS, now_ms=1).close()
    (tmp_path / "shop" / "owner.lock").write_text("1\n")
    Directory.open(tmp_path / "shop", ORDERS, now_ms=1).close()
