"""What a host may choose when it opens a shop. One frozen record, checked when it is made."""

from collections.abc import Mapping

import msgspec

from sagamore.actors.orders.settings import OrderSettings
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.limits import Limits


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults suit one shop."""

    orders: OrderSettings = OrderSettings()
    partitions: Mapping[str, int] = {}
    """Partitions per kind, for a directory that is made now; 1 where nothing is said. A count never changes in place,
    so for a directory that exists this may stay empty."""
    limits: Limits = Limits()
    breaker: BreakerPolicy = BreakerPolicy()
