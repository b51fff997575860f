"""What `shop.statistics()` returns: every queue, pool and cache, and how orders and notifications have fared since the
start."""

import msgspec

from sagamore.engine.runtime.engine import Engine
from sagamore.engine.runtime.inspection import EngineStatistics


class OrderStatistics(msgspec.Struct, frozen=True):
    """Since this process opened the shop."""

    placed: int
    confirmed: int
    cancelled: dict[str, int]
    """By reason."""

    @property
    def success_rate(self) -> float | None:
        """confirmed / (confirmed + cancelled except on request); None before the first of them."""
        failed = sum(count for reason, count in self.cancelled.items() if reason != "REQUESTED")
        return self.confirmed / (self.confirmed + failed) if self.confirmed + failed else None


class NotificationStatistics(msgspec.Struct, frozen=True):
    """Deliveries that have ended since this process opened the shop; one that failed and was replayed ended twice."""

    sent: int
    failed: int
    """DEAD: each is a dead letter."""
    suppressed: int
    expired: int
    cancelled: int
    uncertain: int
    """Attempts whose answer nobody knows: each may be an extra copy. No end."""


class Statistics(msgspec.Struct, frozen=True):
    """A snapshot."""

    orders: OrderStatistics
    notifications: NotificationStatistics
    engine: EngineStatistics


def statistics_of(engine: Engine) -> Statistics:
    """The engine's statistics, and those of orders and notifications out of its counters."""
    measured = engine.measured("orders")
    cancelled = {
        name.removeprefix("cancelled."): count for name, count in measured.items() if name.startswith("cancelled.")
    }
    orders = OrderStatistics(measured.get("placed", 0), measured.get("confirmed", 0), cancelled)
    ends = engine.measured("notifications")
    notifications = NotificationStatistics(
        ends["sent"], ends["dead"], ends["suppressed"], ends["expired"], ends["cancelled"], ends["uncertain"]
    )
    return Statistics(orders, notifications, engine.statistics())
