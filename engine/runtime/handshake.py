"""What two partitions say to each other when one of them opens: the number after which each goes on (PROTOCOL 1, 2).

What the sender believes of the past dies with either side: its stream goes on after what the receiver has committed,
and of what waits for an address that does not exist, after what that had taken while it did.
"""

from collections.abc import Callable, Mapping

from sagamore.engine.envelope import Address, Stream
from sagamore.engine.runtime.partition import Partition


def shake_hands(opened: Partition, peer: Partition, now_ms: int) -> None:
    """One side has just opened; the other may be itself."""
    sides = ((opened, opened),) if peer is opened else ((opened, peer), (peer, opened))
    for receiver, sender in sides:
        _pass_over(receiver, sender)
    for receiver, sender in sides:
        sender.relay.reset(receiver.address, _committed_from(sender.address, receiver), now_ms)
        sender.look_again()


def leave_to_nobody(
    sender: Partition, exists: Callable[[Address], bool], taken: Callable[[Address], Mapping[Stream, int]]
) -> None:
    """Of what waits for receivers that do not exist, not what they had `taken` while they did."""
    for (receiver, lane), number in sender.opened.next_numbers.items():
        waits = sender.opened.acknowledged.get((receiver, lane), 0) < number - 1
        if waits and not exists(receiver):
            sender.acknowledged(receiver, lane, taken(receiver).get((sender.address, lane), 0))


def _pass_over(receiver: Partition, sender: Partition) -> None:
    """Messages sent while no program had this actor are dead letters: go on after them."""
    for (address, lane), number in sender.opened.undeliverable.items():
        stream = (sender.address, lane)
        if address == receiver.address and number > receiver.committed.inbox.get(stream, 0):
            receiver.committed.inbox[stream] = number


def _committed_from(sender: Address, receiver: Partition) -> dict[int, int]:
    """Per lane the last number that the receiver has committed."""
    return {lane: last for (address, lane), last in receiver.committed.inbox.items() if address == sender}
