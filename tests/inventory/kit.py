"""What tests of handlers need beyond `run_turn`: someone to report to, facts, alerts, and a discarded message."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from sagamore.actors.orders.order_messages import UndoAbandoned
from sagamore.actors.orders.payment_messages import PaymentReport, RefundReport
from sagamore.actors.orders.stock_messages import StockRefused, StockReleased, StockReserved
from sagamore.engine.actor import Actor
from sagamore.engine.message import Message, State
from sagamore.engine.testing import TurnResult, run_turn
from sagamore.engine.turn import AlertRaised

Reports = PaymentReport | RefundReport | StockReserved | StockRefused | StockReleased | UndoAbandoned


class Nothing(State, tag="tests.nothing"):
    """The address is all that matters."""


class Addressee(Actor[Nothing | None, Reports], kind="orders"):
    """Where reports go; takes no turn."""

    def entity(self, message: Reports) -> str:
        return message.order_id


def take(
    actor: Actor[Any, Any], message: Message, entities: Mapping[str, State] | None = None, **options: Any
) -> TurnResult:
    """`run_turn` with someone to report to."""
    return run_turn(actor, message, entities, others=(Addressee(),), **options)


def facts(result: TurnResult, kind: type[Any]) -> list[Any]:
    """The facts of one type that the turn noted, in order."""
    return [fact for fact in result.notes if isinstance(fact, kind)]


def alerts(result: TurnResult) -> list[tuple[str, str]]:
    """Name and subject of the alerts raised."""
    return [(alert.name, alert.subject) for alert in result.of(AlertRaised)]


def give_up(actor: Actor[Any, Any], message: Message, entities: Mapping[str, State] | None = None) -> TurnResult:
    """The turn in which a person's discarding of the message's dead letter is taken."""
    discarding = copy(actor)
    discarding.handle = actor.given_up  # type: ignore[method-assign]
    return take(discarding, message, entities)
