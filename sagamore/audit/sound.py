"""The law of files: SQLite finds every file sound, also the pages that no other law reads.

`PRAGMA integrity_check` walks every tree of a file and holds each index against its table: 1.5 s for 400 MB, in one
snapshot, during which a running owner's WAL is not checked in. What it cannot see: a free page, in which there is
nothing, and a changed byte within a value, since SQLite keeps no checksums; such values are for the other laws.
"""

from sagamore.audit.law import EXAMPLES_MAX
from sagamore.audit.pages import Pages
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.errors import FileDamaged


async def check_files(pages: Pages, verdicts: Verdicts) -> None:
    """Have SQLite look through every file."""
    check = verdicts.files
    for reader in pages.readers.values():
        check.count("files")
        check.count("pages", await reader.page_count())
        try:
            for problem in await reader.unsound(EXAMPLES_MAX):
                check.breach(f"{reader.path.name}: {problem}")
        except FileDamaged as error:  # so damaged that SQLite gives up; the other laws may not need that page
            check.breach(str(error))
