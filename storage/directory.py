"""A data directory: one SQLite file a partition, the manifest, the owner's lock.

    shop/  0700   sagamore.json   owner.lock   turn.slot   orders-0.sqlite   payments-0.sqlite   …

It is made in an order that a death at any point leaves openable or makable again: files, names on disk, manifest last.
Without a manifest only what provably holds nothing is removed: files that no journal ever opened.
"""

import os
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from sagamore.engine.envelope import Address, Stream
from sagamore.engine.errors import (
    FileDamaged,
    FileMissing,
    FileOutOfStep,
    InvalidInput,
    NotADirectoryOfOurs,
    NotWritable,
)
from sagamore.engine.ids import PARTITIONS_MAX
from sagamore.engine.ports import Opened
from sagamore.engine.routes import HASH_NAME
from sagamore.storage import disk, partition_file
from sagamore.storage.journal import SQLiteJournal
from sagamore.storage.lock import LOCK_NAME, OwnerLock
from sagamore.storage.manifest import MANIFEST_NAME, Manifest, addresses, read_manifest, write_manifest
from sagamore.storage.mounts import refuse_network
from sagamore.storage.pairs import check_pairs
from sagamore.storage.reader import Reader
from sagamore.storage.schema import FORMAT
from sagamore.storage.slot import FileSlot

SLOT_NAME = "turn.slot"
# of a directory that is only half made; a fresh volume has "lost+found"
BESIDE_OURS = frozenset((LOCK_NAME, "control.sock", MANIFEST_NAME + disk.NEW, "lost+found"))


class Directory:
    """The engine's Store, owned by this process from `open` to `close`."""

    def __init__(self, path: Path, manifest: Manifest, composed: Mapping[str, int], lock: OwnerLock) -> None:
        self.path = path
        self.manifest = manifest
        self.addresses = tuple(addresses(composed))
        self._lock = lock
        self._journals: dict[Address, SQLiteJournal] = {}

    @classmethod
    def open(cls, path: str | Path, partitions: Mapping[str, int], *, now_ms: int) -> "Directory":
        """Own a directory, making it or adding new kinds to it. Blocks for file work, some milliseconds a partition;
        may run on any thread.

        partitions: every composed kind and its count, 1 to 4096; other kinds of the manifest stay untouched
        Raises every DirectoryError, InvalidInput.
        """
        for kind, count in partitions.items():
            if not 1 <= count <= PARTITIONS_MAX:
                raise InvalidInput(f"partitions[{kind!r}]", count, f"1 to {PARTITIONS_MAX}")
        path = Path(path).absolute()
        try:
            refuse_network(path)
            _make_folder(path)
            if read_manifest(path) is None:
                _remnants(path)  # before so much as a lock is left in a directory of somebody else's
            lock = OwnerLock(path)
            try:
                return cls(path, _prepare(path, partitions, now_ms), partitions, lock)
            except BaseException:
                lock.close()
                raise
        except (OSError, sqlite3.OperationalError) as error:
            raise NotWritable(f"{path} cannot be written: {error}; Sagamore must own its directory") from error

    def journal(self, address: Address) -> SQLiteJournal:
        """A new journal on that partition's file, not yet open. Raises KeyError for a partition that is not there."""
        path = self.path / partition_file.file_name(address)
        journal = self._journals[address] = SQLiteJournal(path, self.manifest.generations[address])
        return journal

    def slot(self) -> FileSlot:
        """The directory's slot, new on the file that the last process left."""
        return FileSlot(self.path / SLOT_NAME)

    def reader(self, address: Address) -> Reader:
        """A new reader of that partition's file, for lists and searches."""
        return Reader(self.path / partition_file.file_name(address))

    def taken(self, address: Address) -> Mapping[Stream, int]:
        """The inbox in the file of a partition that is not composed; empty if its file is not there. Raises
        DirectoryError."""
        path = self.path / partition_file.file_name(address)
        return partition_file.read_inbox(path) if path.exists() else {}

    def opened(self, positions: Mapping[Address, Opened]) -> None:
        """All journals are open: compare their numbers, and record the generations of the files. Raises
        FileOutOfStep, OSError."""
        check_pairs(positions, self.path)
        self.record_generations()

    def record_generations(self) -> None:
        """Bring the manifest up to the files: two syncs, none if nothing was opened since. A partition that is opened
        again later may be left for the next start to record."""
        opened = {address: journal.generation for address, journal in self._journals.items() if journal.generation}
        manifest = self.manifest.with_generations(opened)
        if manifest != self.manifest:
            write_manifest(self.path, manifest)
            self.manifest = manifest

    def free_bytes(self) -> int:
        """What is left of the disk to this process."""
        return shutil.disk_usage(self.path).free

    def close(self) -> None:
        """Give the directory up; after its journals are closed."""
        self._lock.close()


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    if path.exists():
        raise NotADirectoryOfOurs(f"{path} is a file; a data directory was expected")
    if not path.parent.is_dir():
        raise NotWritable(f"{path} cannot be made: {path.parent} is not there; make it first, or correct the path")
    path.mkdir(mode=0o700)
    disk.sync(path.parent)


def _prepare(path: Path, partitions: Mapping[str, int], now_ms: int) -> Manifest:
    """Check what is there and make what is not; the manifest, written last, knows all of it."""
    stored = read_manifest(path)
    if stored is None:
        for remnant in _remnants(path):
            partition_file.remove(remnant)
        os.chmod(path, 0o700)
        known = Manifest(FORMAT, HASH_NAME, {}, {}, now_ms)
    else:
        known = stored
    manifest = known.with_partitions(partitions)
    fresh = []
    for address in addresses(partitions):
        file = path / partition_file.file_name(address)
        if address in known.generations:
            partition_file.require_step(file, partition_file.read_position(file).generation, known.generations[address])
        elif file.exists() and not partition_file.read_position(file).fresh:
            raise FileOutOfStep(
                f"{path / MANIFEST_NAME} is older than {file.name}: it does not know of it, and there is data in it;"
                " put back the whole directory from one copy, never single files"
            )
        else:
            fresh.append(file)
    for file in fresh:
        partition_file.make(file)
    if fresh:
        disk.sync(path)
    if manifest != stored:
        write_manifest(path, manifest)
    return manifest


def _remnants(path: Path) -> list[Path]:
    """The databases that a creation which died half-way left in a directory without a manifest. Raises
    NotADirectoryOfOurs if anything else is there, FileMissing if there is data."""
    found = set()
    for entry in path.iterdir():
        name = partition_file.NAME.fullmatch(entry.name)
        if name is not None:
            found.add(path / (name["database"] + (name["new"] or "")))
        elif entry.name not in BESIDE_OURS:
            raise NotADirectoryOfOurs(
                f"{path} has no {MANIFEST_NAME}, but {entry.name}: it was not made by Sagamore; name another directory,"
                " or an empty one"
            )
    for database in sorted(found):
        if database.name.endswith(disk.NEW):
            continue
        try:
            fresh = partition_file.read_position(database).fresh
        except FileDamaged as error:
            raise NotADirectoryOfOurs(
                f"{path} has no {MANIFEST_NAME}, and {database.name} is no file of ours; name another directory"
            ) from error
        if not fresh:
            raise FileMissing(
                f"{path / MANIFEST_NAME} is missing, and {database.name} holds data; put the manifest back with the"
                " whole directory it belongs to"
            )
    return sorted(found)
