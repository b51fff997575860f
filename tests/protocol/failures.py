"""What may fail: the process, one partition, a commit with unknown outcome, the power, a person with an old copy."""

from collections.abc import Iterator
from itertools import product

from tests.protocol.explore import Step
from tests.protocol.opening import Opening
from tests.protocol.rules import Rules
from tests.protocol.state import Disk, Scenario, Sealed, World, put


class Failures:
    """Each spends its budget."""

    def __init__(self, rules: Rules, scenario: Scenario, opening: Opening) -> None:
        self.rules, self.scenario, self.opening = rules, scenario, opening
        self.everyone = range(len(scenario.partitions))

    def steps(self, world: World) -> Iterator[Step]:
        """Every failure that is left."""
        sealed = [m.stage if m is not None and isinstance(m.stage, Sealed) else None for m in world.memories]
        if world.left.process and any(world.memories):
            after = spend(world, "process")
            for landed in product(*([None, s] if s and not s.refused else [None] for s in sealed)):
                names = [f"{self.scenario.partitions[p]}'s commit has landed" for p, s in enumerate(landed) if s]
                yield Step(", ".join(["the process dies", *names]), self.process_dies(after, list(landed)), fails=True)
        for p in self.everyone:
            if world.left.partition and world.memories[p] is not None:
                yield from self._partition_dies(spend(world, "partition"), p, sealed[p])
        if world.left.power and any(world.unsynced):
            disks = tuple(old or disk for disk, old in zip(world.disks, world.unsynced, strict=True))
            after = self.process_dies(spend(world, "power"), [None] * len(disks))
            after = after._replace(disks=disks, unsynced=(None,) * len(disks))
            yield Step("power fails: what the failed fsync never wrote is gone", after, fails=True)
        if world.left.restore:
            yield from self._restores(world)

    def _partition_dies(self, world: World, p: int, sealed: Sealed | None) -> Iterator[Step]:
        name, disk = self.scenario.partitions[p], world.disks[p]
        if sealed is None or sealed.refused:
            yield Step(f"{name} dies", self.dies(world, p, disk), fails=True)
            return
        yield Step(f"{name} dies, its commit has not landed", self.dies(world, p, disk), fails=True)
        after = self.dies(world, p, sealed.disk)
        if world.left.power:
            after = after._replace(unsynced=put(world.unsynced, p, world.unsynced[p] or disk))
            yield Step(f"{name} dies of a failed fsync, its rows can be read", after, fails=True)
        else:
            yield Step(f"{name} dies, its commit has landed", after, fails=True)
        if self.rules.reopens == "beside it":
            mixed = self.dies(world, p, sealed.disk._replace(log=disk.log))
            label = f"{name} dies and reopens: reads its entities, the old commit lands, it reads its inbox"
            yield Step(label, self.opening.open(mixed, p), fails=True)

    def _restores(self, world: World) -> Iterator[Step]:
        if world.copy is None:
            for p in self.everyone:
                yield Step(
                    f"a copy of {self.scenario.partitions[p]}'s file is taken",
                    world._replace(copy=(p, world.disks[p])),
                    True,
                )
        elif world.copy[1] != world.disks[world.copy[0]]:
            p, disk = world.copy
            after = self.process_dies(spend(world, "restore"), [None] * len(self.everyone))
            forgotten = tuple(
                ("asks", at) if at == p and client not in disk.keys else (state, at)
                for client, (state, at) in enumerate(after.clients)
            )
            after = after._replace(disks=put(after.disks, p, disk), copy=None, restored=True, clients=forgotten)
            yield Step(
                f"the process ends, and {self.scenario.partitions[p]}'s file is put back from the copy",
                after,
                fails=True,
            )

    def process_dies(self, world: World, landed: list[Sealed | None]) -> World:
        """All memory is gone; the commits that had landed are not."""
        disks = tuple(s.disk if s else disk for disk, s in zip(world.disks, landed, strict=True))
        clients = tuple(self._asks_again(client) for client in world.clients)
        return world._replace(disks=disks, memories=(None,) * len(disks), clients=clients)

    def dies(self, world: World, p: int, disk: Disk) -> World:
        """One partition is gone, its file as it is."""
        clients = world.clients
        if self.rules.asks_fail:
            clients = tuple(self._asks_again(client) if client[1] == p else client for client in clients)
        return world._replace(disks=put(world.disks, p, disk), memories=put(world.memories, p, None), clients=clients)

    def _asks_again(self, client: tuple[str, int]) -> tuple[str, int]:
        state, p = client
        if state != "waits":
            return client
        return "asks", p if self.rules.key_chooses_partition else (p + 1) % len(self.everyone)


def spend(world: World, what: str) -> World:
    """One failure less is left."""
    return world._replace(left=world.left._replace(**{what: getattr(world.left, what) - 1}))
