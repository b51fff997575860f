"""One batch: turns over a copy of the disk, sealed into one commit. Nothing leaves before that."""

from collections.abc import Sequence

from tests.protocol.explore import Violation
from tests.protocol.rules import Rules
from tests.protocol.state import (
    DEAD,
    RETURNED,
    Ask,
    Delivery,
    Disk,
    Item,
    Message,
    Parcel,
    Retry,
    RetryHint,
    Scenario,
    Sealed,
    TimerHint,
)


class DiesInTurn(Exception):
    """The process dies while this message's turn is being taken."""

    def __init__(self, message: Message) -> None:
        self.message = message


class Batch:
    """`alone`: it has one item, whose content was refused."""

    def __init__(self, rules: Rules, scenario: Scenario, partition: int, disk: Disk, *, alone: bool = False) -> None:
        self.rules, self.scenario, self.partition, self.before, self.alone = rules, scenario, partition, disk, alone
        self.log, self.retries, self.timers = list(disk.log), list(disk.retries), list(disk.timers)
        self.keys = list(disk.keys)
        self.inbox, self.next, self.took = list(disk.inbox), list(disk.next), list(disk.took)
        self.sends: dict[tuple[int, int], list[Message]] = {}
        self.replies: dict[int, str] = {}
        self.acknowledge: set[tuple[int, int]] = set()
        self.rewind: set[tuple[int, int]] = set()
        self.refused = self.repeated = self.raised = False
        self.last_turn: Message | None = None

    def sequence(self, other: int, lane: int) -> int:
        """Where numbers run."""
        own = self.rules.numbers != "per pair"
        return other * self.scenario.lanes + (lane if own else 0)

    def take(self, item: Item, raises: bool) -> None:
        """One item of the mailbox."""
        match item:
            case Delivery():
                self._delivery(item, raises)
            case Ask(client):
                self._ask(client, raises)
            case TimerHint(message):
                if message in self.timers or not self.rules.timer_is_hint:
                    self.timers = [timer for timer in self.timers if timer != message]
                    self._apply(message)
            case RetryHint(retry):
                if retry in self.retries or not self.rules.retry_is_hint:
                    self.retries = [other for other in self.retries if other != retry]
                    if not self.rules.retry_numbered:  # its number is not above the last: dropped
                        self._accept(retry.message, retry.attempt, raises)

    def _delivery(self, item: Delivery, raises: bool) -> None:
        sequence, ghost = self.sequence(item.sender, item.lane), item.sender * self.scenario.lanes + item.lane
        last = self.inbox[sequence]
        if item.number <= last:
            self.repeated = True
            if item.nth > self.took[ghost]:
                raise Violation(f"{show(item.message)} is new and dropped as a duplicate")
            if self.rules.duplicate != "dropped":
                self.acknowledge.add((item.sender, item.lane))
        elif item.number > last + 1 and self.rules.takes == "next":
            self.repeated = True
            self.rewind.add((item.sender, item.lane))
        elif item.nth != self.took[ghost] + 1:
            how = "a second time" if item.nth <= self.took[ghost] else "before an elder"
            raise Violation(f"{show(item.message)} is taken {how}")
        elif self._accept(item.message, 1, raises) or self.rules.parking_advances:
            self.inbox[sequence], self.took[ghost] = item.number, item.nth
            self.acknowledge.add((item.sender, item.lane))

    def _ask(self, client: int, raises: bool) -> None:
        kept = self.keys if self.rules.key_seen_in_batch else self.before.keys
        _, kind, order = self.scenario.asks[client]
        if client in kept:
            self.replies[client] = "knows"
        elif raises:
            self.raised = True
            self.replies[client] = "asks"
            if self.rules.error_kept:
                self.keys.append(client)
        else:
            done = self._apply((kind, order))
            self.replies[client] = "knows" if done else "refused"
            if done and self.rules.key_kept and client not in self.keys:
                self.keys.append(client)

    def _accept(self, message: Message, attempt: int, raises: bool) -> bool:
        """Whether it came to an end: applied or buried, not parked."""
        self.last_turn = message
        kind, order = message
        hopeless = self.before.deaths.count(message) >= self.scenario.deaths_max
        if kind in self.scenario.deadly and not hopeless:
            raise DiesInTurn(message)
        if not (raises or hopeless or self.alone):
            self._apply(message)
            return True
        self.raised = self.raised or raises
        if self.rules.numbered == "in the turn":
            for what, *rest in self.scenario.handle(self.rules, self.partition, tuple(self.log), message) or ():
                if what == "send":
                    self.next[self.sequence(self.scenario.partitions.index(rest[0]), 0)] += 1
        if hopeless or attempt >= self.scenario.attempts_max:
            if kind not in (*self.scenario.raising, *self.scenario.refused, *self.scenario.deadly):
                raise Violation(f"{show(message)} did nothing wrong and becomes a dead letter")
            self._send("D", DEAD + kind, order)
            return True
        self.retries.append(Retry(message, attempt + 1))
        return False

    def _apply(self, message: Message) -> bool:
        """False if a command was refused."""
        kind, order = message
        intents = self.scenario.handle(self.rules, self.partition, tuple(self.log), message)
        if intents is None:
            return False
        if kind.startswith(DEAD) and message in self.log:
            message = (RETURNED + kind, order)
        if message in self.log:
            raise Violation(f"{show(message)} is applied twice")
        self.log.append(message)
        self.refused = self.refused or kind in self.scenario.refused
        for what, *rest in intents:
            if what == "send":
                self._send(rest[0], rest[1], order, int(rest[2]) if len(rest) > 2 else 0)
            elif what == "timer":
                self.timers.append((rest[0], order))
            elif (rest[0], order) in self.timers:
                self.timers.remove((rest[0], order))
        return True

    def _send(self, receiver: str, kind: str, order: int, lane: int = 0) -> None:
        self.sends.setdefault((self.scenario.partitions.index(receiver), lane), []).append((kind, order))

    def seal(self, items: Sequence[Item], acked: Sequence[int], deletable: frozenset[int]) -> Sealed:
        """Number the messages, and delete what is acknowledged."""
        sent, parcels = list(self.before.sent), []
        for (receiver, lane), messages in self.sends.items():
            counter = 0 if self.rules.numbers == "per sender" else self.sequence(receiver, lane)
            ghost = receiver * self.scenario.lanes + lane
            first = self.next[counter]
            self.next[counter] += len(messages)
            last = self.next[counter] - 1
            parcels.append(Parcel(receiver, lane, first, last, tuple(messages), len(sent[ghost]) + 1))
            sent[ghost] += tuple(messages)
        kept = [parcel for parcel in self.before.outbox if not self._deleted(parcel, acked, deletable)]
        disk = Disk(
            tuple(self.log), tuple(self.inbox), tuple(self.next), (*kept, *parcels), tuple(self.retries),
            tuple(self.timers), tuple(self.keys), self.before.deaths, tuple(sent), tuple(self.took),
        )  # fmt: skip
        return Sealed(
            disk, tuple(items), self.refused, tuple(parcels),
            tuple(self.replies.items()), frozenset(self.acknowledge), frozenset(self.rewind), deletable,
        )  # fmt: skip

    def _deleted(self, parcel: Parcel, acked: Sequence[int], deletable: frozenset[int]) -> bool:
        if self.rules.deletes == "any receiver":
            return parcel.last <= max((acked[sequence] for sequence in deletable), default=0)
        sequence = self.sequence(parcel.receiver, parcel.lane)
        edge = parcel.last if self.rules.deletes == "whole parcels" else parcel.first
        return sequence in deletable and edge <= acked[sequence]


def show(message: Message) -> str:
    """For people."""
    return f"{message[0]}({message[1]})"
