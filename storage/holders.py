"""Who keeps a WAL from being checked in: the processes that hold a snapshot of it, read from /proc/locks.

SQLite marks a snapshot by a shared lock on one of five bytes of the `-shm` file (sqlite.org/walformat.html, 2.3.2):

    12: POSIX  ADVISORY  READ  4711 fe:00:131077 124 124
                               pid  device:inode first last

The file itself must not be opened to look: closing any descriptor of it would drop this process's own locks.
"""

import os
from pathlib import Path

LOCKS = Path("/proc/locks")
FIRST_READ_LOCK, LAST_READ_LOCK = 123, 127


def snapshot_holders(database: Path) -> list[int]:
    """The pids of the processes, this one included, that read `database` just now; none where /proc is not told."""
    try:
        of_file = os.stat(f"{database}-shm")
        locks = LOCKS.read_text()
    except FileNotFoundError:
        return []
    file = f"{os.major(of_file.st_dev):02x}:{os.minor(of_file.st_dev):02x}:{of_file.st_ino}"
    pids = set()
    for line in locks.splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[3] == "READ" and fields[5] == file:
            first, last = int(fields[6]), int(fields[7].replace("EOF", str(LAST_READ_LOCK)))
            if first <= LAST_READ_LOCK and last >= FIRST_READ_LOCK:
                pids.add(int(fields[4]))
    return sorted(pids)
