"""What a person sees on a terminal: tables that fit it, and a line of progress that leaves nothing behind."""

import re
from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.terminal import seen
from tests.replay.kit import HEADING, row


def test_a_table_has_whole_cells_and_names_the_columns_that_a_narrow_terminal_has_no_room_for(
    stocked: Command, placed: str, shop_dir: Path
) -> None:
    headings, row, left_out = seen(shop_dir, 80, "orders", "list")
    assert headings.split() == ["ORDER", "STATUS", "PAYMENT", "AMOUNT", "USER"]
    assert row.split() == [placed, "CONFIRMED", "PAID", "28.00", "GBP", "ann"]
    assert max(len(headings), len(row)) <= 80
    assert left_out == "no room for REFERENCE, CREATED, FULFILMENT, REASON: they need a wider terminal, or --json"
    assert len(seen(shop_dir, 200, "orders", "list")) == 2


def test_columns_stand_under_each_other_whatever_script_they_are_in(stocked: Command, shop_dir: Path) -> None:
    for product in ("カップ", "cafe\u0301"):
        stocked("stock", "receive", product, "7", "--reason", "first")
    table = seen(shop_dir, 80, "stock", "show")
    assert table == [
        "PRODUCT  ON HAND  RESERVED  AVAILABLE",
        "カップ   7        0         7",
        "cafe\u0301     7        0         7",
        "MUG      10       0         10",
    ]


def test_progress_is_gone_when_the_rest_is_told(shop_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("\n".join((HEADING, row("1", "85123A", 6))))
    told = seen(shop_dir, 120, "replay", str(file))
    assert re.fullmatch(r"the file +1 lines, 1 sales of 1 lines, 1 products", told[0])
    assert not any("orders," in line for line in told)


def test_an_error_takes_the_place_of_progress(command: Command, shop_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "delivery.csv"
    file.write_text("".join(f"P{n},1\n" for n in range(500)) + "HAT\n")
    broken, *told = seen(shop_dir, 80, "stock", "import", str(file), "--key", "k")
    assert broken == f"sagamore: {file}:501: row is 'HAT'; product,quantity"
    assert [line.split() for line in told[:4]] == [["taken", "500"], ["refused", "1"], ["bad", "1"], ["key", "k"]]
