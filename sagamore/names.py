"""The names that programs import from `sagamore`."""

from sagamore import blocking
from sagamore.actors.money import Money
from sagamore.actors.notifications.allowance import UserLimit
from sagamore.actors.notifications.audiences import Audience, Broadcast
from sagamore.actors.notifications.channel import CannotSend, Channel, Outgoing, permanent, sent
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.errors import (
    BadAddress,
    BadEventData,
    CannotCancel,
    UnknownAudience,
    UnknownBroadcast,
    UnknownChannel,
    UnknownEvent,
    UnknownItem,
    UnknownNotification,
    UnknownUser,
)
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.inbox import Feed, Inbox, Item
from sagamore.actors.notifications.notification import Delivery, Notification
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.actors.notifications.user import User
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
from sagamore.actors.providers.fcm import FcmPush
from sagamore.actors.providers.http_payments import HttpPayments
from sagamore.actors.providers.in_threads import in_threads
from sagamore.actors.providers.simulated import SimulatedPayments
from sagamore.actors.providers.smtp import SmtpEmail
from sagamore.actors.providers.twilio import TwilioSms
from sagamore.actors.providers.webhooks import Webhooks
from sagamore.app import Sagamore
from sagamore.engine.actor import Actor
from sagamore.engine.effect import Call, Capabilities, NotReached, Outcome, Rate, Throttled, Unknown
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
    "Audience",
    "BadAddress",
    "BadEventData",
    "Broadcast",
    "Call",
    "CannotCancel",
    "CannotSend",
    "Capabilities",
    "Category",
    "Channel",
    "Charge",
    "Closed",
    "Delivery",
    "DirectoryError",
    "Event",
    "EventType",
    "FcmPush",
    "Feed",
    "HttpPayments",
    "IllegalTransition",
    "Inbox",
    "InvalidInput",
    "Item",
    "KeyReused",
    "Limits",
    "Line",
    "Message",
    "Money",
    "NotReached",
    "Notification",
    "NotificationSettings",
    "Order",
    "OrderCancelled",
    "OrderConfirmed",
    "OrderCreated",
    "OrderSettings",
    "OrderShipped",
    "OutOfStock",
    "Outcome",
    "OutcomeUnknown",
    "Outgoing",
    "Overloaded",
    "PartitionDown",
    "PayByPassed",
    "Payment",
    "PaymentActionRequired",
    "PaymentEvent",
    "PaymentFailed",
    "Rate",
    "Record",
    "Refund",
    "RefundIssued",
    "Refused",
    "Sagamore",
    "SagamoreError",
    "Settings",
    "SimulatedPayments",
    "SmtpEmail",
    "State",
    "Stock",
    "StockChanged",
    "StockCommitted",
    "StockUnknown",
    "Throttled",
    "Turn",
    "TwilioSms",
    "Unavailable",
    "Unknown",
    "UnknownAudience",
    "UnknownBroadcast",
    "UnknownChannel",
    "UnknownEvent",
    "UnknownItem",
    "UnknownNotification",
    "UnknownOrder",
    "UnknownProduct",
    "UnknownUser",
    "User",
    "UserLimit",
    "Webhooks",
    "WrongLoop",
    "blocking",
    "in_threads",
    "permanent",
    "sent",
]
