"""What the orders actor answers to a client whose command it refuses. Nothing has changed then.

    SagamoreError
    ├── InvalidInput                    at the door: a field, its value, what would be right
    ├── Refused
    │   ├── UnknownOrder                no order has this id
    │   ├── UnknownProduct              inventory has never received it
    │   ├── OutOfStock                  visibly not there: no order is made
    │   ├── PayByPassed                 `pay_by` lies in the past
    │   ├── IllegalTransition           the order's state does not allow the action; names those that it does
    │   └── StockCommitted, StockChanged, StockUnknown      (stock_errors.py)
    ├── Unlisted                        an actor sent what no row takes: a bug (unlisted.py)
    └── UnsoundSaga                     a declared table breaks a rule: refused when the program starts

A declined card is none of these: it is a state of the order.
"""

from collections.abc import Sequence

from sagamore.actors.orders.stock_messages import Shortage
from sagamore.engine.errors import Refused, SagamoreError


class UnknownOrder(Refused):
    """No order has this id or reference, or it has no payment. Ids look like `ord_` and 32 hex digits; by the host's
    own number ask for the reference."""

    code = "unknown_order"

    def __init__(self, order_id: str, what: str = "order") -> None:
        super().__init__(f"there is no {what} {order_id!r}")
        self.order_id = order_id


class UnknownProduct(Refused):
    """Inventory has never received this product. Receive it, or correct the product id."""

    code = "unknown_product"

    def __init__(self, product_id: str) -> None:
        super().__init__(f"product {product_id!r} is unknown; it becomes known when it is first received")
        self.product_id = product_id


class OutOfStock(Refused):
    """There is visibly not enough of these. Nothing was ordered and nothing charged; order less or later."""

    code = "out_of_stock"

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        lacking = ", ".join(f"{s.wanted} of {s.product_id!r} with {max(s.available, 0)} available" for s in shortages)
        super().__init__(f"not enough stock: {lacking}")
        self.shortages = tuple(shortages)


class PayByPassed(Refused):
    """An order that must be paid by a time that is over could only be cancelled. Give a time to come."""

    code = "pay_by_passed"

    def __init__(self, pay_by_ms: int, now_ms: int) -> None:
        super().__init__(f"pay_by lies {now_ms - pay_by_ms} ms in the past; it must be a time to come")
        self.pay_by_ms = pay_by_ms


class IllegalTransition(Refused):
    """`action` is not possible in `state`; `allowed` are the actions that are. `why` says more where more is known."""

    code = "illegal_transition"

    def __init__(self, state: str, action: str, allowed: Sequence[str], why: str = "") -> None:
        super().__init__(
            f"{action} is not possible for an order that is {state}{f' ({why})' if why else ''}; "
            f"possible now: {', '.join(allowed) or 'nothing'}"
        )
        self.state, self.action, self.allowed = state, action, tuple(allowed)


class UnsoundSaga(SagamoreError):
    """A declared saga table breaks the rules that keep every order moving; each problem names its row or state."""

    code = "unsound_saga"

    def __init__(self, saga: str, problems: Sequence[str]) -> None:
        super().__init__(f"saga {saga}: " + "; ".join(problems))
        self.problems = tuple(problems)
