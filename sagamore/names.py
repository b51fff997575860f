"""The names that programs import from `sagamore`."""

from sagamore import blocking
from sagamore.actors.money import Money
from sagamore.actors.orders.door import Charge, Line
from sagamore.actors.orders.errors import IllegalTransition, OutOfStock, PayByPassed, UnknownOrder, UnknownProduct
from sagamore.actors.orders.order import Order, Refund
from sagamore.actors.orders.order_messages import (
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderShipped,
    PaymentActionRequired,
    PaymentFailed,
    RefundIssued,
)
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.payment_messages import PaymentEvent
from sagamore.actors.orders.settings import OrderSettings
from sagamore.actors.orders.stock import Stock
from sagamore.actors.orders.stock_errors import StockChanged, StockCommitted, StockUnknown
from sagamore.actors.providers.in_threads import in_threads
from sagamore.actors.providers.simulated import SimulatedPayments
from sagamore.app import Sagamore
from sagamore.engine.actor import Actor
from sagamore.engine.errors import (
    Closed,
    DirectoryError,
    InvalidInput,
    KeyReused,
    OutcomeUnknown,
    Overloaded,
    PartitionDown,
    Refused,
    SagamoreError,
    Unavailable,
    WrongLoop,
)
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message, Record, State
from sagamore.engine.turn import Turn
from sagamore.settings import Settings

__all__ = [
    "Actor",
    "Charge",
    "Closed",
    "DirectoryError",
    "IllegalTransition",
    "InvalidInput",
    "KeyReused",
    "Limits",
    "Line",
    "Message",
    "Money",
    "Order",
    "OrderCancelled",
    "OrderConfirmed",
    "OrderCreated",
    "OrderSettings",
    "OrderShipped",
    "OutOfStock",
    "OutcomeUnknown",
    "Overloaded",
    "PartitionDown",
    "PayByPassed",
    "Payment",
    "PaymentActionRequired",
    "PaymentEvent",
    "PaymentFailed",
    "Record",
    "Refund",
    "RefundIssued",
    "Refused",
    "Sagamore",
    "SagamoreError",
    "Settings",
    "SimulatedPayments",
    "State",
    "Stock",
    "StockChanged",
    "StockCommitted",
    "StockUnknown",
    "Turn",
    "Unavailable",
    "UnknownOrder",
    "UnknownProduct",
    "WrongLoop",
    "blocking",
    "in_threads",
]
