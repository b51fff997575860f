"""The inventory actor: stock and holds, the lower table of SAGAS 1.4 row by row. No timers, no effects.

    hold of an order     event [guard]                                   actions                        next
    H1  absent           ReserveStock [every product known and enough]   reserved +=, StockReserved     HELD
    H2  absent           ReserveStock [otherwise]                        no line changes, StockRefused  REFUSED
    H3  HELD, REFUSED    ReserveStock again                              the first answer again         same
    H4  RELEASED         ReserveStock                                    none: a tombstone              RELEASED
    H5  all but HELD     ReleaseStock [not shipped]                      StockReleased                  RELEASED
    H6  HELD             ReleaseStock                                    reserved -=, StockReleased     RELEASED
    H7  HELD             ShipStock                                       on_hand -=, reserved -=        SHIPPED
    H8  SHIPPED          ReturnStock [not above what shipped]            with restock on_hand +=        SHIPPED
    S1 to S3, a product  receive, adjust, set                            on_hand stays >= reserved

A hold and its products live in one partition and change in one turn, so "sum per product <= available" is decided on
what is true. Lines that name one product twice are summed first.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from sagamore.actors.orders.facts import Movement
from sagamore.actors.orders.hold import Hold, hold_key
from sagamore.actors.orders.order_messages import UndoAbandoned
from sagamore.actors.orders.stock import Stock, move, stock_key
from sagamore.actors.orders.stock_errors import StockChanged, StockCommitted, StockUnknown
from sagamore.actors.orders.stock_messages import (
    AdjustStock,
    ProductQuantity,
    ReceiveStock,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
    SetStock,
    ShipStock,
    Shortage,
    StockRefused,
    StockReleased,
    StockReserved,
)
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.actor import Actor
from sagamore.engine.errors import InvalidInput
from sagamore.engine.turn import Turn

HoldMessage = ReserveStock | ReleaseStock | ShipStock | ReturnStock
StockMessage = ReceiveStock | AdjustStock | SetStock
OF_HOLDS = (ReserveStock, ReleaseStock, ShipStock, ReturnStock)
UNKNOWN_PRODUCT = -1  # Shortage.available of a product never received


class InventoryActor(
    Actor[
        Stock | Hold | None,
        ReserveStock | ReleaseStock | ShipStock | ReturnStock | ReceiveStock | AdjustStock | SetStock,
    ],
    kind="inventory",
):
    """Owns stock. A message about an order names its hold first, then every product of its lines."""

    reads_back = False

    def entity(self, message: HoldMessage | StockMessage) -> str | tuple[str, ...]:
        """The product's key, or the hold's key and those of all products."""
        if isinstance(message, OF_HOLDS):
            return hold_key(message.order_id), *{stock_key(line.product_id): None for line in message.lines}
        return stock_key(message.product_id)

    def handle(
        self, state: Stock | Hold | None, message: HoldMessage | StockMessage, turn: Turn
    ) -> Stock | Hold | None:
        """One row. Raises StockCommitted, StockChanged or StockUnknown to a client, Unlisted to an actor."""
        if isinstance(message, OF_HOLDS):
            assert not isinstance(state, Stock)
            return _hold(state, message, turn)
        assert not isinstance(state, Hold)
        stock = _product(state, message, turn)
        turn.reply(stock)
        return stock

    def given_up(
        self, state: Stock | Hold | None, message: HoldMessage | StockMessage, turn: Turn
    ) -> Stock | Hold | None:
        """A dead reservation is a refused one; a dead release leaves the order STUCK; the rest is for a person."""
        if isinstance(message, ReserveStock) and state is None:
            turn.send("orders", StockRefused(message.order_id, message.partition, ()))
            return Hold(message.order_id, "REFUSED")
        if isinstance(message, ReleaseStock):
            turn.send("orders", UndoAbandoned(message.order_id, f"release of the stock of {turn.address}"))
        elif isinstance(message, ShipStock | ReturnStock):
            advice = f"{type(message).__name__} was discarded: count these products and set their stock"
            turn.raise_alert("stock_not_moved", message.order_id, advice)
        return state


def _hold(hold: Hold | None, message: HoldMessage, turn: Turn) -> Hold:
    match message:
        case ReserveStock():
            return _reserve(hold, message, turn)
        case ReleaseStock():
            return _release(hold, message, turn)
        case ShipStock() if hold is not None and hold.state == "HELD":
            return _ship(hold, message, turn)
        case ReturnStock() if hold is not None and hold.state == "SHIPPED":
            return _return(hold, message, turn)
    raise Unlisted("hold", message.order_id, hold.state if hold else "ABSENT", type(message).__name__)


def _reserve(hold: Hold | None, message: ReserveStock, turn: Turn) -> Hold:
    if hold is None:
        hold = _first_answer(message, turn)  # H1, H2
    match hold.state:
        case "HELD":  # H3
            turn.send("orders", StockReserved(message.order_id, message.partition))
        case "REFUSED":  # H3
            turn.send("orders", StockRefused(message.order_id, message.partition, hold.shortages))
        case "SHIPPED":
            raise Unlisted("hold", message.order_id, hold.state, "ReserveStock")
        case "RELEASED":  # H4
            pass
    return hold


def _first_answer(message: ReserveStock, turn: Turn) -> Hold:
    """H1, H2: all lines or none."""
    wanted = _summed(message.lines)
    shortages = tuple(
        Shortage(line.product_id, line.quantity, available)
        for line in wanted
        if (available := _available(turn, line.product_id)) < line.quantity
    )
    if shortages:
        return Hold(message.order_id, "REFUSED", shortages=shortages, expires_at_ms=message.expires_at_ms)
    for line in wanted:
        _move(turn, "reserved", line.product_id, reserved=line.quantity)
    return Hold(message.order_id, "HELD", wanted, expires_at_ms=message.expires_at_ms)


def _release(hold: Hold | None, message: ReleaseStock, turn: Turn) -> Hold:
    if hold is None:  # H5: a tombstone
        hold = Hold(message.order_id, "RELEASED")
    elif hold.state == "SHIPPED":
        raise Unlisted("hold", message.order_id, hold.state, "ReleaseStock")
    elif hold.state == "HELD":  # H6
        for line in hold.lines:
            _move(turn, "released", line.product_id, reserved=-line.quantity)
    turn.send("orders", StockReleased(message.order_id, message.partition))
    return replace(hold, state="RELEASED")


def _ship(hold: Hold, message: ShipStock, turn: Turn) -> Hold:
    """H7. What is held and does not leave is released: no hold outlives its order."""
    shipped = _summed(message.lines)
    leaving = {line.product_id: line.quantity for line in shipped}
    for line in hold.lines:
        left = leaving.pop(line.product_id, 0)
        if left > line.quantity:
            raise Unlisted("hold", message.order_id, hold.state, f"ShipStock of {left} {line.product_id}")
        if left:
            _move(turn, "shipped", line.product_id, on_hand=-left, reserved=-left)
        if left < line.quantity:
            _move(turn, "released", line.product_id, reserved=left - line.quantity)
    if leaving:
        raise Unlisted("hold", message.order_id, hold.state, f"ShipStock of {', '.join(leaving)}, which is not held")
    return replace(hold, state="SHIPPED", shipped=shipped)


def _return(hold: Hold, message: ReturnStock, turn: Turn) -> Hold:
    """H8. Goods that do not go back on the shelf get a row too, of zeros."""
    returned = _summed((*hold.returned, *message.lines))
    shipped = {line.product_id: line.quantity for line in hold.shipped}
    for line in returned:
        if line.quantity > shipped.get(line.product_id, 0):
            raise Unlisted("hold", message.order_id, hold.state, f"ReturnStock of {line.quantity} {line.product_id}")
    for line in _summed(message.lines):
        on_hand = line.quantity if message.restock else 0
        _move(turn, "returned", line.product_id, on_hand=on_hand, reason=message.return_id)
    return replace(hold, returned=returned)


def _product(stock: Stock | None, message: StockMessage, turn: Turn) -> Stock:
    """S1 to S3: what clients do to one product."""
    known = stock if stock is not None else Stock(message.product_id)
    kind: Movement
    match message:
        case ReceiveStock():
            if message.quantity < 1:
                raise InvalidInput("quantity", message.quantity, "what is received is at least 1")
            kind, change = "received", message.quantity
        case AdjustStock():
            if stock is None:
                raise StockUnknown(message.product_id)
            kind, change = "adjusted", message.quantity
        case SetStock():
            if known.on_hand != message.expected:
                raise StockChanged(message.product_id, message.expected, known.on_hand)
            kind, change = "set", message.on_hand - known.on_hand
        case _:
            assert_never(message)
    if known.on_hand + change < known.reserved:
        raise StockCommitted(message.product_id, known.on_hand, known.reserved)
    return move(turn, known, kind, on_hand=change, reason=message.reason, by=message.by)


def _available(turn: Turn, product_id: str) -> int:
    stock: Stock | None = turn.load(stock_key(product_id))
    return stock.available if stock is not None else UNKNOWN_PRODUCT


def _move(
    turn: Turn, kind: Movement, product_id: str, *, on_hand: int = 0, reserved: int = 0, reason: str = ""
) -> None:
    key = stock_key(product_id)
    stock: Stock = turn.load(key)
    turn.save(key, move(turn, stock, kind, on_hand=on_hand, reserved=reserved, reason=reason))


def _summed(lines: Iterable[ProductQuantity]) -> tuple[ProductQuantity, ...]:
    """One entry a product. Raises InvalidInput for a quantity below 1."""
    sums: dict[str, int] = {}
    for line in lines:
        if line.quantity < 1:
            raise InvalidInput("quantity", line.quantity, f"at least 1 of {line.product_id!r}")
        sums[line.product_id] = sums.get(line.product_id, 0) + line.quantity
    return tuple(ProductQuantity(product_id, quantity) for product_id, quantity in sums.items())
