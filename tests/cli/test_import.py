"""`sagamore stock import`: rows of a CSV, each taken once, errors by line."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command, finish, process


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    file = tmp_path / "delivery.csv"
    file.write_bytes(b'\xef\xbb\xbfproduct,quantity\r\nMUG,10\r\n\r\n"TEA, green",5\r\nMUG,1\r\n')
    return file


def test_rows_are_received_and_a_heading_and_empty_lines_are_not(command: Command, delivery: Path) -> None:
    done = command("stock", "import", str(delivery), "--json")
    assert (done.status, done.json["taken"], done.json["refused"], done.err) == (0, 3, 0, "")
    stock = {line["productId"]: line["onHand"] for line in command("stock", "show", "--json").lines}
    assert stock == {"MUG": 11, "TEA, green": 5}


def test_a_file_imported_again_changes_nothing(command: Command, delivery: Path) -> None:
    for _ in range(2):
        assert command("stock", "import", str(delivery)).status == 0
    assert command("stock", "show", "MUG", "--json").json["onHand"] == 11


def test_broken_rows_are_named_by_line_and_can_be_corrected_under_the_same_key(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "broken.csv"
    file.write_bytes(b"MUG,10\nTEA,x\nHAT\nCUP,0\nBAD\xff,1\n,3\nPOT,4\n")
    done = command("stock", "import", str(file), "--key", "monday", "--json")
    assert (done.status, done.json) == (2, {"key": "monday", "taken": 2, "refused": 5, "bad": 5})
    errors = done.err.splitlines()
    assert all(error.startswith(f"sagamore: {file}:") for error in errors)
    told = {int(error.removeprefix(f"sagamore: {file}:").partition(":")[0]): error for error in errors}
    assert sorted(told) == [2, 3, 4, 5, 6]
    assert "quantity is 'x'; a whole number" in told[2]
    assert "row is 'HAT'; product,quantity" in told[3]
    assert "quantity is 0; a whole number, 1 to" in told[4]
    assert "lone surrogate" in told[5]
    assert "product_id is ''" in told[6]
    file.write_text("MUG,10\nTEA,7\nHAT,1\nCUP,2\nBAD,1\nBAG,3\nPOT,4\n")
    done = command("stock", "import", str(file), "--key", "monday", "--json")
    assert (done.status, done.json["taken"]) == (0, 7)
    stock = {line["productId"]: line["onHand"] for line in command("stock", "show", "--json").lines}
    assert stock == {"MUG": 10, "TEA": 7, "HAT": 1, "CUP": 2, "BAD": 1, "BAG": 3, "POT": 4}


@pytest.mark.parametrize("words", [("--key", "k" * 250), ("--key", "a\tb"), ("--reason", ""), ("--by", "b" * 256)])
def test_what_would_refuse_every_row_is_said_once_before_a_directory_is_made(
    command: Command, shop_dir: Path, delivery: Path, words: tuple[str, str]
) -> None:
    done = command("stock", "import", str(delivery), *words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert not shop_dir.exists()


def test_another_row_under_a_key_that_was_taken_is_refused(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "delivery.csv"
    file.write_text("MUG,10\n")
    command("stock", "import", str(file), "--key", "monday")
    file.write_text("MUG,99\n")
    done = command("stock", "import", str(file), "--key", "monday")
    assert done.status == 1
    assert "was used before with another body" in done.err
    assert command("stock", "show", "MUG", "--json").json["onHand"] == 10


def test_when_the_shop_dies_the_import_ends_and_can_be_given_again(
    command: Command, shop_dir: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "delivery.csv"
    os.mkfifo(pipe)
    shop = process(shop_dir, "serve")
    assert shop.stdout is not None
    shop.stdout.readline()
    importing = process(shop_dir, "stock", "import", str(pipe), "--key", "monday")
    with pipe.open("w") as rows:
        print("MUG,10\nTEA,5", file=rows, flush=True)
        while len(command("stock", "show", "--json").lines) < 2:
            assert importing.poll() is None
        shop.kill()
        finish(shop)
        print("POT,3\nHAT,4", file=rows, flush=True)
    done = finish(importing)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert "the process that runs the shop ended; 2 rows were taken; import again with --key monday" in done.err


def test_a_file_of_another_kind_is_told_of_a_hundred_times_at_most(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text("not a row\n" * 250)
    done = command("stock", "import", str(file), "--json")
    assert (done.status, json.loads(done.out)["refused"]) == (2, 250)
    assert len(done.err.splitlines()) == 101
    assert "and 150 more lines" in done.err
