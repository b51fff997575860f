"""What the tests of the orders actor share: one order, driven message by message through `run_turn`, and ways into
every state."""

from typing import Any

from sagamore.actors.orders.facts import Entered
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.order_messages import (
    CancelOrder,
    DeadlinePassed,
    DeliverOrder,
    OrderCancelled,
    OrderCharge,
    OrderConfirmed,
    OrderCreated,
    OrderLine,
    OrderShipped,
    PaymentActionRequired,
    PaymentFailed,
    PayOrder,
    PlaceOrder,
    RefundIssued,
    RefundOrder,
    ReturnOrder,
    ShipOrder,
    UndoAbandoned,
)
from sagamore.actors.orders.orders import OrdersActor
from sagamore.actors.orders.payment_messages import Capture, NextAction, PaymentReport, RefundReport
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.actors.orders.settings import OrderSettings, SagaName
from sagamore.actors.orders.stock_messages import ProductQuantity, Shortage, StockRefused, StockReleased, StockReserved
from sagamore.engine.actor import Actor
from sagamore.engine.message import Message, State
from sagamore.engine.routes import ActorRoutes
from sagamore.engine.testing import NOON_MS, TurnResult, run_turn
from sagamore.engine.turn import AlertCleared, AlertRaised, TimerCancelled, TimerSet, Turn

ORDER = "ord_" + "0" * 32
MUG, PLATE = "MUG", "PLATE"
"""With two inventory partitions the mug lives in the first and the plate in the second."""
AMOUNT = 2 * 1250 + 3 * 400 + 300
SOON_MS = NOON_MS + 60_000


class Heard(State, tag="listener.heard", version=1):
    """Nothing to remember."""


Event = (
    OrderCreated | OrderConfirmed | OrderCancelled | OrderShipped | PaymentFailed | PaymentActionRequired | RefundIssued
)


class Listener(
    Actor[Heard, Event],
    kind="listener",
    subscribes=[
        OrderCreated, OrderConfirmed, OrderCancelled, OrderShipped, PaymentFailed, PaymentActionRequired, RefundIssued,
    ],
):  # fmt: skip
    """Subscribes to all that orders publishes, so that a test sees it among what was sent."""

    def entity(self, message: Event) -> str:
        return message.order_id


class Run:
    """One order; `last` is the result of the last turn."""

    def __init__(self, saga: SagaName, capture: Capture, partitions: int) -> None:
        self.actor = OrdersActor(OrderSettings(saga=saga, capture=capture))
        self.saga, self.capture = saga, capture
        self.partitions = {"inventory": partitions}
        self.state: Order | None = None
        self.now_ms = NOON_MS
        self.revision = 0
        self.turns = 0
        self.last: TurnResult

    @property
    def order(self) -> Order:
        assert self.state is not None
        return self.state

    def take(self, message: Message) -> TurnResult:
        """Take a turn; what raises changes nothing."""
        self.turns += 1
        before = {} if self.state is None else {ORDER: self.state}
        self.last = run_turn(
            self.actor, message, before, now_ms=self.now_ms, message_id=f"msg_{self.turns}",
            partitions=self.partitions, others=(PaymentsActor(), InventoryActor(), Listener()),
        )  # fmt: skip
        self.state = self.last.state
        return self.last

    def place(self, *, method: str = "pm_card", pay_by_ms: int = 0) -> TurnResult:
        lines = (OrderLine(MUG, 2, 1250), OrderLine(PLATE, 2, 400), OrderLine(PLATE, 1, 400))
        charges = (OrderCharge("shipping", 300),)
        return self.take(
            PlaceOrder(ORDER, "ann", lines, charges, AMOUNT, "GBP", method, "#1001", (("cart", "8471"),), pay_by_ms)
        )

    def pay(self) -> TurnResult:
        return self.take(PayOrder(ORDER, "pm_other"))

    def cancel(self) -> TurnResult:
        return self.take(CancelOrder(ORDER))

    def refund(self, amount: int) -> TurnResult:
        return self.take(RefundOrder(ORDER, amount, "scratched"))

    def ship(self) -> TurnResult:
        return self.take(ShipOrder(ORDER, "RM1"))

    def deliver(self) -> TurnResult:
        return self.take(DeliverOrder(ORDER))

    def send_back(self, product: str, quantity: int, amount: int = 0, restock: bool = True) -> TurnResult:
        return self.take(ReturnOrder(ORDER, (ProductQuantity(product, quantity),), amount, restock, "too blue"))

    def report(self, state: str, **fields: Any) -> TurnResult:
        """The next report of the payment: of the order's attempt, with the captured money that the state implies."""
        self.revision += 1
        attempt = self.state.attempt if self.state else 1
        known = {"unknown": False, "parked": False, "captured": AMOUNT if state == "CAPTURED" else 0, "refunded": 0}
        if state == "ACTION_REQUIRED":
            known["next_action"] = NextAction("redirect", "https://bank.example/3ds")  # type: ignore[assignment]
        if state == "REFUSED":
            known["refusal"] = "card_declined: no"  # type: ignore[assignment]
        report: dict[str, Any] = {"revision": self.revision, "attempt": attempt} | known | fields
        return self.take(PaymentReport(ORDER, state=state, **report))  # type: ignore[arg-type]

    def paid(self) -> TurnResult:
        return self.report("AUTHORISED" if self.capture == "on_confirm" else "CAPTURED")

    def reserved(self, partition: int = 0) -> TurnResult:
        return self.take(StockReserved(ORDER, partition))

    def out_of_stock(self, partition: int = 0) -> TurnResult:
        return self.take(StockRefused(ORDER, partition, (Shortage(MUG, 2, 1),)))

    def released(self, partition: int = 0) -> TurnResult:
        return self.take(StockReleased(ORDER, partition))

    def refunded(self, refund_id: str, amount: int, status: str = "SUCCEEDED") -> TurnResult:
        return self.take(RefundReport(ORDER, refund_id, amount, status, 0, 0, "not now"))  # type: ignore[arg-type]

    def undo_abandoned(self) -> TurnResult:
        return self.take(UndoAbandoned(ORDER, "release of the stock"))

    def deadline(self) -> TurnResult:
        """The timer comes when it is due."""
        self.now_ms = max(self.now_ms, self.order.deadline_ms)
        return self.take(DeadlinePassed(ORDER))

    # what the last turn left

    @property
    def kinds(self) -> list[type[Message]]:
        return [type(message) for message in self.last.sent()]

    @property
    def entered(self) -> list[Entered]:
        return [note for note in self.last.notes if isinstance(note, Entered)]

    @property
    def raised(self) -> list[str]:
        return [alert.name for alert in self.last.of(AlertRaised)]

    @property
    def cleared(self) -> list[str]:
        return [alert.name for alert in self.last.of(AlertCleared)]

    @property
    def timers(self) -> list[int]:
        """When timers set by the last turn are due; 0 for one that it stopped."""
        kept = [i for i in self.last.intentions if isinstance(i, TimerSet | TimerCancelled)]
        return [i.due_ms if isinstance(i, TimerSet) else 0 for i in kept]


def at(
    state: str,
    saga: SagaName = "pay_first",
    capture: Capture = "on_confirm",
    *,
    partitions: int = 1,
    pay_by_ms: int = 0,
    later: bool = False,
) -> Run:
    """An order in that state, by the straightest way; `later` places it without a payment method."""
    run = Run(saga, capture, partitions)
    if state == "NEW":
        return run
    pay_by_ms = pay_by_ms or (SOON_MS if later or state == "AWAITING_PAYMENT" else 0)
    run.place(method="" if later or state == "AWAITING_PAYMENT" else "pm_card", pay_by_ms=pay_by_ms)
    if state in ("CANCELLING", "CANCELLED"):
        run.cancel()
        if state == "CANCELLED":
            run.report("CLOSED")
            for partition in range(partitions):
                run.released(partition)
    else:
        _forward(run, state, partitions)
    assert run.order.state == state
    return run


def _forward(run: Run, state: str, partitions: int) -> None:
    steps: dict[str, Any] = {
        "PAYING": run.paid,
        "RESERVING": lambda: [run.reserved(p) for p in range(partitions)],
        "AWAITING_PAYMENT": run.pay,
        "CAPTURING": lambda: run.report("CAPTURED"),
    }
    while run.order.state != state:
        steps[run.order.state]()


def turn_for(run: Run) -> Turn:
    """A turn to give to the actor by hand."""
    routes = ActorRoutes((run.actor, PaymentsActor(), InventoryActor()), {})
    return Turn("orders/0", 0, ORDER, lambda _: None, routes, run.now_ms, "msg_turn", ORDER, run.now_ms)
