"""Files that survive a power cut: nobody relies on a file or a name before it is on disk.

A file is written under a name that ends in `.new`, synced, renamed, and then its directory is synced. What bears its
final name is therefore whole, and what ends in `.new` is a remnant that anyone who owns the directory may remove.
"""

import os
from pathlib import Path

NEW = ".new"


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a directory's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Write a whole file in place of the one of that name; afterwards there is the old one or the new one."""
    new = path.with_name(path.name + NEW)
    new.write_bytes(content)
    sync(new)
    os.rename(new, path)
    sync(path.parent)
