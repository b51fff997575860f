"""Every error that Sagamore raises on purpose, as one tree.

    SagamoreError                   code, and what would be right
    ├── InvalidInput                a field, its value, what would be right: refused at the door
    │   ├── NotEncodable            a value that JSON or SQLite cannot keep unchanged
    │   └── UnknownKind             no actor of that kind is composed into this program
    ├── Refused                     a handler says no to a command: nothing changed (actors subclass it)
    ├── KeyReused                   an idempotency key came again with another body
    ├── CommitRefused               what a command came to cannot be stored: too large, nested too deep
    ├── Overloaded                  come back after `retry_after_ms`; nothing was accepted
    ├── OutcomeUnknown              the partition died under the command; ask again with `idempotency_key`
    ├── Unavailable                 this cannot be served now
    │   ├── PartitionDown           beyond its restart intensity; the others go on
    │   ├── Closed                  the engine is stopping or stopped
    │   └── WrongLoop               used from another event loop, thread or process than the one that opened it
    ├── EntityDamaged               a stored state that cannot be decoded; its partition goes on
    └── DirectoryError              a data directory that must not be opened
        ├── NotADirectoryOfOurs     no manifest: not made by Sagamore
        ├── DirectoryLocked         another process owns it
        ├── NewerFormat             written by a newer release
        ├── CompositionChanged      a partition count or hash differs from the manifest
        ├── FileMissing             a partition's file is not there
        ├── FileDamaged             not a database of ours, truncated or overwritten
        ├── FileOutOfStep           older or newer than its peers: put back from a copy
        └── NotWritable             read-only, or on a network file system

A declined card is a state of an order, not an exception.
"""

from typing import ClassVar


class SagamoreError(Exception):
    """The root; `code` is stable and meant for programs, the text for people."""

    code: ClassVar[str] = "sagamore"
    idempotency_key: str = ""
    """The key of the command that failed, made by the engine if the caller gave none."""


class InvalidInput(SagamoreError):
    """`field` had `value`, which is not `expected`. Nothing was done."""

    code = "invalid_input"

    def __init__(self, field: str, value: object, expected: str) -> None:
        try:
            shown = repr(value)
        except ValueError:  # an integer of more digits than Python will print
            shown = f"a number of {int(value).bit_length()} bits" if isinstance(value, int) else type(value).__name__
        if len(shown) > SHOWN_VALUE_CHARACTERS_MAX:
            shown = shown[:SHOWN_VALUE_CHARACTERS_MAX] + f"… ({len(shown)} characters)"
        super().__init__(f"{field} is {shown}; {expected}")
        self.field, self.value, self.expected = field, value, expected


SHOWN_VALUE_CHARACTERS_MAX = 80  # an error stays one line even when a 10 kB value was refused


class NotEncodable(InvalidInput):
    """A value that would come back changed: U+0000, a lone surrogate, an integer beyond 63 bits, NaN or an infinity."""

    code = "not_encodable"


class UnknownKind(InvalidInput):
    """A message for, or a question about, an actor that this program does not have; or an effect at a provider, or
    under a policy, that it does not have."""

    code = "unknown_kind"


class Refused(SagamoreError):
    """Raised by a handler to answer a command with no. The turn is undone and the refusal is not kept."""

    code = "refused"


class KeyReused(SagamoreError):
    """The idempotency key was used before with another body. Use a new key for a new command."""

    code = "key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key!r} was used before with another body; a new command takes a new key")
        self.key = key


class CommitRefused(SagamoreError):
    """The file took what this came to for its content neither with others nor alone: too large a row, or one nested too
    deep. Nothing was written, and asking again with less may help."""

    code = "commit_refused"

    def __init__(self, cause: str) -> None:
        super().__init__(f"what this came to cannot be stored ({cause}); nothing was done")


class Overloaded(SagamoreError):
    """Refused at the edge, so that what was accepted can finish. Nothing was kept; ask again later."""

    code = "overloaded"

    def __init__(self, what: str, retry_after_ms: int) -> None:
        super().__init__(f"{what}; come back in {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


class OutcomeUnknown(SagamoreError):
    """The command may or may not be durable. Asking again with `idempotency_key` gives the truth."""

    code = "outcome_unknown"

    def __init__(self, address: str, idempotency_key: str) -> None:
        super().__init__(f"{address} died under this command; ask again with idempotency key {idempotency_key!r}")
        self.idempotency_key = idempotency_key


class Unavailable(SagamoreError):
    """Cannot be served now."""

    code = "unavailable"


class PartitionDown(Unavailable):
    """The partition failed more often than its restart intensity allows and stays closed until the next start."""

    code = "partition_down"

    def __init__(self, address: str, cause: str) -> None:
        super().__init__(f"{address} is down ({cause}); health names it, the other partitions go on")
        self.address = address


class Closed(Unavailable):
    """The engine is stopping or stopped."""

    code = "closed"


class WrongLoop(Unavailable):
    """An engine belongs to the event loop, thread and process that opened it."""

    code = "wrong_loop"


class EntityDamaged(SagamoreError):
    """A stored state that its type cannot decode."""

    code = "entity_damaged"

    def __init__(self, address: str, key: str, cause: str) -> None:
        super().__init__(f"{address} {key}: the stored state cannot be decoded ({cause})")
        self.key = key


class DirectoryError(SagamoreError):
    """A data directory that must not be opened as it is."""

    code = "directory"


class NotADirectoryOfOurs(DirectoryError):
    """There are files, but no manifest of ours."""

    code = "not_ours"


class DirectoryLocked(DirectoryError):
    """One process owns a directory."""

    code = "locked"


class NewerFormat(DirectoryError):
    """Written by a newer release of Sagamore than this one."""

    code = "newer_format"


class CompositionChanged(DirectoryError):
    """Partition counts and the hash are fixed when a directory is made."""

    code = "composition_changed"


class FileMissing(DirectoryError):
    """The manifest names a file that is not there."""

    code = "file_missing"


class FileDamaged(DirectoryError):
    """A file that is not a database of ours, or is truncated or overwritten."""

    code = "file_damaged"


class FileOutOfStep(DirectoryError):
    """A file is older or newer than the numbers its peers hold: put back from a copy, perhaps."""

    code = "file_out_of_step"


class NotWritable(DirectoryError):
    """Read-only, or on a file system whose locks and syncs cannot be trusted."""

    code = "not_writable"
