"""What becomes of each kind of row, before anything is played."""

from decimal import Decimal

import pytest

from sagamore import InvalidInput
from sagamore.replay import read_rows
from sagamore.replay.plan import Adjustment, Cancellation, Sale, opening_stock
from tests.replay.kit import HEADING, plan_of, row


def test_lines_of_an_invoice_are_one_order_with_its_date_and_customer() -> None:
    plan = plan_of(row("536365", "85123A", 6), row("536365", "71053", 2, "3.39"))
    (sale,) = plan.steps
    assert isinstance(sale, Sale)
    assert (sale.invoice, sale.user_id("")) == ("536365", "17850")
    assert sale.at.isoformat() == "2010-12-01T08:26:00+00:00"
    assert [(line.product_id, line.quantity, line.unit_price.minor) for line in sale.lines] == [
        ("85123A", 6, 255), ("71053", 2, 339),
    ]  # fmt: skip
    assert plan.demand == {"85123A": 6, "71053": 2}


def test_summer_dates_are_told_by_the_clock_of_london_and_the_other_form_is_read() -> None:
    (sale,) = plan_of("1,85123A,,1,7/1/2011 8:26,1,1,").steps
    assert isinstance(sale, Sale)
    assert sale.at.isoformat() == "2011-07-01T08:26:00+01:00"


def test_a_guest_is_a_user_of_one_invoice() -> None:
    (sale,) = plan_of(row("536365", "85123A", 6, customer="")).steps
    assert isinstance(sale, Sale)
    assert (sale.user_id(""), sale.user_id("/2")) == ("guest-536365", "guest-536365/2")


def test_products_compare_without_case() -> None:
    plan = plan_of(row("1", "85123a", 6), row("1", "85123A", 1))
    assert plan.demand == {"85123A": 7}


@pytest.mark.parametrize("code", ["POST", "D", "M", "DOT", "BANK CHARGES", "C2", "gift_0001_50", "1234", "85123A2"])
def test_what_is_not_five_digits_and_letters_is_a_charge(code: str) -> None:
    plan = plan_of(row("1", "85123A", 1, "10"), row("1", code, 3, "18.0"))
    (sale,) = plan.steps
    assert isinstance(sale, Sale)
    assert [(charge.kind, charge.amount.minor) for charge in sale.charges] == [(code.upper(), 5400)]
    assert (plan.file.charges[code.upper()].rows, plan.file.charges[code.upper()].amount) == (1, 5400)


def test_an_invoice_of_charges_only_is_no_order_and_named() -> None:
    plan = plan_of(row("536779", "BANK CHARGES", 1, "15.0"))
    assert plan.steps == []
    assert plan.file.charges_without_goods.names == ["536779 BANK CHARGES 15.00 GBP"]


def test_price_0_and_quantities_below_0_without_c_are_adjustments() -> None:
    plan = plan_of(row("1", "85123A", 56, "0.0", ""), row("2", "85123A", -10, "0", ""), row("3", "85123A", -1))
    assert plan.steps == [
        Adjustment("1", 2, "85123A", 56, returned=False),
        Adjustment("2", 3, "85123A", -10, returned=False),
        Adjustment("3", 4, "85123A", -1, returned=False),
    ]
    assert plan.demand == {"85123A": 0}


def test_a_cancellation_of_all_goes_to_the_newest_order_with_the_product() -> None:
    plan = plan_of(row("1", "85123A", 6), row("2", "85123A", 6), row("3", "71053", 6), row("C4", "85123a", -6))
    assert plan.steps[3] == Cancellation("C4", 1, True, {"85123A": 6}, 1530, 1)


def test_a_cancellation_of_a_part_takes_that_part_and_its_money() -> None:
    plan = plan_of(row("1", "85123A", 6), row("C2", "85123A", -2), row("C3", "85123A", -4))
    assert plan.steps[1:] == [
        Cancellation("C2", 0, False, {"85123A": 2}, 510, 1),
        Cancellation("C3", 0, False, {"85123A": 4}, 1020, 1),
    ]


def test_what_the_newest_order_lacks_is_taken_from_older_ones_and_the_rest_was_sold_before_the_file() -> None:
    plan = plan_of(row("1", "85123A", 2), row("2", "85123A", 3), row("C3", "85123A", -10))
    assert plan.steps[2:] == [
        Adjustment("C3", 4, "85123A", 5, returned=True, rows=0),
        Cancellation("C3", 0, True, {"85123A": 2}, 510, 0),
        Cancellation("C3", 1, True, {"85123A": 3}, 765, 1),
    ]


@pytest.mark.parametrize("customer", ["1", ""])
def test_another_customers_order_and_a_guests_are_not_cancelled(customer: str) -> None:
    plan = plan_of(
        row("1", "85123A", 2, customer=""), row("2", "85123A", 2), row("C3", "85123A", -1, customer=customer)
    )
    assert plan.steps[2] == Adjustment("C3", 4, "85123A", 1, returned=True)


def test_a_discount_is_money_back_on_the_newest_order_and_without_one_it_is_named() -> None:
    plan = plan_of(row("C0", "D", -1, "27.5"), row("1", "85123A", 2), row("C2", "D", -1, "27.5"))
    assert plan.file.credits_before_file.names == ["C0 D 27.50 GBP"]
    assert plan.steps[1] == Cancellation("C2", 0, False, {}, 2750, 1)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (row("1", "85123A", "six"), "Quantity is 'six'; a whole number"),
        (row("1", "85123A", 0), "Quantity is '0'; a whole number, not 0"),
        (row("1", "85123A", 10**10), "Quantity is '10000000000'"),
        (row("1", "85123A", 1, "1.234"), "UnitPrice is '1.234'; GBP has 2 decimals"),
        (row("1", "85123A", 1, "nan"), "UnitPrice is 'nan'; an exact amount"),
        (row("1", "85123A", 1, "-1"), "UnitPrice is '-1'; 0 or more for a product"),
        (row("C1", "85123A", 1), "Quantity is 1; less than 0 in a cancellation"),
        (row("1", "", 1), "StockCode is ''; text that is not empty"),
        (row("1", "85123A", 1, customer="4111111111111111"), "a card number must never be stored"),
        (row("1", "85123A", 1).replace("2010-12-01", "2010-13-01"), "InvoiceDate is '2010-13-01 08:26:00'; a time"),
        (row("1", "85123A", 10**9, "92233720368547758.07"), "times Quantity at most 1,000,000,000,000 pence"),
        (row("1", "POST", 10**9, "92233720368547758.07"), "times Quantity at most 1,000,000,000,000 pence"),
        (row("C1", "D", -(10**9), "92233720368547758.07"), "times Quantity at most 1,000,000,000,000 pence"),
        ("1,85123A,6", "row is '3 cells'; 8, as in the first line"),
        ("1,\0,A,6,2010-12-01 08:26:00,1,1,UK", "U+0000"),
    ],
)
def test_a_broken_row_is_named_with_its_line_and_its_invoice_left_out(line: str, problem: str) -> None:
    plan = plan_of(row("2", "71053", 1), line, row("1", "71053", 1), row("C1", "71053", -1))
    (named,) = plan.file.broken.names
    assert named.startswith("line 3: ")
    assert problem in named
    assert plan.file.left_out.count == 1
    assert isinstance(plan.steps[0], Sale)
    assert plan.steps[0].invoice == "2"


@pytest.mark.parametrize("invoice", ["", '"1\t2"', "\ufeff1", "k" * 41])
def test_a_row_of_no_known_invoice_leaves_nothing_out(invoice: str) -> None:
    plan = plan_of(row(invoice, "85123A", 1), row("1", "71053", 1))
    assert (plan.file.broken.count, plan.file.left_out.count, len(plan.steps)) == (1, 0, 1)


def test_an_order_that_the_door_would_refuse_is_left_out_with_the_doors_reason() -> None:
    plan = plan_of(*(row("1", f"{n:05}", 1) for n in range(1_001)), row("2", "71053", 1, "1"), row("2", "D", -1, "9"))
    assert [name.partition(":")[0] for name in plan.file.left_out.names] == ["1", "2"]
    assert "lines is '1001 of them'" in plan.file.left_out.names[0]
    assert "add up to 0 to" in plan.file.left_out.names[1]
    assert plan.steps == []


def test_a_file_of_other_columns_is_refused() -> None:
    with pytest.raises(InvalidInput, match="also names StockCode, Quantity"):
        list(read_rows([HEADING.replace("StockCode", "Sku").replace("Quantity", "Qty"), row("1", "85123A", 1)]))


def test_stock_is_a_share_of_what_all_passes_want_rounded_up() -> None:
    plan = plan_of(row("1", "85123A", 3), row("2", "71053", 5), row("3", "71054", 5, "0"))
    assert opening_stock(plan, Decimal("0.5"), 1) == {"85123A": 2, "71053": 3, "71054": 0}
    assert opening_stock(plan, Decimal("0.5"), 3) == {"85123A": 5, "71053": 8, "71054": 0}
    hundred = plan_of(row("1", "85123A", 100))
    assert opening_stock(hundred, Decimal("0.07"), 1) == {"85123A": 7}  # in floats 7.000000000000001
