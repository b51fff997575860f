"""What a shop holds after a replay."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from sagamore import SimulatedPayments
from sagamore.actors.providers.http_payments import HttpPayments
from sagamore.replay.report import tell
from sagamore.twin import FaultSettings, running_twin
from tests.audit.kit import audited
from tests.replay.kit import HEADING, on_hand, order_of, play, row, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop"


async def test_an_invoice_is_a_paid_order_under_its_number(path: Path) -> None:
    player = await play(path, row("536365", "85123A", 6), row("536365", "POST", 1, "18"))
    assert (player.report.placed, player.report.confirmed, player.report.lines) == (1, 1, 2)
    order = await order_of(path, "536365")
    assert (order.user_id, order.payment, order.amount, order.placed_at_ms) == ("17850", "PAID", 3330, 1291191960000)


async def test_a_cancellation_of_all_of_an_order_cancels_it(path: Path) -> None:
    player = await play(path, row("1", "85123A", 6), row("1", "POST", 1, "18"), row("C2", "85123A", -6))
    assert (player.report.orders_cancelled, dict(player.report.cancelled)) == (1, {"REQUESTED": 1})
    order = await order_of(path, "1")
    assert (order.status, order.settlement, order.payment) == ("CANCELLED", "SETTLED", "REFUNDED")
    assert player.report.confirmed == 0


async def test_parts_come_back_to_the_shelf_with_their_money(path: Path) -> None:
    player = await play(path, row("1", "85123A", 6), row("C2", "85123A", -2), row("C3", "85123A", -1))
    assert player.report.orders_returned == 2
    order = await order_of(path, "1")
    assert (order.fulfilment, order.refunded, order.out) == ("SHIPPED", 3 * 255, {"85123A": 3})
    assert await on_hand(path, "85123A") == 3


async def test_a_discount_is_paid_back(path: Path) -> None:
    player = await play(path, row("1", "85123A", 6), row("C2", "D", -1, "1.50"))
    assert player.report.credits == 1
    assert (await order_of(path, "1")).refunded == 150


async def test_more_than_was_paid_is_never_given_back(path: Path) -> None:
    await play(path, row("1", "85123A", 6, "1"), row("C2", "85123A", -2, "99"))
    assert (await order_of(path, "1")).refunded == 600


async def test_a_return_of_an_earlier_sale_is_stock_in_and_corrections_are_adjustments(path: Path) -> None:
    player = await play(path, row("C1", "85123A", -6), row("2", "85123A", 4, "0"), row("3", "85123A", -1, "0"))
    assert (player.report.returns_before_file, player.report.adjustments) == (1, 2)
    assert await on_hand(path, "85123A") == 9


async def test_a_correction_below_what_is_there_is_refused_and_named_and_the_run_goes_on(path: Path) -> None:
    player = await play(path, row("1", "85123A", -6, "0"), row("2", "71053", 1))
    assert player.report.refused["stock_committed"].names[0].startswith("1: product '85123A'")
    assert player.report.confirmed == 1


async def test_without_stock_orders_are_refused_and_named_and_their_cancellations_find_nothing(path: Path) -> None:
    rows = (row("1", "85123A", 6), row("2", "85123A", 6), row("C3", "85123A", -6))
    player = await play(path, *rows, share=0)
    assert (player.report.placed, player.report.refused["out_of_stock"].count) == (0, 2)
    assert player.report.nothing_to_cancel.names == ["C3"]


async def test_refused_payments_are_orders_cancelled_for_that_reason(path: Path) -> None:
    player = await play(path, row("1", "85123A", 6), payments=SimulatedPayments(refuse=1))
    assert dict(player.report.cancelled) == {"PAYMENT_REFUSED": 1}


async def test_an_order_that_waits_for_its_customer_is_not_waited_for_and_named(path: Path, tmp_path: Path) -> None:
    async with running_twin(tmp_path / "twin", faults=FaultSettings(action=1.0)) as url:
        player = await play(path, row("1", "85123A", 6), payments=HttpPayments(url))
    assert (player.report.placed, player.report.confirmed, player.report.pending.names) == (1, 0, ["1"])
    assert (await order_of(path, "1")).payment == "ACTION_REQUIRED"


async def test_passes_have_numbers_of_their_own_and_stock_for_all(path: Path) -> None:
    player = await play(path, row("1", "85123A", 6, customer=""), row("2", "71053", 1), passes=3)
    assert (player.report.passes, player.report.confirmed, player.report.lines) == (3, 6, 6)
    assert (await order_of(path, "1/3")).user_id == "guest-1/3"
    assert (await order_of(path, "2/2")).user_id == "17850"


async def test_the_same_file_can_be_played_again_in_the_same_directory(path: Path) -> None:
    await play(path, row("1", "85123A", 6), row("2", "71053", 1, "0"))
    player = await play(path, row("1", "85123A", 6), row("2", "71053", 1, "0"))
    assert player.report.confirmed == 1


def test_the_command_tells_it_all_and_stops_in_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("\n".join((HEADING, row("1", "85123A", 6), row("2", "85123A", "six"), row("3", "M", 1))))
    told = run(capsys, str(file), "--repeat", "100000", "--seconds", "0.2", "--stock-share", "2")
    assert told["confirmed"] == told["placed"] >= 1
    assert told["file"]["broken"]["names"] == [
        "line 3: Quantity is 'six'; a whole number, not 0, at most 1,000,000,000 either way"
    ]
    assert told["linesPerSecond"] > 0
    assert told["seconds"] < 30


async def test_the_report_names_what_is_no_order(path: Path) -> None:
    player = await play(path, row("1", "85123A", 6), row("2", "BANK CHARGES", 1, "15"), "3,85123A")
    text = "\n".join(tell(player.report))
    assert re.search(r"^charges only +1\n  2 BANK CHARGES 15.00 GBP$", text, flags=re.MULTILINE)
    assert re.search(r"^broken +1\n  line 4: row is '2 cells'; 8, as in the first line$", text, flags=re.MULTILINE)
    assert "pending" not in text


DATA = os.environ.get("SAGAMORE_DATA")


@pytest.mark.skipif(not DATA, reason="SAGAMORE_DATA names no folder with online_retail_2010-12.csv")
def test_five_real_days_are_played_twice_and_the_books_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(DATA or "") / "online_retail_2010-12.csv"
    told = run(capsys, str(file), "--dir", str(tmp_path / "shop"), "--repeat", "2")
    assert told["file"]["lines"] == 9911
    assert told["file"]["sales"] == 422
    assert sorted(told["file"]["charges"]) == ["C2", "DOT", "M", "POST"]
    assert told["file"]["broken"]["count"] == told["pending"]["count"] == 0
    assert told["placed"] + told["refused"].get("out_of_stock", {"count": 0})["count"] == 2 * 422
    assert told["returnsBeforeFile"] >= 2 * 80
    laws = asyncio.run(audited(tmp_path / "shop"))
    assert {name: law.examples for name, law in laws.items() if not law.ok} == {}
