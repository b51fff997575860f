"""The slot that names the message whose turn is being taken: a page of a memory-mapped file.

    2 bytes length, then "address message", UTF-8; length 0: no turn is being taken

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
        text = f"{address} {message}".encode()[: SLOT_BYTES - 2]
        self._map[: 2 + len(text)] = len(text).to_bytes(2, "big") + text

    def clear(self) -> None:
        """No turn is being taken."""
        self._map[0:2] = b"\0\0"

    def read(self) -> tuple[str, str] | None:
        """The address and message of the turn that was being taken."""
        length = int.from_bytes(self._map[0:2], "big")
        if not length:
            return None
        address, _, message = self._map[2 : 2 + length].decode(errors="ignore").partition(" ")
        return address, message

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()
