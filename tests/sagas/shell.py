"""The engine's part in a world: takes turns of the real actors and keeps what they leave.

Handlers are pure, so each is run once for a side and a message, through `run_turn` with all it asserts, and its result
is remembered: that is what makes millions of worlds affordable.
"""

from itertools import count
from typing import Any, NamedTuple

from sagamore.actors.orders.hold import hold_key
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.order_messages import OrderLine, PlaceOrder, RefundOrder
from sagamore.actors.orders.orders import OrdersActor
from sagamore.actors.orders.payment_messages import PaymentReport, PollPayment
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.orders.settings import OrderSettings
from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.errors import Refused
from sagamore.engine.ids import derived_id
from sagamore.engine.message import Codec, Message
from sagamore.engine.testing import NOON_MS, TurnResult, run_turn
from sagamore.engine.turn import (
    Buried,
    EffectSettled,
    EffectStarted,
    EffectWithdrawn,
    Sent,
    TimerCancelled,
    TimerSet,
)
from tests.protocol.explore import Violation
from tests.sagas.world import (
    AMOUNT,
    LATE_MS,
    ORDER,
    PAY_BY_MS,
    PRODUCTS,
    Flight,
    Numbers,
    OrderSide,
    PaymentSide,
    Sending,
    Setup,
    StockSide,
    plain_order,
    plain_payment,
)


class Taken(NamedTuple):
    """The number of the side after a turn, and the numbers of what was sent."""

    side: int
    sent: tuple[int, ...]


class Shell:
    """The three actors as they are when it is made."""

    def __init__(self, setup: Setup, numbers: Numbers) -> None:
        self.setup, self.numbers = setup, numbers
        self.orders = OrdersActor(OrderSettings(saga=setup.saga, capture=setup.capture))
        self.payments, self.inventory = PaymentsActor(), InventoryActor()
        self.turns = 0
        self._actors = (self.orders, self.payments, self.inventory)
        self._letter = Codec(self.payments.message_types).decode
        self._taken: dict[tuple[int, int], Taken | None] = {}

    def place(self) -> Taken:
        """The order, placed."""
        lines = tuple(OrderLine(product, 1, AMOUNT // len(PRODUCTS)) for product in PRODUCTS)
        method, pay_by_ms = ("", PAY_BY_MS) if self.setup.later else ("pm_card", 0)
        place = PlaceOrder(ORDER, "ann", lines, (), AMOUNT, "GBP", method, pay_by_ms=pay_by_ms)
        taken = self.take(self.numbers.of(OrderSide(None)), self.numbers.of(Sending("orders", 0, place)))
        assert taken is not None
        return taken

    def shelves(self) -> tuple[int, ...]:
        """Every partition with one piece of each of its products."""
        each = [PRODUCTS] if self.setup.partitions == 1 else [(product,) for product in PRODUCTS]
        return tuple(self.numbers.of(StockSide(None, tuple(Stock(p, on_hand=1) for p in some))) for some in each)

    def take(self, side: int, sending: int) -> Taken | None:
        """A turn; None if the message is refused, or unlisted and has to be tried again."""
        try:
            return self._taken[side, sending]
        except KeyError:
            taken = self._take(self.numbers.things[side], self.numbers.things[sending].message)
            self._taken[side, sending] = taken
            return taken

    def _take(self, side: Any, message: Message) -> Taken | None:
        self.turns += 1
        after: OrderSide | PaymentSide | StockSide
        try:
            match side:
                case OrderSide():
                    after, result = self._order(side, message)
                case PaymentSide():
                    after, result = self._payment(side, message)
                case _:
                    after, result = self._stock(side, message)
        except (Refused, Unlisted):
            return None
        except Exception as error:
            raise Violation(f"{type(message).__name__} breaks a handler: {error!r}") from error
        sent = tuple(self.numbers.of(_sending(i)) for i in result.intentions if isinstance(i, Sent))
        return Taken(self.numbers.of(after), sent)

    def _run(self, actor: Any, message: Message, entities: Any, message_id: str, now_ms: int = NOON_MS) -> TurnResult:
        others = tuple(other for other in self._actors if other is not actor)
        return run_turn(
            actor, message, {key: state for key, state in entities.items() if state is not None}, now_ms=now_ms,
            message_id=message_id, correlation=ORDER, partitions={"inventory": self.setup.partitions}, others=others,
        )  # fmt: skip

    def _order(self, side: OrderSide, message: Message) -> tuple[OrderSide, TurnResult]:
        message_id = f"msg_refund_{message.amount}" if isinstance(message, RefundOrder) else "msg"
        now_ms = LATE_MS if side.late else NOON_MS
        result = self._run(self.orders, message, {ORDER: side.order}, message_id, now_ms)
        armed = side.armed
        for intention in result.intentions:
            armed = isinstance(intention, TimerSet) if isinstance(intention, TimerSet | TimerCancelled) else armed
        return plain_order(side._replace(order=result.state, armed=armed)), result

    def _payment(self, side: PaymentSide, message: Message) -> tuple[PaymentSide, TurnResult]:
        message_id = _free_read(side) if isinstance(message, PollPayment) else f"msg_{side.serial}"
        result = self._run(self.payments, message, {ORDER: side.payment}, message_id)
        flights = {flight.effect.id: flight for flight in side.flights}
        timers, letters, serial = dict(side.timers), list(side.letters), side.serial
        for intention in result.intentions:
            match intention:
                case EffectStarted():
                    flights[intention.id] = Flight(intention)
                    serial += intention.operation != "read"
                case EffectWithdrawn() if intention.id in flights:
                    flights[intention.id] = flights[intention.id]._replace(withdrawn=True)
                case EffectSettled():
                    settled = flights.pop(intention.id, None)
                    if settled and not settled.parked:
                        raise Violation(f"a {settled.effect.operation} under way is settled")
                case TimerSet():
                    timers[intention.name] = intention.message
                case TimerCancelled():
                    timers.pop(intention.name, None)
                case Buried():
                    letters.append(self._letter(intention.body))
        kept = tuple(sorted(flights.values(), key=lambda flight: flight.effect.id))
        after = PaymentSide(result.state, kept, tuple(sorted(timers.items())), tuple(letters), serial)
        return plain_payment(after), result

    def _stock(self, side: StockSide, message: Message) -> tuple[StockSide, TurnResult]:
        stocks = {stock_key(stock.product_id): stock for stock in side.stocks}
        result = self._run(self.inventory, message, {hold_key(ORDER): side.hold, **stocks}, "msg")
        return StockSide(result.entities.get(hold_key(ORDER)), tuple(result.entities[key] for key in stocks)), result


def _free_read(side: PaymentSide) -> str:
    """Reads come again and again: an id serves anew when nobody can mistake it for the old one."""
    known = {flight.effect.id for flight in side.flights}
    return next(m for n in count() if derived_id("eff", NOON_MS, 0, m := f"msg_read_{n}", 1) not in known)


def _sending(sent: Sent) -> Sending:
    kind, partition = sent.receiver.rsplit("/", 1)
    return Sending(kind, int(partition), sent.message)


def label_of(sending: Sending) -> str:
    """How a trace names a delivery."""
    message: Any = sending.message
    if isinstance(message, PaymentReport):
        what = f" {message.state}{' unknown' * message.unknown}{' parked' * message.parked} r{message.revision}"
    else:
        shown = ("attempt", "operation", "verdict", "kind", "status", "amount")
        what = "".join(f" {getattr(message, field)}" for field in shown if hasattr(message, field))
    return f"{sending.kind}/{sending.partition} takes {type(message).__name__}{what}"
