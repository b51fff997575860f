"""The model of the protocol: partitions in one process, their files, their clients, and what may fail.

A batch is two steps: *takes* (turns, and the commit begins) and *commits* (it is on disk, and what waited for it
leaves, at once: nothing stands between the answer of the file's thread and the dispatch). Between them everyone else
may act, and anything may die, with the commit landed or not.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

from sagamore.engine.errors import FileOutOfStep
from sagamore.engine.ports import Opened
from sagamore.storage.pairs import check_pairs
from tests.protocol.batch import Batch, DiesInTurn, show
from tests.protocol.explore import Step, Violation
from tests.protocol.promises import judge
from tests.protocol.relay import Relay
from tests.protocol.rules import Rules
from tests.protocol.state import (
    Ask,
    Delivery,
    Disk,
    Item,
    Memory,
    Read,
    RetryHint,
    Scenario,
    Sealed,
    TimerHint,
    World,
    put,
)

HINTS_MAX = 2  # of one row in a mailbox: two scans of the disk may find it


class Protocol:
    """One scenario under one reading of the rules."""

    def __init__(self, scenario: Scenario, rules: Rules | None = None) -> None:
        self.scenario, self.rules = scenario, rules or Rules()
        self.relay = Relay(self.rules, scenario)
        self.everyone = range(len(scenario.partitions))

    def initial(self) -> World:
        """Everything open, nothing done."""
        places = len(self.everyone) * self.scenario.lanes
        none = (0,) * places
        disk = Disk((), none, (1,) * places, (), (), (), (), (), ((),) * places, none)
        asks = tuple(("asks", self.scenario.partitions.index(ask[0])) for ask in self.scenario.asks)
        nobody = (None,) * len(self.everyone)
        world = World((disk,) * len(nobody), nobody, asks, self.scenario.budget, unsynced=nobody)
        return self._open(world, *self.everyone)

    def judge(self, world: World) -> None:
        """Nothing but a failure can happen any more."""
        if not world.refused:
            judge(self.scenario, world)

    def steps(self, world: World) -> Iterator[Step]:
        """Everything that can happen next."""
        if world.refused:
            return
        yield from self._clients(world)
        if all(memory is None for memory in world.memories):
            yield Step("the process starts", partial(self._start, world))
        for p, memory in enumerate(world.memories):
            if memory is not None:
                yield from self._partition(world, p, memory)
            elif any(world.memories):
                yield Step(f"{self._name(p)} opens", partial(self._open, world, p))
        yield from self._failures(world)

    def _name(self, p: int) -> str:
        return self.scenario.partitions[p]

    # --- clients ---

    def _clients(self, world: World) -> Iterator[Step]:
        for client, (state, p) in enumerate(world.clients):
            memory = world.memories[p]
            waits = state == "waits" and bool(world.left.again)
            if memory is None or not (state == "asks" or waits):
                continue
            memory = memory._replace(mailbox=(*memory.mailbox, Ask(client)))
            after = world._replace(
                memories=put(world.memories, p, memory), clients=put(world.clients, client, ("waits", p))
            )
            _, kind, order = self.scenario.asks[client]
            label = f"a client asks {self._name(p)}: {show((kind, order))}"
            yield Step(f"{label}, again" if waits else label, _spend(after, "again") if waits else after, fails=waits)

    # --- a partition ---

    def _partition(self, world: World, p: int, memory: Memory) -> Iterator[Step]:
        if isinstance(memory.stage, Sealed):
            yield from self._commit(world, p, memory, memory.stage)
        elif isinstance(memory.stage, Read):
            after = world._replace(memories=put(world.memories, p, memory._replace(stage=None)))
            hand_over = partial(self.relay.hand_over, after, p, memory.stage)
            yield Step(f"{self._name(p)}'s relay hands over what it read", hand_over)
        elif memory.halves or memory.mailbox:
            yield from self._takes(world, p, memory)
        elif memory.deletable and self.rules.idle_flush:
            sealed = Batch(self.rules, self.scenario, p, world.disks[p]).seal((), memory.acked, memory.deletable)
            after = memory._replace(stage=sealed, deletable=frozenset())
            yield Step(
                f"{self._name(p)}, idle, deletes what is acknowledged",
                world._replace(memories=put(world.memories, p, after)),
            )
        if memory.stage is None and not memory.halves:
            yield from self._refill(world, p, memory)

    def _refill(self, world: World, p: int, memory: Memory) -> Iterator[Step]:
        disk, name = world.disks[p], self._name(p)
        for receiver, lane in self.relay.waiting(memory, disk):
            read = self.relay.read(memory, disk, receiver, lane)
            if self.scenario.slow_reads:
                after = world._replace(memories=put(world.memories, p, memory._replace(stage=read)))
                yield Step(f"{name}'s relay reads what waits for {self._name(receiver)}", after)
            else:
                hand_over = partial(self.relay.hand_over, world, p, read)
                yield Step(f"{name}'s relay goes on to {self._name(receiver)}", hand_over)
        hints: list[Item] = [*map(TimerHint, disk.timers), *map(RetryHint, disk.retries)]
        for hint in hints:
            if memory.mailbox.count(hint) < HINTS_MAX:
                after = memory._replace(mailbox=(*memory.mailbox, hint))
                yield Step(
                    f"{name}: due: {_show_item(self, hint)}",
                    world._replace(memories=put(world.memories, p, after)),
                    fails=hint in memory.mailbox,
                )

    def _takes(self, world: World, p: int, memory: Memory) -> Iterator[Step]:
        if memory.halves:
            (items, alone), rest = memory.halves[0], memory.halves[1:]
            memory = memory._replace(halves=rest)
        else:
            items, alone = tuple(sorted(memory.mailbox, key=_rank)), False
            memory = memory._replace(mailbox=())
        label = f"{self._name(p)} takes {', '.join(_show_item(self, item) for item in items)}"
        places = [-1] + [n for n, item in enumerate(items) if world.left.raises and self._may_raise(item)]
        for place in places:
            how = f", {_show_item(self, items[place])} raises" if place >= 0 else ", alone" if alone else ""
            yield Step(label + how, partial(self._take, world, p, memory, items, alone, place), fails=place >= 0)

    def _may_raise(self, item: Item) -> bool:
        match item:
            case Delivery(message=(kind, _)) | RetryHint(((kind, _), _)):
                return kind in self.scenario.raising
            case Ask(client):
                return self.scenario.asks[client][1] in self.scenario.raising
        return False

    def _take(
        self, world: World, p: int, memory: Memory, items: tuple[Item, ...], alone: bool, raises_at: int
    ) -> World:
        world = self.relay.room_made(world._replace(memories=put(world.memories, p, memory)), p)
        batch = Batch(self.rules, self.scenario, p, world.disks[p], alone=alone)
        try:
            for n, item in enumerate(items):
                batch.take(item, n == raises_at)
        except DiesInTurn as died:
            return self._process_dies(world, [None] * len(self.everyone))._replace(slot=(p, died.message))
        unfailed = world.left._replace(raises=0, again=0) == self.scenario.budget._replace(raises=0, again=0)
        if batch.repeated and unfailed and self.scenario.calm:
            raise Violation("nothing failed, and a message was refused or came again")
        if batch.raised:
            world = _spend(world, "raises")
        if not self.rules.slot_cleared and batch.last_turn is not None:
            world = world._replace(slot=(p, batch.last_turn))
        memory = world.memories[p]
        assert memory is not None
        sealed = batch.seal(items, memory.acked, memory.deletable)
        memory = memory._replace(stage=sealed, deletable=frozenset())
        world = world._replace(memories=put(world.memories, p, memory))
        return self._leaves(world, p, sealed, before_commit=True)

    def _leaves(self, world: World, p: int, sealed: Sealed, *, before_commit: bool) -> World:
        """What the output gate lets go; each kind of it once, before or after the commit."""
        if self.rules.rows_wait != before_commit:
            world = self.relay.release(world, p, sealed.parcels)
        if self.rules.replies_wait != before_commit:
            for client, state in sealed.replies:
                if world.clients[client][0] == "waits":
                    world = world._replace(clients=put(world.clients, client, (state, world.clients[client][1])))
        if self.rules.acknowledgements_wait != before_commit:
            world = self.relay.answer(world, p, sealed)
        return world

    def _commit(self, world: World, p: int, memory: Memory, sealed: Sealed) -> Iterator[Step]:
        name = self._name(p)
        if not sealed.refused:
            yield Step(f"{name} commits", partial(self._commits, world, p, sealed))
        elif self.rules.refused_in_halves:
            items, half = sealed.items, len(sealed.items) // 2
            halves = ((items[:half], False), (items[half:], False)) if half else ((items, True),)
            deletable = memory.deletable | (sealed.deleted if self.rules.refused_keeps_deletes else set())
            after = memory._replace(stage=None, halves=halves + memory.halves, deletable=deletable)
            after_refusal = world._replace(memories=put(world.memories, p, after))
            yield Step(f"{name}'s journal refuses the batch for its content", after_refusal)
        else:
            yield Step(f"{name} dies of a refused commit", self._dies(world, p, world.disks[p]))

    def _commits(self, world: World, p: int, sealed: Sealed) -> World:
        memory = world.memories[p]
        assert memory is not None
        world = world._replace(
            disks=put(world.disks, p, sealed.disk), memories=put(world.memories, p, memory._replace(stage=None))
        )
        return self._leaves(world, p, sealed, before_commit=False)

    # --- start and reopening ---

    def _start(self, world: World) -> World:
        if world.slot is not None and self.rules.death_counted:
            p, message = world.slot
            disk = world.disks[p]
            disk = disk._replace(deaths=tuple(sorted((*disk.deaths, message))))
            world = world._replace(disks=put(world.disks, p, disk))
        world = world._replace(slot=None)
        if self.rules.pairs_checked:
            try:
                check_pairs({f"{self._name(p)}/0": self._opened(world.disks[p]) for p in self.everyone})
            except FileOutOfStep as error:
                if not world.restored:
                    raise Violation(f"files that belong together are refused: {error}") from error
                return world._replace(refused=True)
        return self._open(world, *self.everyone)

    def _opened(self, disk: Disk) -> Opened:
        """What the storage reads from a file, for its own check."""
        lanes = self.scenario.lanes
        streams = {(f"{self._name(n // lanes)}/0", n % lanes): n for n in range(len(disk.next))}
        return Opened(
            turn=0, clean=False, backlog={}, alerts=[], deaths={}, effects={}, retries=0, timers=0,
            inbox={stream: disk.inbox[n] for stream, n in streams.items() if disk.inbox[n]},
            next_numbers={stream: disk.next[n] for stream, n in streams.items() if disk.next[n] > 1},
            acknowledged={stream: self._acked(disk, n) for stream, n in streams.items() if disk.next[n] > 1},
        )  # fmt: skip

    def _acked(self, disk: Disk, sequence: int) -> int:
        rows = [row.first for row in disk.outbox if self.relay.sequence(row.receiver, row.lane) == sequence]
        return min(rows, default=disk.next[sequence]) - 1

    def _open(self, world: World, *opening: int) -> World:
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

    # --- failures ---

    def _failures(self, world: World) -> Iterator[Step]:
        sealed = [m.stage if m is not None and isinstance(m.stage, Sealed) else None for m in world.memories]
        if world.left.process and any(world.memories):
            after = _spend(world, "process")
            for landed in product(*([None, s] if s and not s.refused else [None] for s in sealed)):
                names = [f"{self._name(p)}'s commit has landed" for p, s in enumerate(landed) if s]
                yield Step(", ".join(["the process dies", *names]), self._process_dies(after, list(landed)), fails=True)
        for p in self.everyone:
            if world.left.partition and world.memories[p] is not None:
                yield from self._partition_dies(_spend(world, "partition"), p, sealed[p])
        if world.left.power and any(world.unsynced):
            disks = tuple(old or disk for disk, old in zip(world.disks, world.unsynced, strict=True))
            after = self._process_dies(_spend(world, "power"), [None] * len(disks))
            after = after._replace(disks=disks, unsynced=(None,) * len(disks))
            yield Step("power fails: what the failed fsync never wrote is gone", after, fails=True)
        if world.left.restore:
            yield from self._restores(world)

    def _partition_dies(self, world: World, p: int, sealed: Sealed | None) -> Iterator[Step]:
        name, disk = self._name(p), world.disks[p]
        if sealed is None or sealed.refused:
            yield Step(f"{name} dies", self._dies(world, p, disk), fails=True)
            return
        yield Step(f"{name} dies, its commit has not landed", self._dies(world, p, disk), fails=True)
        after = self._dies(world, p, sealed.disk)
        if world.left.power:
            after = after._replace(unsynced=put(world.unsynced, p, world.unsynced[p] or disk))
            yield Step(f"{name} dies of a failed fsync, its rows can be read", after, fails=True)
        else:
            yield Step(f"{name} dies, its commit has landed", after, fails=True)
        if self.rules.reopens == "beside it":
            mixed = self._dies(world, p, sealed.disk._replace(log=disk.log))
            label = f"{name} dies and reopens: reads its entities, the old commit lands, it reads its inbox"
            yield Step(label, self._open(mixed, p), fails=True)

    def _restores(self, world: World) -> Iterator[Step]:
        if world.copy is None:
            for p in self.everyone:
                yield Step(f"a copy of {self._name(p)}'s file is taken", world._replace(copy=(p, world.disks[p])), True)
        elif world.copy[1] != world.disks[world.copy[0]]:
            p, disk = world.copy
            after = self._process_dies(_spend(world, "restore"), [None] * len(self.everyone))
            forgotten = tuple(
                ("asks", at) if at == p and client not in disk.keys else (state, at)
                for client, (state, at) in enumerate(after.clients)
            )
            after = after._replace(disks=put(after.disks, p, disk), copy=None, restored=True, clients=forgotten)
            yield Step(f"the process ends, and {self._name(p)}'s file is put back from the copy", after, fails=True)

    def _process_dies(self, world: World, landed: list[Sealed | None]) -> World:
        disks = tuple(s.disk if s else disk for disk, s in zip(world.disks, landed, strict=True))
        clients = tuple(self._asks_again(client) for client in world.clients)
        return world._replace(disks=disks, memories=(None,) * len(disks), clients=clients)

    def _dies(self, world: World, p: int, disk: Disk) -> World:
        clients = world.clients
        if self.rules.asks_fail:
            clients = tuple(self._asks_again(client) if client[1] == p else client for client in clients)
        return world._replace(disks=put(world.disks, p, disk), memories=put(world.memories, p, None), clients=clients)

    def _asks_again(self, client: tuple[str, int]) -> tuple[str, int]:
        state, p = client
        if state != "waits":
            return client
        return "asks", p if self.rules.key_chooses_partition else (p + 1) % len(self.everyone)


def _spend(world: World, what: str) -> World:
    return world._replace(left=world.left._replace(**{what: getattr(world.left, what) - 1}))


def _rank(item: Item) -> int:
    """A batch takes the urgent lane and the hints, then bulk, then clients."""
    return 2 if isinstance(item, Ask) else item.lane if isinstance(item, Delivery) else 0


def _show_item(protocol: Protocol, item: Item) -> str:
    match item:
        case Delivery(sender, _, number, message, _):
            return f"{protocol.scenario.partitions[sender]}#{number} {show(message)}"
        case Ask(client):
            _, kind, order = protocol.scenario.asks[client]
            return f"the client's {show((kind, order))}"
        case TimerHint(message):
            return f"timer {show(message)}"
        case RetryHint(retry):
            return f"retry of {show(retry.message)}"
