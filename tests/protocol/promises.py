"""What must hold once nothing but a failure can happen: nothing lost, doubled or left lying, everyone answered."""

from tests.protocol.batch import show
from tests.protocol.explore import Violation
from tests.protocol.state import DEAD, Log, Message, Scenario, World


def judge(scenario: Scenario, world: World) -> None:
    """Raises Violation."""
    logs = tuple(disk.log for disk in world.disks)
    wrong = [] if world.restored else [*_lost(scenario, world, logs), *_doubled(logs), scenario.judge(logs)]
    wrong += [*_left_lying(scenario, world), *_unanswered(scenario, world)]
    if first := next(filter(None, wrong), ""):
        raise Violation(first)


def _lost(scenario: Scenario, world: World, logs: tuple[Log, ...]) -> list[str]:
    """An accepted command, or a message that was sent, has neither been applied nor become a dead letter."""
    lost = [
        f"accepted and lost: {show((kind, order))}"
        for (state, p), (_, kind, order) in zip(world.clients, scenario.asks, strict=True)
        if state == "knows" and (kind, order) not in logs[p]
    ]
    for p, disk in enumerate(world.disks):
        for sequence, sent in enumerate(disk.sent):
            receiver = sequence // scenario.lanes
            lost += [
                f"lost: {show(message)} of {scenario.partitions[p]} to {scenario.partitions[receiver]}"
                for message in sent
                if message not in logs[receiver] and not _buried(message, logs)
            ]
    return lost


def _buried(message: Message, logs: tuple[Log, ...]) -> bool:
    return any((DEAD + message[0], message[1]) in log for log in logs)


def _doubled(logs: tuple[Log, ...]) -> list[str]:
    applied = [message for log in logs for message in log]
    return [f"applied by two partitions: {show(m)}" for m in applied if applied.count(m) > 1]


def _left_lying(scenario: Scenario, world: World) -> list[str]:
    left = []
    for name, disk in zip(scenario.partitions, world.disks, strict=True):
        left += [f"{name}'s row {row.first} to {row.last} is never deleted" for row in disk.outbox]
        left += [f"{name}'s {show(timer)} never fires" for timer in disk.timers]
        left += [f"{name}'s {show(retry.message)} is never tried again" for retry in disk.retries]
    return left


def _unanswered(scenario: Scenario, world: World) -> list[str]:
    return [
        f"the client of {show(ask[1:])} waits for ever"
        for (state, _), ask in zip(world.clients, scenario.asks, strict=True)
        if state == "waits"
    ]
