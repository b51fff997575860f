"""The owner's lock: `flock` on `owner.lock`, held open for as long as the directory is owned.

The kernel drops the lock when the last descriptor goes, however the process ends, so it is never stale. The pid in the
file is only there for the second opener's error; nothing is decided by it. The file is never removed: two processes
could then each lock one of their own.
"""

import fcntl
import os
from pathlib import Path

from sagamore.engine.errors import DirectoryLocked

LOCK_NAME = "owner.lock"


def owner_pid(directory: Path) -> int | None:
    """The last that owned it, to be named where one is known to own it now; None where the file does not say."""
    try:
        return int((directory / LOCK_NAME).read_text())
    except (OSError, ValueError):
        return None


class OwnerLock:
    """Held from construction to `close`."""

    def __init__(self, directory: Path) -> None:
        """Raises DirectoryLocked if another process, or another opener in this one, holds it; OSError if the file
        cannot be written."""
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            os.close(descriptor)
            owner = owner_pid(directory)
            raise DirectoryLocked(
                f"{directory} is owned by {f'process {owner}' if owner else 'another process'}; one process owns a"
                " directory: stop that one (and what it forked), or let it do the work"
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def close(self) -> None:
        """Give the directory up; again is nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
