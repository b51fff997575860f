"""A directory is not opened without an actor or a channel that it had: either would miss what happens meanwhile."""

from pathlib import Path

import pytest

from sagamore import Inbox, Line, Money, OrderConfirmed, Sagamore, Settings, SimulatedPayments
from sagamore.actors.notifications.channel import Channel
from sagamore.engine.actor import Actor
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import State
from sagamore.engine.turn import Turn
from tests.notifications.test_shop import SOON, until


class Card(State, tag="missed.card"):
    """What was bought so far."""

    amount: int = 0


class Loyalty(Actor[Card, OrderConfirmed], kind="loyalty", subscribes=[OrderConfirmed]):
    """Hears of confirmed orders."""

    def entity(self, message: OrderConfirmed) -> str:
        """The customer's."""
        return message.user_id

    def handle(self, card: Card, message: OrderConfirmed, turn: Turn) -> Card:
        """One more."""
        return Card(card.amount + message.amount)


class Chat(Channel, name="chat"):
    """A channel of a host's own."""


async def confirm_one(shop: Sagamore) -> None:
    await shop.inventory.receive("MUG", 10, reason="x")
    order = await shop.orders.place(user_id="ann", lines=[Line("MUG", 1, Money(5, "GBP"))], payment_method="pm_card")
    assert (await shop.orders.wait(order.id, timeout=SOON)).status == "CONFIRMED"


async def bought(shop: Sagamore) -> int:
    card = await shop.engine.read("loyalty", "ann")
    return card.amount if isinstance(card, Card) else 0


async def test_a_directory_is_not_opened_without_an_actor_that_it_has(tmp_path: Path) -> None:
    path, payments = tmp_path / "shop", SimulatedPayments()
    async with Sagamore.open(path, payments=payments, actors=[Loyalty()]) as shop:
        await confirm_one(shop)

        async def heard() -> bool:
            return await bought(shop) == 500

        await until(heard)
    with pytest.raises(InvalidInput, match="with loyalty, which this directory has"):
        async with Sagamore.open(path, payments=payments):
            pass
    async with Sagamore.open(path, payments=payments, actors=[Loyalty()]) as shop:
        assert await bought(shop) == 500


async def test_a_directory_is_not_opened_without_one_of_its_channels(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", channels=[Inbox(), Chat()]):
        pass
    for channels, missing in (((), "inbox, chat"), ((Inbox(),), "chat"), ((Chat(),), "inbox")):
        with pytest.raises(InvalidInput, match=f"with {missing}, which this directory has"):
            async with Sagamore.open(tmp_path / "shop", channels=channels):
                pass


async def test_what_is_gone_for_good_is_named_and_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    async with Sagamore.open(path, actors=[Loyalty()], channels=[Inbox(), Chat()]):
        pass
    async with Sagamore.open(path, Settings(retired=("loyalty", "chat")), channels=[Inbox()]):
        pass
    async with Sagamore.open(
        path, Settings(retired=("loyalty", "chat", "inbox")), payments=SimulatedPayments()
    ) as shop:
        await confirm_one(shop)


@pytest.mark.parametrize("retired", ["loyalty", ["loyalty"], (7,), ("",), None])
def test_what_is_retired_is_a_tuple_of_names(retired: object) -> None:
    with pytest.raises(InvalidInput, match="retired"):
        Settings(retired=retired)  # type: ignore[arg-type]
