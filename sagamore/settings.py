"""What a host may choose when it opens a shop. One frozen record, checked when it is made."""

from collections.abc import Mapping

import msgspec

from sagamore.actors.checks import check_whole
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.actors.orders.settings import OrderSettings
from sagamore.actors.text import check_text, shown
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.errors import InvalidInput
from sagamore.engine.ids import PARTITIONS_MAX
from sagamore.engine.limits import Limits


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The defaults suit one shop. Raises InvalidInput for a field of another type, and for a count that is not 1 to
    4096."""

    orders: OrderSettings = OrderSettings()
    notifications: NotificationSettings = NotificationSettings()
    partitions: Mapping[str, int] = {}
    """Partitions per kind, for a directory that is made now; 1 where nothing is said. A count never changes in place,
    so for a directory that exists this may stay empty. A kind that is neither composed nor in the directory is refused
    when the shop is opened."""
    retired: tuple[str, ...] = ()
    """Kinds of actors and names of channels that the directory had and that are gone for good. Without the others it is
    not opened: they would miss what happens meanwhile."""
    limits: Limits = Limits()
    breaker: BreakerPolicy = BreakerPolicy()

    def __post_init__(self) -> None:
        for field, expected in (
            ("orders", OrderSettings), ("notifications", NotificationSettings), ("partitions", Mapping),
            ("retired", tuple), ("limits", Limits), ("breaker", BreakerPolicy),
        ):  # fmt: skip
            if not isinstance(value := getattr(self, field), expected):
                right = {"Mapping": "a dict", "tuple": "a tuple"}.get(expected.__name__, f"{expected.__name__}(…)")
                raise InvalidInput(field, shown(value), right)
        for kind in self.retired:
            check_text("retired", kind)
        for kind, count in self.partitions.items():
            check_whole(f"partitions[{check_text('partitions', kind)!r}]", count, 1, PARTITIONS_MAX)
