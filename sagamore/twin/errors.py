"""What the twin raises on purpose. A declined card is not an error: it is an answer.

TwinError
├── Rejected            refused at the door, before anything ran: never stored, so the same key may come again
├── JournalDamaged      the file is not the twin's, or a line other than a torn last one cannot be read
├── JournalLocked       another twin writes this file
└── JournalBroken       an earlier write failed: memory is ahead of the disk, nothing more is answered
"""

from typing import ClassVar


class TwinError(Exception):
    """The root."""

    code: ClassVar[str] = "twin"


class Rejected(TwinError):
    """Becomes an HTTP answer: `status`, {"code", "message"}, and Retry-After where it names a time."""

    def __init__(self, status: int, code: str, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.retry_after_ms = status, code, message, retry_after_ms


class JournalDamaged(TwinError):
    """Names the file and the line."""

    code = "journal_damaged"


class JournalLocked(TwinError):
    """Names the file."""

    code = "journal_locked"


class JournalBroken(TwinError):
    """Names the file; start the twin again."""

    code = "journal_broken"
