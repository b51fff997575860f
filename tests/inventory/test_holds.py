"""The hold table of SAGAS 1.4, row by row, named as in `inventory.py`."""

import pytest

from sagamore.actors.orders.facts import StockMoved
from sagamore.actors.orders.hold import Hold, hold_key
from sagamore.actors.orders.inventory import InventoryActor
from sagamore.actors.orders.order_messages import UndoAbandoned
from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.stock_messages import (
    ProductQuantity,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
    ShipStock,
    Shortage,
    StockRefused,
    StockReleased,
    StockReserved,
)
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Message, State
from sagamore.engine.testing import TurnResult
from tests.inventory.kit import alerts, facts, give_up
from tests.inventory.kit import take as turn_of

ACTOR = InventoryActor()
ORDER = "ord_1"
HOLD = hold_key(ORDER)


def lines(**quantities: int) -> tuple[ProductQuantity, ...]:
    return tuple(ProductQuantity(product, quantity) for product, quantity in quantities.items())


def shelf(hold: Hold | None = None, **stocks: tuple[int, int]) -> dict[str, State]:
    entities: dict[str, State] = {stock_key(product): Stock(product, *stock) for product, stock in stocks.items()}
    return entities if hold is None else entities | {HOLD: hold}


def take(message: Message, entities: dict[str, State]) -> TurnResult:
    return turn_of(ACTOR, message, entities)


def stock_of(result: TurnResult, product: str) -> tuple[int, int]:
    stock = result.entities[stock_key(product)]
    return stock.on_hand, stock.reserved


def reserve(**quantities: int) -> ReserveStock:
    return ReserveStock(ORDER, 0, lines(**quantities), 99)


def release(**quantities: int) -> ReleaseStock:
    return ReleaseStock(ORDER, 0, lines(**quantities))


def test_h1_enough_of_every_product_is_reserved_and_entered_in_the_ledger() -> None:
    result = take(reserve(mug=2, cup=1), shelf(mug=(5, 3), cup=(1, 0)))
    assert result.state == Hold(ORDER, "HELD", lines(mug=2, cup=1), expires_at_ms=99)
    assert stock_of(result, "mug") == (5, 5)
    assert stock_of(result, "cup") == (1, 1)
    assert result.sent() == [StockReserved(ORDER, 0)]
    assert facts(result, StockMoved) == [
        StockMoved("mug", "reserved", 0, 2, 5, 5),
        StockMoved("cup", "reserved", 0, 1, 1, 1),
    ]


def test_h1_two_lines_of_one_product_are_summed_before_they_are_compared() -> None:
    twice = ReserveStock(ORDER, 0, (ProductQuantity("mug", 3), ProductQuantity("mug", 3)), 99)
    assert take(twice, shelf(mug=(6, 0))).state == Hold(ORDER, "HELD", lines(mug=6), expires_at_ms=99)
    refused = take(twice, shelf(mug=(5, 0)))
    assert refused.sent() == [StockRefused(ORDER, 0, (Shortage("mug", 6, 5),))]


def test_h2_one_short_product_leaves_every_line_untouched_and_all_shortages_are_named() -> None:
    before = shelf(mug=(5, 0), cup=(3, 2))
    result = take(reserve(mug=5, cup=2, pot=1), before)
    shortages = (Shortage("cup", 2, 1), Shortage("pot", 1, -1))
    assert result.state == Hold(ORDER, "REFUSED", shortages=shortages, expires_at_ms=99)
    assert result.sent() == [StockRefused(ORDER, 0, shortages)]
    assert {key: state for key, state in result.entities.items() if key != HOLD} == before
    assert facts(result, StockMoved) == []


def test_h3_a_second_reserve_gets_the_first_answer_and_changes_nothing() -> None:
    held = Hold(ORDER, "HELD", lines(mug=2))
    result = take(reserve(mug=2), shelf(held, mug=(5, 2)))
    assert (result.state, stock_of(result, "mug")) == (held, (5, 2))
    assert result.sent() == [StockReserved(ORDER, 0)]
    refused = Hold(ORDER, "REFUSED", shortages=(Shortage("mug", 2, 0),))
    result = take(reserve(mug=2), shelf(refused, mug=(5, 0)))  # there would be enough by now
    assert (result.state, stock_of(result, "mug")) == (refused, (5, 0))
    assert result.sent() == [StockRefused(ORDER, 0, (Shortage("mug", 2, 0),))]


def test_h4_a_reserve_that_a_release_overtook_does_nothing() -> None:
    tombstone = Hold(ORDER, "RELEASED")
    result = take(reserve(mug=2), shelf(tombstone, mug=(5, 0)))
    assert result.state == tombstone
    assert stock_of(result, "mug") == (5, 0)
    assert result.intentions == ()


@pytest.mark.parametrize("hold", [None, Hold(ORDER, "REFUSED"), Hold(ORDER, "RELEASED")])
def test_h5_releasing_what_is_not_held_moves_nothing_and_is_answered(hold: Hold | None) -> None:
    result = take(release(mug=2), shelf(hold, mug=(5, 1)))
    assert result.state.state == "RELEASED"
    assert stock_of(result, "mug") == (5, 1)
    assert result.sent() == [StockReleased(ORDER, 0)]


def test_h6_releasing_gives_back_what_was_held() -> None:
    result = take(release(mug=2, cup=1), shelf(Hold(ORDER, "HELD", lines(mug=2, cup=1)), mug=(5, 3), cup=(1, 1)))
    assert result.state.state == "RELEASED"
    assert (stock_of(result, "mug"), stock_of(result, "cup")) == ((5, 1), (1, 0))
    assert result.sent() == [StockReleased(ORDER, 0)]
    assert [row.kind for row in facts(result, StockMoved)] == ["released", "released"]


def test_h7_shipping_takes_the_goods_off_the_shelf_and_out_of_the_hold() -> None:
    result = take(ShipStock(ORDER, 0, lines(mug=2)), shelf(Hold(ORDER, "HELD", lines(mug=2)), mug=(5, 3)))
    assert result.state == Hold(ORDER, "SHIPPED", lines(mug=2), shipped=lines(mug=2))
    assert stock_of(result, "mug") == (3, 1)
    assert facts(result, StockMoved) == [StockMoved("mug", "shipped", -2, -2, 3, 1)]


def test_h7_what_is_held_and_does_not_ship_is_released() -> None:
    held = Hold(ORDER, "HELD", lines(mug=2, cup=1))
    result = take(ShipStock(ORDER, 0, lines(mug=1, cup=1)), shelf(held, mug=(5, 3), cup=(1, 1)))
    assert (stock_of(result, "mug"), stock_of(result, "cup")) == ((4, 1), (0, 0))
    assert result.state.shipped == lines(mug=1, cup=1)


@pytest.mark.parametrize("wrong", [{"mug": 3}, {"mug": 2, "cup": 1}])
def test_h7_shipping_more_than_is_held_is_a_bug_that_changes_nothing(wrong: dict[str, int]) -> None:
    with pytest.raises(Unlisted, match="ShipStock of"):
        take(ShipStock(ORDER, 0, lines(**wrong)), shelf(Hold(ORDER, "HELD", lines(mug=2)), mug=(9, 9), cup=(9, 9)))


def test_h8_a_return_with_restock_goes_back_on_the_shelf() -> None:
    hold = Hold(ORDER, "SHIPPED", lines(mug=3), shipped=lines(mug=3), returned=lines(mug=1))
    result = take(ReturnStock(ORDER, "ret_1", 0, lines(mug=2), True), shelf(hold, mug=(5, 1)))
    assert stock_of(result, "mug") == (7, 1)
    assert result.state.returned == lines(mug=3)
    assert facts(result, StockMoved) == [StockMoved("mug", "returned", 2, 0, 7, 1, "ret_1")]


def test_h8_a_return_without_restock_is_in_the_ledger_and_not_on_the_shelf() -> None:
    hold = Hold(ORDER, "SHIPPED", lines(mug=3), shipped=lines(mug=3))
    result = take(ReturnStock(ORDER, "ret_1", 0, lines(mug=2), False), shelf(hold, mug=(5, 1)))
    assert stock_of(result, "mug") == (5, 1)
    assert facts(result, StockMoved) == [StockMoved("mug", "returned", 0, 0, 5, 1, "ret_1")]


def test_h8_no_more_comes_back_than_was_shipped() -> None:
    hold = Hold(ORDER, "SHIPPED", lines(mug=3), shipped=lines(mug=3), returned=lines(mug=2))
    with pytest.raises(Unlisted, match="ReturnStock of 4 mug"):
        take(ReturnStock(ORDER, "ret_2", 0, lines(mug=2), True), shelf(hold, mug=(5, 1)))


@pytest.mark.parametrize(
    ("hold", "message"),
    [
        (None, ShipStock(ORDER, 0, lines(mug=1))),
        (Hold(ORDER, "REFUSED"), ShipStock(ORDER, 0, lines(mug=1))),
        (Hold(ORDER, "RELEASED"), ShipStock(ORDER, 0, lines(mug=1))),
        (Hold(ORDER, "HELD", lines(mug=1)), ReturnStock(ORDER, "ret_1", 0, lines(mug=1), True)),
        (Hold(ORDER, "SHIPPED", lines(mug=1), shipped=lines(mug=1)), reserve(mug=1)),
        (Hold(ORDER, "SHIPPED", lines(mug=1), shipped=lines(mug=1)), release(mug=1)),
    ],
)
def test_a_message_without_a_row_is_a_bug_that_changes_nothing(hold: Hold | None, message: Message) -> None:
    with pytest.raises(Unlisted, match="hold ord_1: no row for"):
        take(message, shelf(hold, mug=(5, 1)))


def test_a_line_of_nothing_or_less_is_refused() -> None:
    for quantity in (0, -1):
        with pytest.raises(InvalidInput, match="at least 1 of 'mug'"):
            take(reserve(mug=quantity), shelf(mug=(5, 0)))


def test_a_discarded_reserve_is_answered_as_refused_and_a_later_one_the_same() -> None:
    result = give_up(ACTOR, reserve(mug=1), shelf(mug=(5, 0)))
    assert result.sent() == [StockRefused(ORDER, 0, ())]
    again = take(reserve(mug=1), result.entities)
    assert again.sent() == [StockRefused(ORDER, 0, ())]
    assert stock_of(again, "mug") == (5, 0)


def test_a_discarded_release_leaves_the_order_stuck_and_the_stock_held() -> None:
    held = Hold(ORDER, "HELD", lines(mug=1))
    result = give_up(ACTOR, release(mug=1), shelf(held, mug=(5, 1)))
    assert result.sent() == [UndoAbandoned(ORDER, "release of the stock of inventory/0")]
    assert (result.state, stock_of(result, "mug")) == (held, (5, 1))


def test_a_discarded_shipment_raises_an_alert() -> None:
    result = give_up(ACTOR, ShipStock(ORDER, 0, lines(mug=1)), shelf(Hold(ORDER, "HELD", lines(mug=1)), mug=(5, 1)))
    assert alerts(result) == [("stock_not_moved", ORDER)]
