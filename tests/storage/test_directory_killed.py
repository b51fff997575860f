"""SIGKILL at every line of the code that touches the disk: what is left can be opened, or made again, and no data is
lost.

A forked child counts the lines it executes in those files and kills itself at the n-th; n rises until it gets through.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from sagamore.storage import directory, disk, journal, lock, partition_file
from sagamore.storage.directory import Directory
from sagamore.storage.journal import SQLiteJournal
from sagamore.storage.manifest import read_manifest
from tests.storage.samples import NOW_MS, commit_of, opened, run_once

TOUCH_THE_DISK = {module.__file__ for module in (directory, disk, journal, lock, partition_file)}


def survives(line: int, work: Callable[[], None]) -> bool:
    """Do `work` in a child that kills itself at the n-th line of the storage's code; whether it got through."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in TOUCH_THE_DISK:
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the work itself failed"
    return os.WIFEXITED(status)


def start(path: Path, partitions: dict[str, int]) -> None:
    Directory.open(path, partitions, now_ms=NOW_MS).close()


def opens(path: Path, partitions: dict[str, int]) -> None:
    """The directory opens, knows all its files, and holds no remnant."""
    start(path, partitions)
    manifest = read_manifest(path)
    assert manifest is not None
    assert manifest.partitions == partitions
    assert not list(path.glob("*.new*"))


def test_a_creation_killed_at_any_line_is_finished_by_the_next_start(tmp_path: Path) -> None:
    partitions = {"orders": 1, "payments": 1}
    for line in count(1):
        path = tmp_path / str(line)
        through = survives(line, partial(start, path, partitions))
        opens(path, partitions)
        assert all(partition_file.read_position(file).fresh for file in path.glob("*.sqlite"))
        shutil.rmtree(path)
        if through:
            break
    print(f"{line} lines")
    assert line > 50


def test_a_creation_killed_again_and_again_is_finished_at_last(tmp_path: Path) -> None:
    partitions = {"orders": 1, "payments": 1}
    for line in count(1):
        if survives(line, partial(start, tmp_path / "shop", partitions)):
            break
    opens(tmp_path / "shop", partitions)


def test_a_kind_added_and_killed_at_any_line_costs_no_data(tmp_path: Path) -> None:
    asyncio.run(run_once(tmp_path / "before", {"orders": 1}, {"orders/0": commit_of(1, {"ord_1": b"{}"})}))
    partitions = {"orders": 1, "loyalty": 1}

    async def state(path: Path) -> dict[str, bytes]:
        orders = SQLiteJournal(path / "orders-0.sqlite")
        async with opened(orders, clean=True):
            return await orders.load(["ord_1"])

    for line in count(1):
        path = tmp_path / str(line)
        shutil.copytree(tmp_path / "before", path)
        through = survives(line, partial(start, path, partitions))
        opens(path, partitions)
        assert asyncio.run(state(path)) == {"ord_1": b"{}"}
        shutil.rmtree(path)
        if through:
            break
    print(f"{line} lines")
    assert line > 50


def test_a_life_killed_at_every_line_in_turn_never_puts_a_file_out_of_step(tmp_path: Path) -> None:
    """One directory, hundreds of deaths: in opening, recording, committing, closing."""
    path, partitions = tmp_path / "shop", {"orders": 1, "payments": 1}

    def live() -> None:
        asyncio.run(run_once(path, partitions, {"orders/0": commit_of(1, {"ord_1": b"{}"})}))

    for line in count(1):
        if survives(line, live):
            break
    print(f"{line} lines")
    assert line > 100
    opens(path, partitions)
