"""What the provider tells unasked, on its way to the order: through the door, or because the shop asks for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sagamore import InvalidInput, PaymentEvent, Sagamore, SimulatedPayments


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Sagamore]:
    async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"amount": -1}, "`int` >= 0"),
        ({"amount": 12.5}, "`int`"),
        ({"kind": "paid"}, "Invalid enum value 'paid'"),
        ({"order_id": "o" * 256}, "length <= 255"),
        ({"event_id": "e" * 256}, "255"),
        ({"provider_id": "p" * 256}, "length <= 255"),
        ({"refund_id": "r" * 256}, "length <= 255"),
    ],
)
async def test_an_event_that_cannot_be_true_is_refused_at_the_door(
    shop: Sagamore, said: dict[str, Any], expected: str
) -> None:
    event = PaymentEvent(**{"order_id": "ord_1", "event_id": "evt_1", "kind": "captured", "amount": 1} | said)
    with pytest.raises(InvalidInput, match=expected):
        await shop.payments.event(event)
