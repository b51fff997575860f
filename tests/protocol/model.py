"""The model of the protocol: partitions in one process, their files, their clients, and what may fail.

A batch is two steps: *takes* (turns, and the commit begins) and *commits* (it is on disk, and what waited for it
leaves, at once: nothing stands between the answer of the file's thread and the dispatch). Between them everyone else
may act, and anything may die, with the commit landed or not.
"""

from collections.abc import Iterator
from functools import partial

from tests.protocol.batch import Batch, DiesInTurn, show
from tests.protocol.explore import Step, Violation
from tests.protocol.failures import Failures, spend
from tests.protocol.opening import Opening
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
        self.opening = Opening(self.rules, scenario, self.relay)
        self.failures = Failures(self.rules, scenario, self.opening)
        self.everyone = range(len(scenario.partitions))

    def initial(self) -> World:
        """Everything open, nothing done."""
        places = len(self.everyone) * self.scenario.lanes
        none = (0,) * places
        disk = Disk((), none, (1,) * places, (), (), (), (), (), ((),) * places, none)
        asks = tuple(("asks", self.scenario.partitions.index(ask[0])) for ask in self.scenario.asks)
        nobody = (None,) * len(self.everyone)
        world = World((disk,) * len(nobody), nobody, asks, self.scenario.budget, unsynced=nobody)
        return self.opening.open(world, *self.everyone)

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
            yield Step("the process starts", partial(self.opening.start, world))
        for p, memory in enumerate(world.memories):
            if memory is not None:
                yield from self._partition(world, p, memory)
            elif any(world.memories):
                yield Step(f"{self._name(p)} opens", partial(self.opening.open, world, p))
        yield from self.failures.steps(world)

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
            yield Step(f"{label}, again" if waits else label, spend(after, "again") if waits else after, fails=waits)

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
            flushing = memory._replace(stage=sealed, deletable=frozenset())
            yield Step(
                f"{self._name(p)}, idle, deletes what is acknowledged",
                world._replace(memories=put(world.memories, p, flushing)),
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
                hinted = memory._replace(mailbox=(*memory.mailbox, hint))
                yield Step(
                    f"{name}: due: {_show_item(self, hint)}",
                    world._replace(memories=put(world.memories, p, hinted)),
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
            return self.failures.process_dies(world, [None] * len(self.everyone))._replace(slot=(p, died.message))
        unfailed = world.left._replace(raises=0, again=0) == self.scenario.budget._replace(raises=0, again=0)
        if batch.repeated and unfailed and self.scenario.calm:
            raise Violation("nothing failed, and a message was refused or came again")
        if batch.raised:
            world = spend(world, "raises")
        if not self.rules.slot_cleared and batch.last_turn is not None:
            world = world._replace(slot=(p, batch.last_turn))
        sealed = batch.seal(items, memory.acked, memory.deletable)
        now = world.memories[p]
        assert now is not None
        now = now._replace(stage=sealed, deletable=frozenset())
        world = world._replace(memories=put(world.memories, p, now))
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
            yield Step(f"{name} dies of a refused commit", self.failures.dies(world, p, world.disks[p]))

    def _commits(self, world: World, p: int, sealed: Sealed) -> World:
        memory = world.memories[p]
        assert memory is not None
        world = world._replace(
            disks=put(world.disks, p, sealed.disk), memories=put(world.memories, p, memory._replace(stage=None))
        )
        return self._leaves(world, p, sealed, before_commit=False)


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
