"""What the command line says to what it cannot do: one line on standard error, status 2 for bad input, 1 for a no."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PLACE, ROOT, Command

LATER = ("--pay-by", "2100-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "arguments are required: COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        (("orders",), "orders: the following arguments are required: COMMAND"),
        (("orders", "place", "--user", "ann"), "required: --line, --currency"),
        (("orders", "list", "--limit", "0"), "'0' is not 1 to 10,000"),
        (("orders", "list", "--status", "LOST"), "invalid choice: 'LOST'"),
        (("orders", "list", "--user", "a", "--status", "PENDING"), "not allowed with argument --user"),
        (("orders", "list", "--lim", "3"), "unrecognized arguments: --lim 3"),
        (("orders", "cancel", "x", "--wait", "61"), "'61' is not 0 to 60"),
        (("stock", "receive", "MUG", "many", "--reason", "x"), "'many' is not a whole number"),
        (("stock", "receive", "MUG", "1", "--reason", ""), "reason is ''; text that is not empty"),
        (("stock", "receive", "MUG", "0", "--reason", "x"), "quantity is 0; a whole number, 1 to 1000000000"),
        (("stock", "receive", "MUG", "9999999999", "--reason", "x"), "quantity is 9999999999"),
        (("stock", "receive", "MUG", "1", "--reason", "x", "--key", "k" * 10_000), "idempotency_key is 'kkk"),
        (("stock", "receive", "MUG", "1", "--reason", "x", "--payments", "cash"), "--payments is 'cash'; simulated"),
        (("stock", "receive", "M", "1", "--reason", "x", "--payments", "simulated", "--app", "a:b"), "not both"),
        (("stock", "import", "none.csv"), "'none.csv' is no file"),
        (("stock", "import", "/dev/null"), "FILE.csv is '/dev/null'; a file, not a pipe"),
        (("replay", "none.csv"), "'none.csv' is no file"),
        (("replay", "/dev/null", "--stock-share", "nan"), "'nan' is not 0 to 1,000"),
        (("replay", "/dev/null", "--repeat", "1.5"), "'1.5' is not a whole number"),
        (("demo", "--seconds", "many"), "'many' is not 1 to 600"),
    ],
)
def test_a_command_that_will_not_do_is_told_why_in_a_line(command: Command, words: tuple[str, ...], says: str) -> None:
    done = command(*words)
    assert done.out == ""
    assert done.status == 2
    assert done.err.startswith("sagamore: ") and done.err.count("\n") == 1
    assert says in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--line", "MUG", *LATER), "argument is 'MUG'; write PRODUCT:QTY:PRICE"),
        (("--line", "MUG:2.5:1", *LATER), "quantity is '2.5'; a whole number"),
        (("--line", "MUG:0:1", *LATER), "lines[0].quantity is 0"),
        (("--line", "MUG:-1:1", *LATER), "lines[0].quantity is -1"),
        (("--line", "MUG:1:1.234", *LATER), "amount is '1.234'; GBP has 2 decimals"),
        (("--line", "MUG:1:1e3", *LATER), "amount is '1e3'"),
        (("--line", "MUG:1:1", "--charge", "shipping", *LATER), "write KIND:AMOUNT"),
        (("--line", "MUG:1:1", "--charge", "discount:-5", *LATER), "add up to 0 to"),
        (("--line", "MUG:1:1", "--pay-by", "tomorrow"), "no time with an offset"),
        (("--line", "MUG:1:1", "--pay-by", "2100-01-01T00:00:00"), "no time with an offset"),
        (("--line", "MUG:1:1"), "a provider's token, or pay_by"),
        (("--line", "MUG:1:1", "--method", "4242 4242 4242 4242"), "a card number must never be stored"),
        (("--line", "MUG:1:1", "--reference", "a\0b", *LATER), "U+0000"),
        (("--line", "MUG:1:1", "--reference", "\udc80", *LATER), "lone surrogate"),
        (("--line", "MUG:1:1", "--currency", "XXX", *LATER), "currency is 'XXX'; an ISO 4217 code"),
    ],
)
def test_an_order_that_will_not_do_names_the_field_and_the_value(
    stocked: Command, words: tuple[str, ...], says: str
) -> None:
    done = stocked("orders", "place", "--user", "ann", "--currency", "GBP", *words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err
    assert "4242 4242" not in done.err
    assert stocked("orders", "list", "--json").out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("orders", "show", "ord_none"), "there is no order 'ord_none'"),
        (("orders", "ship", "ord_none"), "there is no order 'ord_none'"),
        (("orders", "place", *PLACE[:2], "--line", "HAT:1:1", *PLACE[6:]), "product 'HAT' is unknown"),
        (("orders", "place", *PLACE[:2], "--line", "MUG:11:1", *PLACE[6:]), "11 of 'MUG' with 10 available"),
        (("orders", "place", *PLACE, "--pay-by", "1999-01-01T00:00:00Z"), "in the past"),
        (("stock", "show", "HAT"), "product 'HAT' was never received"),
        (("stock", "adjust", "MUG", "-11", "--reason", "x"), "on hand must not fall below"),
        (("trace", "dl_none"), "nothing is known here of 'dl_none'"),
        (("dead-letters", "show", "dl_none"), "there is no dead letter 'dl_none'"),
        (("dead-letters", "replay", "dl_none"), "there is no dead letter dl_none"),
        (("dead-letters", "discard", "dl_none", "--reason", "x"), "there is no dead letter dl_none"),
        (("payments", "resolve", "ord_none", "--outcome", "refused", "--reference", "x"), "there is no order"),
    ],
)
def test_what_is_refused_has_status_1_and_says_why(stocked: Command, words: tuple[str, ...], says: str) -> None:
    done = stocked(*words)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert says in done.err


def test_a_shipped_order_cannot_be_cancelled_and_the_error_says_what_can_be_done(stocked: Command, placed: str) -> None:
    stocked("orders", "ship", placed)
    done = stocked("orders", "cancel", placed)
    assert done.status == 1
    assert "Cancel is not possible for an order that is" in done.err and "possible now:" in done.err


@pytest.mark.parametrize("words", [("orders", "list"), ("trace", "x"), ("health",), ("orders", "ship", "x")])
def test_a_directory_that_is_none_of_ours_is_named_and_left_alone(
    command: Command, shop_dir: Path, words: tuple[str, ...]
) -> None:
    done = command(*words)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert f"{shop_dir} is no data directory of Sagamore" in done.err
    assert not shop_dir.exists()


def test_what_only_some_commands_need_is_not_loaded_for_the_others() -> None:
    loaded = "import sys, sagamore.__main__; print({'aiohttp', 'rich', 'uvloop'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "set()\n"


def test_help_names_the_commands_and_the_twin_has_its_own(command: Command) -> None:
    assert "dead-letters" in command("--help").out
    assert "--faults" in command("twin", "--help").out
