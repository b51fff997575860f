"""The 15-line actor of the design as it stands there, without an event loop and on the engine."""
# ruff: noqa: E701, E702
# mypy: disable-error-code="no-untyped-def"

from sagamore.engine.actor import Actor
from sagamore.engine.message import Message, State
from sagamore.engine.testing import run_turn
from sagamore.engine.turn import Turn
from tests.engine.world import World


class OrderConfirmed(Message, tag="test.order_confirmed", version=1):
    """What another actor publishes."""

    customer: str
    points: int


# fmt: off
class Visit(Message, tag="loyalty.visit", version=1): customer: str; points: int        # an actor of one's own
class Card(State, tag="loyalty.card", version=1): points: int = 0
class Loyalty(Actor[Card, Visit | OrderConfirmed], kind="loyalty", subscribes=[OrderConfirmed]):
    def entity(self, message): return message.customer                                  # which card
    def handle(self, card, message, turn):                                              # pure
        card = Card(card.points + message.points); turn.reply(card); return card
# fmt: on


class Confirm(Message, tag="test.confirm", version=1):
    """Publish it."""

    customer: str


class Shop(Actor[Card, Confirm], kind="shop"):
    def entity(self, message: Confirm) -> str:
        return message.customer

    def handle(self, state: Card, message: Confirm, turn: Turn) -> Card:
        turn.publish(OrderConfirmed(message.customer, 10))
        return state


def test_it_takes_a_turn_without_an_event_loop() -> None:
    result = run_turn(Loyalty(), Visit("ann", 3), {"ann": Card(4)})
    assert result.state == result.reply == Card(7)


async def test_it_runs_on_the_engine_and_survives_a_restart(world: World) -> None:
    engine = await world.start(Loyalty())
    assert await engine.ask("loyalty", Visit("ann", 3)) == Card(3)
    assert await engine.ask("loyalty", Visit("ann", 4)) == Card(7)
    await world.kill()
    engine = await world.start()
    assert await engine.read("loyalty", "ann") == Card(7)


async def test_it_gets_what_it_subscribes_to(world: World) -> None:
    engine = await world.start(Shop(), Loyalty())
    await engine.ask("shop", Confirm("ann"))
    assert await world.until_state("loyalty", "ann", lambda card: card.points) == Card(10)
