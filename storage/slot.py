"""The slot that names the message whose turn is being taken: a page of a memory-mapped file.

    "address message" in UTF-8, ended by a zero byte; one at the start: no turn is being taken

Written without a sync: it outlives the process, not the machine, and a process that dies with the machine was not
killed by its message. Turns never overlap in one process, so one slot serves all partitions.
"""

import mmap
import os
from pathlib import Path

SLOT_BYTES = 4096  # an address, a scope and an idempotency key of 255 characters each fit, of four bytes each


class FileSlot:
    """The slot of one data directory."""

    def __init__(self, path: Path) -> None:
        with path.open("a+b") as file:
            os.posix_fallocate(file.fileno(), 0, SLOT_BYTES)  # a hole would fault when the disk is full
            self._map = mmap.mmap(file.fileno(), SLOT_BYTES)

    def name(self, address: str, message: str) -> None:
        """This turn begins."""
        text = f"{address} {message}\0".encode()
        if len(text) > SLOT_BYTES:
            text = text[: SLOT_BYTES - 1] + b"\0"
        self._map[: len(text)] = text

    def clear(self) -> None:
        """No turn is being taken."""
        self._map[0] = 0

    def read(self) -> tuple[str, str] | None:
        """The address and message of the turn that was being taken."""
        text = self._map[: self._map.find(b"\0")].decode(errors="ignore")
        if not text:
            return None
        address, _, message = text.partition(" ")
        return address, message

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()
