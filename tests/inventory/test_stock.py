"""What clients do to one product (S1 receive, S2 adjust, S3 set), and the ledger as the only writer."""

import pytest

from sagamore.actors.orders.facts import StockMoved
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.stock import Stock, apply, stock_key
from sagamore.actors.orders.stock_errors import StockChanged, StockCommitted, StockUnknown
from sagamore.actors.orders.stock_messages import AdjustStock, ReceiveStock, SetStock
from sagamore.engine.errors import InvalidInput, Refused
from sagamore.engine.message import Message
from sagamore.engine.testing import TurnResult, run_turn
from tests.inventory.kit import facts

MUG = stock_key("mug")


def take(message: Message, stock: Stock | None = None) -> TurnResult:
    return run_turn(InventoryActor(), message, {MUG: stock} if stock else {})


def test_s1_receiving_makes_a_product_known_and_answers_with_its_stock() -> None:
    result = take(ReceiveStock("mug", 100, "first delivery", "ann"))
    assert result.reply == result.state == Stock("mug", 100, 0)
    assert facts(result, StockMoved) == [StockMoved("mug", "received", 100, 0, 100, 0, "first delivery", "ann")]


@pytest.mark.parametrize("quantity", [0, -1])
def test_s1_receiving_nothing_or_less_is_refused(quantity: int) -> None:
    with pytest.raises(InvalidInput, match="quantity is"):
        take(ReceiveStock("mug", quantity, "?"))


def test_s2_an_adjustment_may_go_down_to_what_is_reserved_and_no_further() -> None:
    assert take(AdjustStock("mug", -3, "broken"), Stock("mug", 5, 2)).reply == Stock("mug", 2, 2)
    with pytest.raises(StockCommitted, match="of 5 on hand 2 are reserved") as refused:
        take(AdjustStock("mug", -4, "broken"), Stock("mug", 5, 2))
    assert (refused.value.on_hand, refused.value.reserved) == (5, 2)


def test_s2_a_product_never_seen_cannot_be_adjusted() -> None:
    with pytest.raises(StockUnknown, match="'mug' was never received"):
        take(AdjustStock("mug", 3, "found"))


def test_s3_a_count_replaces_the_on_hand_that_it_expects() -> None:
    result = take(SetStock("mug", 7, 5, "count", "bob"), Stock("mug", 5, 2))
    assert result.reply == Stock("mug", 7, 2)
    assert facts(result, StockMoved) == [StockMoved("mug", "set", 2, 0, 7, 2, "count", "bob")]
    assert take(SetStock("mug", 7, 0, "first count")).reply == Stock("mug", 7)


def test_s3_a_count_that_expects_something_else_is_refused_with_what_there_is() -> None:
    with pytest.raises(StockChanged, match="5 were expected on hand, there are 6") as refused:
        take(SetStock("mug", 7, 5, "count"), Stock("mug", 6, 2))
    assert (refused.value.expected, refused.value.on_hand) == (5, 6)


def test_s3_a_count_below_what_is_reserved_is_refused() -> None:
    with pytest.raises(StockCommitted):
        take(SetStock("mug", 1, 5, "count"), Stock("mug", 5, 2))


def test_refusals_of_clients_are_refused_not_retried() -> None:
    assert issubclass(StockCommitted, Refused)
    assert issubclass(StockChanged, Refused)
    assert issubclass(StockUnknown, Refused)


def test_a_ledger_row_that_does_not_follow_from_the_stock_is_found() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        apply(Stock("mug", 5, 0), StockMoved("mug", "received", 1, 0, 7, 0))


@pytest.mark.parametrize("change", [(0, 6), (-6, 0), (0, -1)])
def test_a_ledger_row_that_promises_more_than_there_is_cannot_be_written(change: tuple[int, int]) -> None:
    on_hand, reserved = change
    with pytest.raises(ValueError, match="on hand"):
        apply(Stock("mug", 5, 0), StockMoved("mug", "reserved", on_hand, reserved, 5 + on_hand, reserved))
