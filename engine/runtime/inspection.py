"""What an engine says of itself: every queue and pool, the conditions that stand, and whether someone should look."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from sagamore.engine.envelope import Address
from sagamore.engine.ports import AlertRow
from sagamore.engine.runtime.pool import PoolStatistics
from sagamore.engine.runtime.seat import Seat, SeatStatistics


class EngineStatistics(msgspec.Struct, frozen=True):
    """Every queue and pool."""

    partitions: dict[Address, SeatStatistics]
    pools: dict[str, PoolStatistics]
    watchers: int
    tasks: int


class Health(msgspec.Struct, frozen=True):
    """GREEN: all is well; YELLOW: alerts stand, a partition is being reopened, or a reader keeps a log from being
    checked in; RED: a partition is down."""

    status: Literal["GREEN", "YELLOW", "RED"]
    problems: tuple[str, ...]


class Alert(msgspec.Struct, frozen=True):
    """A durable condition and the partition that raised it."""

    address: Address
    name: str
    subject: str
    since_ms: int
    count: int
    advice: str

    @classmethod
    def of(cls, address: Address, row: AlertRow) -> "Alert":
        """The alert that a partition keeps."""
        return cls(address, row.name, row.subject, row.since_ms, row.count, row.advice)


def alerts_of(seats: Mapping[Address, Seat]) -> tuple[Alert, ...]:
    """The conditions that stand, oldest first."""
    alerts = [
        Alert.of(address, row)
        for address, seat in seats.items()
        if seat.partition is not None
        for row in seat.partition.committed.alerts.values()
    ]
    return tuple(sorted(alerts, key=lambda alert: alert.since_ms))


def health_of(seats: Mapping[Address, Seat]) -> Health:
    """Whether someone should look."""
    down = tuple(f"{a} is down: {s.cause}" for a, s in seats.items() if s.state == "DOWN")
    opening = tuple(f"{a} is being reopened: {s.cause}" for a, s in seats.items() if s.state == "OPENING")
    up = (seat.partition for seat in seats.values() if seat.partition is not None)
    wal = tuple(problem for partition in up if (problem := partition.upkeep.wal_problem()))
    alerts = tuple(f"{alert.name} {alert.subject}: {alert.advice}" for alert in alerts_of(seats))
    problems = down + opening + wal + alerts
    return Health("RED" if down else "YELLOW" if problems else "GREEN", problems)
