"""What SQLite says of a file, as one of our errors: not there, not ours to write, or damaged."""

import sqlite3
from pathlib import Path

from sagamore.engine.errors import DirectoryError, FileDamaged, FileMissing, NotWritable

_NOT_THE_FILE = frozenset(
    (
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
    )
)  # fmt: skip


def as_directory_error(path: Path, error: Exception) -> DirectoryError:
    """The named error for what opening or reading a partition's file raised. A full or failing disk never advises to
    put back a copy, and a mistake of the caller's (ProgrammingError) is raised as it is."""
    if isinstance(error, sqlite3.ProgrammingError):
        raise error
    if not path.exists():
        return missing(path)
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # the upper bits are details
    if code in _NOT_THE_FILE:
        return NotWritable(f"{path} cannot be used: {error}; Sagamore must be able to read and write its files")
    return FileDamaged(f"{path} is damaged: {error}; put back the whole directory from a copy")


def missing(path: Path) -> FileMissing:
    """The error for a file that the manifest names."""
    return FileMissing(f"{path} is missing; put it back with the whole directory it belongs to, never alone")
