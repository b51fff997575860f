"""One partition's file before a journal opens it: its name, its making, and what it says of itself.

Nothing here opens a database file but through SQLite: closing any descriptor of one would drop the locks that this
process's own connections hold on it (sqlite.org/howtocorrupt.html, 2.2).
"""

import contextlib
import os
import re
import sqlite3
from pathlib import Path

import msgspec

from sagamore.engine.envelope import Address, Stream, kind_of, partition_of
from sagamore.engine.errors import FileDamaged, FileOutOfStep, NewerFormat
from sagamore.storage import disk, schema
from sagamore.storage.failures import as_directory_error, missing

NAME = re.compile(r"(?P<database>[a-z0-9_]+-[0-9]+\.sqlite)(?P<new>\.new)?(-wal|-shm|-journal)?")


class Position(msgspec.Struct, frozen=True):
    """What a file's meta table says."""

    turn: int
    generation: int
    clean: int
    taken_turn: int
    """The last turn before the last unclean end."""

    @property
    def fresh(self) -> bool:
        """No journal ever opened the file: there is nothing in it."""
        return self.generation == 0


def file_name(address: Address) -> str:
    """`orders-0.sqlite` for `orders/0`."""
    return f"{kind_of(address)}-{partition_of(address)}.sqlite"


def make(path: Path) -> None:
    """Make an empty file; it bears its name only when it is whole and on disk. The caller syncs the directory.
    Raises OSError, sqlite3.OperationalError."""
    new = path.with_name(path.name + disk.NEW)
    remove(new)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA synchronous=OFF; BEGIN; {schema.TABLES} PRAGMA application_id={schema.APPLICATION_ID};"
            f"PRAGMA user_version={schema.FORMAT}; COMMIT; PRAGMA journal_mode=WAL;"
        )
    disk.sync(new)
    remove(path)
    os.rename(new, path)


def remove(path: Path) -> None:
    """Remove a database and what SQLite keeps beside it; the database last, so that half of this can be done again."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def read_position(path: Path) -> Position:
    """What a file says of itself, read without changing it. Raises FileMissing, FileDamaged (no database of ours,
    overwritten, truncated), NewerFormat, NotWritable."""
    if not path.exists():
        raise missing(path)
    wal = path.with_name(path.name + "-wal")
    settled = not wal.exists() or wal.stat().st_size == 0
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            require_ours(
                path,
                connection.execute("PRAGMA application_id").fetchone()[0],
                connection.execute("PRAGMA user_version").fetchone()[0],
            )
            if settled:
                pages = connection.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
                require_whole(path, pages.fetchone()[0])
            return msgspec.convert(dict(connection.execute("SELECT name, value FROM meta").fetchall()), Position)
    except (sqlite3.Error, msgspec.ValidationError) as error:
        raise as_directory_error(path, error) from error


def read_inbox(path: Path) -> dict[Stream, int]:
    """The number of the last message taken from each sender in each lane. Raises FileDamaged, NotWritable."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return {(sender, lane): last for sender, lane, last in connection.execute("SELECT * FROM inbox")}
    except sqlite3.Error as error:
        raise as_directory_error(path, error) from error


def require_ours(path: Path, application_id: int, version: int) -> None:
    """Raise FileDamaged or NewerFormat for a header that is not this release's."""
    if application_id != schema.APPLICATION_ID:
        raise FileDamaged(f"{path} is no file of ours: overwritten? Put back the whole directory from a copy")
    if version > schema.FORMAT:
        raise NewerFormat(f"{path} has format {version}, this release reads up to {schema.FORMAT}")
    if version < schema.FORMAT:
        raise FileDamaged(f"{path} has format {version}, which never was; put back the whole directory from a copy")


def require_whole(path: Path, expected_bytes: int) -> None:
    """Raise FileDamaged for a file whose end is cut off; true only of one whose WAL is empty."""
    size = path.stat().st_size
    if size < expected_bytes:
        raise FileDamaged(
            f"{path} is truncated: {size} of {expected_bytes} bytes are there; put back the whole directory from a copy"
        )


def require_step(path: Path, found: int, recorded: int) -> None:
    """Raise FileOutOfStep if a file's generation is neither the recorded one nor one above (`manifest.py`)."""
    if not recorded <= found <= recorded + 1:
        raise FileOutOfStep(
            f"{path} is {'older' if found < recorded else 'newer'} than the manifest: it has seen {found} starts, the"
            f" manifest knows of {recorded}; put back the whole directory from one copy, never single files"
        )
