"""The relay between partitions, as engine/runtime/relay.py does it: per stream `handed` and `acked`, fresh parcels from
memory, elders from disk. Functions from world to world; nothing here touches a disk."""

from collections.abc import Iterable

from tests.protocol.rules import Rules
from tests.protocol.state import Delivery, Disk, Memory, Parcel, Read, Scenario, Sealed, World, put

Offer = tuple[int, int, Parcel]
"""Which message of which parcel, by number and by its place in it."""


class Relay:
    """The sending side of all partitions."""

    def __init__(self, rules: Rules, scenario: Scenario) -> None:
        self.rules, self.scenario = rules, scenario

    def sequence(self, other: int, lane: int) -> int:
        """Where numbers run."""
        return other * self.scenario.lanes + (lane if self.rules.numbers != "per pair" else 0)

    def room(self, memory: Memory, lane: int) -> int:
        """How many messages of that lane fit."""
        return self.scenario.capacity - sum(isinstance(item, Delivery) and item.lane == lane for item in memory.mailbox)

    # --- handing over ---

    def release(self, world: World, sender: int, parcels: Iterable[Parcel]) -> World:
        """A commit made these durable: hand over what is next in its stream."""
        for parcel in parcels:
            memory = world.memories[sender]
            assert memory is not None
            sequence = self.sequence(parcel.receiver, parcel.lane)
            is_next = memory.handed[sequence] == parcel.first - 1 and not memory.blocked[sequence]
            if is_next or self.rules.numbers == "per sender":
                world = self._offer(world, sender, parcel.receiver, parcel.lane, _offers([parcel]))
            elif not self.rules.fresh_waits:
                world = self._offer(world, sender, parcel.receiver, parcel.lane, _offers([parcel]), jumps=True)
        return world

    def waiting(self, memory: Memory, disk: Disk) -> list[tuple[int, int]]:
        """Streams (receiver, lane) with rows on disk that are not handed over."""
        streams = []
        for parcel in disk.outbox:
            sequence = self.sequence(parcel.receiver, parcel.lane)
            stream = (parcel.receiver, parcel.lane if self.rules.numbers != "per pair" else 0)
            if parcel.last > memory.handed[sequence] and not memory.blocked[sequence] and stream not in streams:
                streams.append(stream)
        return streams

    def read(self, memory: Memory, disk: Disk, receiver: int, lane: int) -> Read:
        """The elders of a stream, from disk."""
        sequence = self.sequence(receiver, lane)
        rows = (
            parcel
            for parcel in disk.outbox
            if self.sequence(parcel.receiver, parcel.lane) == sequence and parcel.last > memory.handed[sequence]
        )
        after = memory.handed[sequence] if self.rules.resumes == "message" else 0
        return Read(receiver, lane, after, tuple(rows))

    def hand_over(self, world: World, sender: int, read: Read) -> World:
        """What was read, if it is still what comes next: meanwhile the relay may have been sent back."""
        memory = world.memories[sender]
        assert memory is not None
        moved = memory.handed[self.sequence(read.receiver, read.lane)] != read.after
        if moved and self.rules.stale_read == "dropped" and self.rules.resumes == "message":
            return world
        offers = [offer for offer in _offers(read.parcels) if offer[0] > read.after]
        return self._offer(world, sender, read.receiver, read.lane, offers)

    def _offer(
        self, world: World, sender: int, receiver: int, lane: int, offers: list[Offer], *, jumps: bool = False
    ) -> World:
        memories, sequence, taken = world.memories, self.sequence(receiver, lane), 0
        for number, place, parcel in offers:
            memory = memories[receiver]
            if memory is None:
                break
            delivery = Delivery(sender, parcel.lane, number, parcel.messages[place], parcel.nth + place)
            if self.rules.duplicate == "at sight" and self._known(memory, delivery):
                memories = self._acknowledged(memories, receiver, sender, lane, number)
            elif self.room(memory, parcel.lane) > 0:
                memories = put(memories, receiver, memory._replace(mailbox=(*memory.mailbox, delivery)))
            else:
                break
            taken += 1
        own = memories[sender]
        assert own is not None
        up_to = own.handed[sequence] + taken
        if taken and (jumps or self.rules.numbers == "per sender"):
            up_to = offers[taken - 1][0]
        blocked = own.blocked[sequence] or taken < len(offers)
        own = own._replace(handed=put(own.handed, sequence, up_to), blocked=put(own.blocked, sequence, blocked))
        return world._replace(memories=put(memories, sender, own))

    def _known(self, memory: Memory, delivery: Delivery) -> bool:
        waits = any(item[:3] == delivery[:3] for item in memory.mailbox if isinstance(item, Delivery))
        sequence = self.sequence(delivery.sender, delivery.lane)
        taking = isinstance(memory.stage, Sealed) and memory.stage.disk.inbox[sequence] >= delivery.number
        return waits or taking

    # --- what receivers say ---

    def answer(self, world: World, receiver: int, sealed: Sealed) -> World:
        """Acknowledge what a batch took, and say what was wanted instead of what it refused."""
        memories = world.memories
        for sender, lane in sorted(sealed.acknowledge):
            number = sealed.disk.inbox[self.sequence(sender, lane)]
            memories = self._acknowledged(memories, receiver, sender, lane, number)
        for sender, lane in sorted(sealed.rewind) if self.rules.goes_back else ():
            memory = memories[sender]
            if memory is not None:
                sequence = self.sequence(receiver, lane)
                number = max(sealed.disk.inbox[self.sequence(sender, lane)], memory.acked[sequence])
                memory = memory._replace(
                    handed=put(memory.handed, sequence, number), blocked=put(memory.blocked, sequence, False)
                )
                memories = put(memories, sender, memory)
        return world._replace(memories=memories)

    def _acknowledged(
        self, memories: tuple[Memory | None, ...], receiver: int, sender: int, lane: int, number: int
    ) -> tuple[Memory | None, ...]:
        memory, sequence = memories[sender], self.sequence(receiver, lane)
        if memory is None or number <= memory.acked[sequence]:
            return memories
        memory = memory._replace(
            acked=put(memory.acked, sequence, number),
            handed=put(memory.handed, sequence, max(number, memory.handed[sequence])),
            deletable=memory.deletable | {sequence},
        )
        return put(memories, sender, memory)

    def room_made(self, world: World, receiver: int) -> World:
        """Wake the relays that wait for it."""
        memories = world.memories
        for sender, memory in enumerate(memories if self.rules.room_wakes else ()):
            if memory is not None:
                for sequence in range(receiver * self.scenario.lanes, (receiver + 1) * self.scenario.lanes):
                    memory = memory._replace(blocked=put(memory.blocked, sequence, False))
                memories = put(memories, sender, memory)
        return world._replace(memories=memories)

    def shake_hands(self, world: World, sender: int, receiver: int) -> World:
        """One of them has opened: go on after the receiver's committed numbers."""
        memories = world.memories
        for lane in range(self.scenario.lanes):
            sequence = self.sequence(receiver, lane)
            number = world.disks[receiver].inbox[self.sequence(sender, lane)]
            if self.rules.handshake:
                memories = self._acknowledged(memories, receiver, sender, lane, number)
            memory = memories[sender]
            if memory is not None:
                handed = put(memory.handed, sequence, number) if self.rules.handshake else memory.handed
                memory = memory._replace(handed=handed, blocked=put(memory.blocked, sequence, False))
                memories = put(memories, sender, memory)
        return world._replace(memories=memories)


def _offers(parcels: Iterable[Parcel]) -> list[Offer]:
    return [
        (number, place, parcel)
        for parcel in parcels
        for place, number in enumerate(range(parcel.first, parcel.last + 1))
    ]
