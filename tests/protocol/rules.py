"""The rules of the protocol as switches. The defaults are the rules (PROTOCOL A); every other value is a reading that
breaks a promise, and `test_mutants.py` shows where (PROTOCOL B)."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One reading of the protocol."""

    # 1. relay and inbox
    takes: str = "next"
    """next: the receiver takes exactly last + 1 | rising: any number above the last"""
    numbers: str = "per stream"
    """per stream: (sender, receiver, lane) | per pair: lanes share one sequence | per sender: one for all"""
    numbered: str = "sealed"
    """sealed: with the batch | in the turn: a turn that raises burns one"""
    next_number: str = "stored"
    """stored: a row of its own | from outbox: highest row + 1, found at open | afresh: rows are renumbered at open"""
    deletes: str = "whole parcels"
    """whole parcels: of this stream, once their last message is acknowledged | begun parcels: once their first is |
    any receiver: every row up to the number"""
    resumes: str = "message"
    """message: after the last one handed over, even inside a parcel | parcel: at the parcel's first message"""
    stale_read: str = "dropped"
    """dropped: what was read from disk before the relay was sent back | offered: and counted as if it were next"""
    duplicate: str = "acknowledged"
    """acknowledged: again, with the committed number | dropped: silently | at sight: before any commit"""
    goes_back: bool = True
    """A relay whose number is refused goes back to the one wanted."""
    handshake: bool = True
    """When either side opens, both go on after the receiver's committed number."""
    idle_flush: bool = True
    """An idle sender commits the deletion of acknowledged rows."""

    # 2. the output gate
    acknowledgements_wait: bool = True
    rows_wait: bool = True
    replies_wait: bool = True
    fresh_waits: bool = True
    """A fresh row stays behind elders on disk."""
    room_wakes: bool = True
    """Room made in a mailbox wakes the relays that wait for it."""

    # 4. reopening
    reopens: str = "after close"
    """after close: of the old connection | beside it: the old commit may land between two reads of the new one"""
    checkpoints_first: bool = True
    """Rows are believed only once they are surely on disk, even after a failed fsync."""
    asks_fail: bool = True
    """The asks of a partition that dies are told so."""

    # 5. client keys
    key_chooses_partition: bool = True
    key_kept: bool = True
    """Key and answer commit with the turn."""
    key_seen_in_batch: bool = True
    """A second ask of the same batch sees the first."""
    error_kept: bool = False
    """A command that raises keeps its key."""

    # 6. poison
    death_counted: bool = True
    slot_cleared: bool = True
    """Between turns the slot names nobody."""
    refused_in_halves: bool = True
    """A batch whose content the journal refuses is retaken in halves."""
    refused_keeps_deletes: bool = True
    """What that batch was to delete is deleted by the next one."""

    # 7. hints
    timer_is_hint: bool = True
    retry_is_hint: bool = True
    retry_numbered: bool = False
    """A retry passes the inbox's check again."""
    parking_advances: bool = True
    """A message that becomes a retry advances the inbox in the same commit."""

    # 8. dead letters
    replay_marked: bool = True
    """The mark "replayed" commits with the replay."""

    # 13. files
    pairs_checked: bool = True
    """At start the numbers of every pair of partitions are compared."""

    # sagas
    undo_waits: bool = True
    """A compensation waits for the answer to what it undoes."""


class Budget(NamedTuple):
    """How many failures may happen at most."""

    process: int = 0
    partition: int = 0
    """A partition dies alone; with a commit under way the outcome is unknown: it has landed or not."""
    raises: int = 0
    again: int = 0
    """A client that has lost patience asks again, under the same key."""
    power: int = 0
    restore: int = 0
    """One file is put back from an older copy."""
