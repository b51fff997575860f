"""The provider's events on their way to payments, and how far they have been heard.

The shop asks the provider for its events (`sagamore/listening.py`) and hands each over here under its order's id, so
that it belongs to the order's story. From then on it is a message like any other: taken once, tried again, in the end a
dead letter. When all of an answer are on disk, the place in the provider's list moves on.
"""

from sagamore.actors.orders.payment_messages import HeardUpTo, PaymentEvent
from sagamore.engine.actor import Actor
from sagamore.engine.message import State
from sagamore.engine.turn import Turn

PLACE = "place"


class EventsHeard(State, tag="payment_events.heard", version=1):
    """Kept under PLACE."""

    place: str


class PaymentEventsActor(Actor[EventsHeard | None, PaymentEvent | HeardUpTo], kind="payment_events", way=("payments",)):
    """Part of a shop whose provider is asked for its events."""

    def entity(self, message: PaymentEvent | HeardUpTo) -> str:
        """The order's id, of which nothing is kept; or PLACE."""
        return message.order_id if isinstance(message, PaymentEvent) else PLACE

    def handle(self, heard: EventsHeard | None, message: PaymentEvent | HeardUpTo, turn: Turn) -> EventsHeard | None:
        """Pass it on."""
        if isinstance(message, HeardUpTo):
            return EventsHeard(message.place)
        turn.send("payments", message)
        return heard
