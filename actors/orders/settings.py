"""What a host may choose about its orders. An order keeps what it was born with: a changed setting changes new orders
only."""

from typing import Literal, get_args

import msgspec

from sagamore.actors.checks import check_choice, check_whole
from sagamore.actors.orders.payment_messages import Capture
from sagamore.engine.policy import DAY_MS, MINUTE_MS

SagaName = Literal["pay_first", "reserve_first"]
PATIENCE_MS_MAX = 365 * DAY_MS  # an order that waits longer than a year is a mistyped unit


class OrderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Raises InvalidInput for an unknown name or a time that is not between a millisecond and a year."""

    saga: SagaName = "pay_first"
    """pay_first takes money before stock; reserve_first holds stock while the customer pays."""
    capture: Capture = "on_confirm"
    """on_confirm authorises, reserves, then captures: a void is free, a refund costs a fee. at_once charges first, for
    providers that cannot authorise."""
    action_timeout_ms: int = 30 * MINUTE_MS
    """pay_first: how long a customer may take for what the bank asks, as 3-D Secure. Nothing is held meanwhile."""
    hold_time_ms: int = 15 * MINUTE_MS
    """reserve_first: as above, but shorter, since the stock is held and others cannot buy it."""

    def __post_init__(self) -> None:
        check_choice("saga", self.saga, get_args(SagaName))
        check_choice("capture", self.capture, get_args(Capture))
        for field in ("action_timeout_ms", "hold_time_ms"):
            check_whole(field, getattr(self, field), 1, PATIENCE_MS_MAX)
