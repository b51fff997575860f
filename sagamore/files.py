"""Read-only connections to the files of a directory, by kind: for lists, stories and the audit.

Each reader has a thread of its own and opens its file when first asked, so that a long list never delays a commit.
Works beside the owner, in another process, and on a stopped directory.
"""

from pathlib import Path

from sagamore.engine.envelope import Address, kind_of
from sagamore.engine.errors import NotADirectoryOfOurs
from sagamore.storage.manifest import addresses, read_manifest
from sagamore.storage.partition_file import file_name
from sagamore.storage.reader import Reader


class Files:
    """The readers of one directory. Raises NotADirectoryOfOurs if it is none of ours."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise NotADirectoryOfOurs(f"{path} is no data directory of Sagamore; name one that was made by opening it")
        self.path = path
        self.partitions = dict(manifest.partitions)
        self.readers: dict[Address, Reader] = {
            address: Reader(path / file_name(address)) for address in addresses(manifest.partitions)
        }

    def of(self, kind: str) -> list[Reader]:
        """The readers of all partitions of a kind; none if the directory has no such kind."""
        return [reader for address, reader in self.readers.items() if kind_of(address) == kind]

    async def close(self) -> None:
        """Close what was opened."""
        for reader in self.readers.values():
            await reader.close()
