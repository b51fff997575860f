"""The twin's file: one line of JSON for each executed request, its movement and its stored answer together.

    {"format":"sagamore-twin","version":1}
    {"at_ms":…,"movement":{"kind":"opened",…},"stored":{"key":…,"fingerprint":…,"at_ms":…,"answer":{"status":200,"body":…}}}

A line goes out in one write before its answer does: whatever kills the process, a movement and its key are there
both or neither. A last line without its newline was never answered and is cut off. Only a loss of power can take
answered lines, unless `fsync` is asked for.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sagamore.twin.errors import JournalBroken, JournalDamaged, JournalLocked
from sagamore.twin.idempotency import Stored
from sagamore.twin.movement import Movement

FILE_NAME = "twin.jsonl"
HEADER = b'{"format":"sagamore-twin","version":1}\n'


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one request, or the provider itself, did at a time."""

    at_ms: int
    movement: Movement | None = None
    stored: Stored | None = None


class Journal:
    """The open file. `read` it to its end once, then `append`."""

    def __init__(self, directory: Path, fsync: bool = False) -> None:
        """Make the directory if need be, and lock the file.

        Raises:
            JournalLocked: another process has it.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / FILE_NAME
        self._fsync = fsync
        self._broken = False
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise JournalLocked(f"{self._path} is written by another twin; stop it or choose another --dir") from error

    def read(self) -> Iterator[Line]:
        """Every line, oldest first; a torn last line is cut off.

        Raises:
            JournalDamaged: with the number of the line.
        """
        decoder = msgspec.json.Decoder(Line)
        whole = 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                if number == 1:
                    if line != HEADER:
                        raise JournalDamaged(f"{self._path} is not a twin's journal of version 1")
                    continue
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise JournalDamaged(f"{self._path}, line {number}: {error}") from error
        os.ftruncate(self._fd, whole)
        if not whole:
            self._write(HEADER)

    def append(self, line: Line) -> None:
        """Write it down.

        Raises:
            OSError: it failed, and from now on `check` does.
        """
        self._write(msgspec.json.encode(line) + b"\n")

    def check(self) -> None:
        """Before anything is served or counted.

        Raises:
            JournalBroken: an earlier write failed, so memory may hold what the file does not.
        """
        if self._broken:
            raise JournalBroken(f"{self._path}: an earlier write failed; start the twin again")

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._fd)

    def _write(self, line: bytes) -> None:
        self._broken = True
        if os.write(self._fd, line) != len(line):
            raise OSError(f"{self._path}: a line was written in part; is the disk full?")
        if self._fsync:
            os.fdatasync(self._fd)
        self._broken = False
