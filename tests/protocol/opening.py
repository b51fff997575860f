"""How partitions open: what they believe of their files, and how they agree with the others on where to go on."""

from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.ports import Opened
from sagamore.storage.pairs import check_pairs
from tests.protocol.explore import Violation
from tests.protocol.relay import Relay
from tests.protocol.rules import Rules
from tests.protocol.state import Disk, Memory, Scenario, World, put


class Opening:
    """The start of the process, and of one partition alone."""

    def __init__(self, rules: Rules, scenario: Scenario, relay: Relay) -> None:
        self.rules, self.scenario, self.relay = rules, scenario, relay
        self.everyone = range(len(scenario.partitions))

    def start(self, world: World) -> World:
        """The process starts: count who died in a turn, compare the files, open them all."""
        if world.slot is not None and self.rules.death_counted:
            p, message = world.slot
            disk = world.disks[p]
            disk = disk._replace(deaths=tuple(sorted((*disk.deaths, message))))
            world = world._replace(disks=put(world.disks, p, disk))
        world = world._replace(slot=None)
        if self.rules.pairs_checked:
            try:
                check_pairs({f"{self.scenario.partitions[p]}/0": self._opened(world.disks[p]) for p in self.everyone})
            except FileOutOfStep as error:
                if not world.restored:
                    raise Violation(f"files that belong together are refused: {error}") from error
                return world._replace(refused=True)
        return self.open(world, *self.everyone)

    def _opened(self, disk: Disk) -> Opened:
        """What the storage reads from a file, for its own check."""
        lanes = self.scenario.lanes
        streams = {(f"{self.scenario.partitions[n // lanes]}/0", n % lanes): n for n in range(len(disk.next))}
        return Opened(
            turn=0, clean=False, backlog={}, alerts=[], deaths={}, effects={}, retries=0, timers=0,
            inbox={stream: disk.inbox[n] for stream, n in streams.items() if disk.inbox[n]},
            next_numbers={stream: disk.next[n] for stream, n in streams.items() if disk.next[n] > 1},
            acknowledged={stream: self._acked(disk, n) for stream, n in streams.items() if disk.next[n] > 1},
        )  # fmt: skip

    def _acked(self, disk: Disk, sequence: int) -> int:
        rows = [row.first for row in disk.outbox if self.relay.sequence(row.receiver, row.lane) == sequence]
        return min(rows, default=disk.next[sequence]) - 1

    def open(self, world: World, *opening: int) -> World:
        """New incarnations, and their handshakes with everyone who is up."""
        for p in opening:
            disk = self._found(world.disks[p])
            if self.rules.checkpoints_first:
                world = world._replace(unsynced=put(world.unsynced, p, None))
            acked = tuple(self._acked(disk, sequence) for sequence in range(len(disk.next)))
            memory = Memory((), (), None, acked, acked, (False,) * len(acked), frozenset())
            world = world._replace(disks=put(world.disks, p, disk), memories=put(world.memories, p, memory))
        for p in opening:
            for other in self.everyone:
                world = self.relay.shake_hands(world, p, other) if world.memories[other] else world
                world = self.relay.shake_hands(world, other, p) if world.memories[other] else world
        return world

    def _found(self, disk: Disk) -> Disk:
        """Readings in which a reopened partition makes its numbers up again."""
        if self.rules.next_number == "from outbox":
            found = [1] * len(disk.next)
            for row in disk.outbox:
                found[self.relay.sequence(row.receiver, row.lane)] = row.last + 1
            return disk._replace(next=tuple(found))
        if self.rules.next_number == "afresh":
            found, rows = list(disk.next), []
            for row in disk.outbox:
                sequence = self.relay.sequence(row.receiver, row.lane)
                first, found[sequence] = found[sequence], found[sequence] + len(row.messages)
                rows.append(row._replace(first=first, last=found[sequence] - 1))
            return disk._replace(next=tuple(found), outbox=tuple(rows))
        return disk
