"""What a handler leaves comes back as it is, or its turn fails: no entity is lost to a wrong type."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sagamore.engine.actor import Actor
from sagamore.engine.errors import NotEncodable
from sagamore.engine.message import Message, Record, State
from sagamore.engine.testing import run_turn
from sagamore.engine.turn import Turn
from tests.engine.world import World


class Card(State, tag="read_back.card"):
    points: int = 0
    places: tuple[str, ...] = ()


class Other(State, tag="read_back.other"):
    """No state of this actor."""


class Answer(Record, tag="read_back.answer"):
    points: int


class Visit(Message, tag="read_back.visit"):
    customer: str
    points: int = 1
    wrong: str = ""


def sends(card: Card, turn: Turn) -> Card:
    turn.send("cards", Visit("bob", 0.5))  # type: ignore[arg-type]
    return card


def schedules(card: Card, turn: Turn) -> Card:
    turn.schedule("later", Visit("ann", "1"), after=timedelta(1))  # type: ignore[arg-type]
    return card


def replies(card: Card, turn: Turn) -> Card:
    turn.reply(Answer(None))  # type: ignore[arg-type]
    return card


WRONG: dict[str, Callable[[Card, Turn], Any]] = {
    "a float for an int": lambda card, _: Card(card.points + 0.5),  # type: ignore[arg-type]
    "text for an int": lambda _, __: Card("x"),  # type: ignore[arg-type]
    "a list for a tuple": lambda _, __: Card(1, ["here"]),  # type: ignore[arg-type]
    "no state": lambda _, __: 7,
    "another actor's state": lambda _, __: Other(),
    "a message that cannot be read": sends,
    "a timer's message": schedules,
    "an answer": replies,
}


class Cards(Actor[Card, Visit], kind="cards", replies=(Answer,)):
    """A handler that nobody has type-checked."""

    def entity(self, message: Visit) -> str:
        return message.customer

    def handle(self, card: Card, message: Visit, turn: Turn) -> Any:
        if message.wrong:
            return WRONG[message.wrong](card, turn)
        turn.reply(after := Card(card.points + message.points, ("here",)))
        return after


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_turn_that_leaves_what_would_not_come_back_fails_and_its_entity_goes_on(
    world: World, wrong: str
) -> None:
    engine = await world.start(Cards())
    await engine.ask("cards", Visit("ann"))
    with pytest.raises(NotEncodable):
        await engine.ask("cards", Visit("ann", wrong=wrong))
    await world.stop()
    engine = await world.start(Cards())
    assert await engine.ask("cards", Visit("ann")) == Card(2, ("here",))
    assert await engine.read("cards", "bob") is None


@pytest.mark.parametrize("wrong", WRONG)
def test_run_turn_says_the_same_without_an_engine(wrong: str) -> None:
    with pytest.raises(NotEncodable):
        run_turn(Cards(), Visit("ann", wrong=wrong))


def test_the_error_names_the_record_and_what_would_be_right() -> None:
    for wrong, says in (
        ("a float for an int", r"Card is Card\(points=0\.5.*Expected `int`, got `float` - at `\$\.points`"),
        ("a list for a tuple", "tuples in place of lists"),
        ("no state", r"state of ann is 7; Card or None, which cards says it keeps"),
    ):
        with pytest.raises(NotEncodable, match=says):
            run_turn(Cards(), Visit("ann", wrong=wrong))
