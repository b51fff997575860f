"""What `shop.statistics()` returns: every queue, pool and cache, and how orders have fared since the start."""

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


class Statistics(msgspec.Struct, frozen=True):
    """A snapshot."""

    orders: OrderStatistics
    engine: EngineStatistics


def statistics_of(engine: Engine) -> Statistics:
    """The engine's statistics, and the orders' out of its counters."""
    measured = engine.measured("orders")
    cancelled = {
        name.removeprefix("cancelled."): count for name, count in measured.items() if name.startswith("cancelled.")
    }
    orders = OrderStatistics(measured.get("placed", 0), measured.get("confirmed", 0), cancelled)
    return Statistics(orders, engine.statistics())
