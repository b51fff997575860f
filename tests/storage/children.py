"""Real processes for the tests to kill, trace and quarrel with: `python -m tests.storage.children NAME ARGUMENTS`."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sagamore.engine.envelope import Parcel
from sagamore.engine.errors import SagamoreError
from sagamore.storage.directory import Directory
from sagamore.storage.journal import SQLiteJournal
from tests.storage.samples import commit_of

ROOT = Path(__file__).parents[2]
WAIT_S = 20


def say(line: str) -> None:
    """One whole line, at once, past all buffers."""
    os.write(1, line.encode() + b"\n")


def commit(path: str, turns: str = "1000000000") -> None:
    """Commit entity after entity, and say the turn before and after each."""

    async def run() -> None:
        journal = SQLiteJournal(Path(path))
        await journal.open()
        for turn in range(1, int(turns) + 1):
            say(f"commit {turn}")
            await journal.commit(commit_of(turn, {f"ord_{turn}": b"{}"}, parcels=[Parcel("b/0", 0, turn, turn, 1, ())]))
            say(f"done {turn}")
        await journal.close(clean=True)

    asyncio.run(run())


def own(path: str) -> None:
    """Own a directory with one orders partition, a commit in its WAL, until killed."""

    async def run() -> None:
        directory = Directory.open(path, {"orders": 1}, now_ms=1)
        journal = directory.journal("orders/0")
        await journal.open()
        directory.record_generations()
        await journal.commit(commit_of(1, {"ord_1": b'{"alive":true}'}))
        say("ready")
        sys.stdin.read()

    asyncio.run(run())


def read(database: str) -> None:
    """Hold a snapshot of a database until killed."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM meta").fetchall()
    say("ready")
    sys.stdin.read()


def try_to_open(path: str) -> None:
    """Open a directory and say the code of the error, or nothing."""
    try:
        Directory.open(path, {"orders": 1}, now_ms=1).close()
    except SagamoreError as error:
        say(f"{error.code} {error}")


@contextlib.contextmanager
def child(name: str, *arguments: object, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """One of these as a process, killed at the end."""
    command = [*before, sys.executable, "-m", __name__, name, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a child says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def runs(*command: str) -> bool:
    """Whether a program is here and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=WAIT_S).returncode == 0
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
