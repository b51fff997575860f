"""Whether the numbers of every pair of partitions fit (PROTOCOL 13, B15): a file put back alone from an old copy would
give numbers again that its receivers have seen, and they would drop the messages as duplicates.

For the stream from a to b, with what a may have deleted on the left and what it has numbered on the right:

    a.acknowledged <= b.inbox <= a.next - 1

An acknowledgement is a number that b has committed, and a number that b has taken was committed by a before it left; so
no death can break this, and only the older file of the two can be behind.
"""

from collections.abc import Mapping
from pathlib import Path

from sagamore.engine.envelope import Address
from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.ports import Opened
from sagamore.storage.partition_file import file_name


def check_pairs(opened: Mapping[Address, Opened], directory: Path = Path()) -> None:
    """Raise FileOutOfStep, naming the file that is older than its peer. Partitions that are not open are not judged."""
    streams = {
        (sender, receiver, lane)
        for sender, position in opened.items()
        for receiver, lane in position.next_numbers
        if receiver in opened
    } | {
        (sender, receiver, lane)
        for receiver, position in opened.items()
        for sender, lane in position.inbox
        if sender in opened
    }
    for sender, receiver, lane in sorted(streams):
        numbered = opened[sender].next_numbers.get((receiver, lane), 1) - 1
        acknowledged = opened[sender].acknowledged.get((receiver, lane), 0)
        undeliverable = opened[sender].undeliverable.get((receiver, lane), 0)
        taken = max(opened[receiver].inbox.get((sender, lane), 0), undeliverable)
        if taken > numbered:
            raise _older(directory, sender, receiver, f"has taken {taken} messages from it, it knows of {numbered}")
        if taken < acknowledged:
            raise _older(directory, receiver, sender, f"had {acknowledged} messages taken by it, it knows of {taken}")


def _older(directory: Path, older: Address, peer: Address, evidence: str) -> FileOutOfStep:
    return FileOutOfStep(
        f"{directory / file_name(older)} is older than {file_name(peer)}, which {evidence}; put back the whole"
        " directory from one copy, never single files"
    )
