"""The manifest `sagamore.json`: what a data directory is made of. Written last, so a directory without one is not made.

    {"format": 1, "hash": "blake2b-64", "partitions": {"orders": 1}, "generations": {"orders/0": 3}, "made_at_ms": …}

`generations` holds what each file's own generation was when it was last recorded: how many starts the file has seen.
An open sets the file's to one above the recorded, however often it is tried; recording, when all files are open, makes
them equal. So at every instant, whatever dies and wherever, a file is at its recorded generation or one above, and any
other was put back from a copy.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sagamore.engine.envelope import Address, address_of
from sagamore.engine.errors import CompositionChanged, FileDamaged, NewerFormat, NotWritable
from sagamore.engine.routes import HASH_NAME
from sagamore.storage import disk
from sagamore.storage.schema import FORMAT

MANIFEST_NAME = "sagamore.json"


class _Head(msgspec.Struct):
    format: int


class Manifest(msgspec.Struct, frozen=True):
    """`made_at_ms` is for people."""

    format: int
    hash: str
    partitions: dict[str, int]
    generations: dict[Address, int]
    made_at_ms: int

    def with_partitions(self, partitions: Mapping[str, int]) -> "Manifest":
        """This manifest with kinds that it does not have yet. Raises CompositionChanged."""
        if self.hash != HASH_NAME:
            raise CompositionChanged(f"keys are spread here by the hash {self.hash!r}; this program has {HASH_NAME!r}")
        for kind, count in partitions.items():
            made = self.partitions.get(kind, count)
            if made != count:
                raise CompositionChanged(
                    f"{kind} was made with {made} partition{'s'[: made != 1]}, this program asks for {count}; a count"
                    " never changes in place: set it back, or make a new directory"
                )
        new = dict.fromkeys(addresses({k: n for k, n in partitions.items() if k not in self.partitions}), 0)
        return msgspec.structs.replace(
            self, partitions=self.partitions | dict(partitions), generations=self.generations | new
        )

    def with_generations(self, generations: Mapping[Address, int]) -> "Manifest":
        """This manifest with the generations that files are known to have."""
        return msgspec.structs.replace(self, generations=self.generations | dict(generations))


def addresses(partitions: Mapping[str, int]) -> list[Address]:
    """All partitions of all kinds."""
    return [address_of(kind, n) for kind, count in partitions.items() for n in range(count)]


def read_manifest(directory: Path) -> Manifest | None:
    """None if there is none. Raises NewerFormat, FileDamaged, NotWritable."""
    path = directory / MANIFEST_NAME
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        raise FileDamaged(f"{path} is no manifest but a directory; put back the whole directory from a copy") from error
    except OSError as error:
        raise NotWritable(f"{path} cannot be read: {error}; Sagamore must be able to read its files") from error
    try:
        if (found := msgspec.json.decode(content, type=_Head).format) > FORMAT:
            raise NewerFormat(f"{directory} has format {found}, this release reads up to {FORMAT}; use a newer release")
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise FileDamaged(f"{path} is no manifest: {error}; put back the whole directory from a copy") from error
    if manifest.generations.keys() != set(addresses(manifest.partitions)):
        raise FileDamaged(f"{path}: generations and partitions disagree; put back the whole directory from a copy")
    return manifest


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Replace the manifest; there is always the old one or the new one."""
    disk.replace(directory / MANIFEST_NAME, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
