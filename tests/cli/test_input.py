"""What the command line says to what it cannot do: one line on standard error, status 2 for bad input, 1 for a no."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

import sagamore
from sagamore.twin.faults import FaultSettings
from tests.bad_values import CARD
from tests.cli.conftest import PLACE, ROOT, Command, Serve, finish, process
from tests.test_bad_input import rows

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
        (("stock", "receive", "MUG", "0", "--reason", "x"), "quantity is 0; a whole number, 1 to 1,000,000,000"),
        (("stock", "receive", "MUG", "9999999999", "--reason", "x"), "quantity is 9999999999"),
        (("stock", "receive", "MUG", "1", "--reason", "x", "--key", "k" * 10_000), "idempotency_key is 'kkk"),
        (("stock", "receive", "MUG", "1", "--reason", "x", "--payments", "cash"), "--payments is 'cash'; simulated"),
        (("stock", "receive", "M", "1", "--reason", "x", "--payments", "simulated", "--app", "a:b"), "not both"),
        (("stock", "set", "MUG", "-1", "--expected", "0", "--reason", "x"), "on_hand is -1; a whole number, 0 to"),
        (("stock", "set", "MUG", "7", "--expected", "8", "--reason", "x"), "is no data directory of Sagamore"),
        (("orders", "place", "--user", "", "--line", "M:0:1", "--currency", "GBP"), "is no data directory of Sagamore"),
        (("stock", "import", "none.csv"), "'none.csv' is no file"),
        (("stock", "import", "/dev/null"), "FILE.csv is '/dev/null'; a file, not a pipe"),
        (("replay", "none.csv"), "'none.csv' is no file"),
        (("replay", "/dev/null", "--stock-share", "nan"), "'nan' is not 0 to 1,000"),
        (("replay", "/dev/null", "--repeat", "1.5"), "'1.5' is not a whole number"),
        (("demo", "--seconds", "many"), "'many' is not 1 to 600"),
    ],
)
def test_a_command_that_will_not_do_is_told_why_in_a_line_and_makes_no_directory(
    command: Command, shop_dir: Path, words: tuple[str, ...], says: str
) -> None:
    done = command(*words)
    assert done.out == ""
    assert done.status == 2
    assert done.err.startswith("sagamore: ") and done.err.count("\n") == 1
    assert says in done.err
    assert not shop_dir.exists()


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
        (("orders", "show", "ord_none"), "there is no order with the id or reference 'ord_none'"),
        (("orders", "ship", "ord_none"), "there is no order 'ord_none'"),
        (("orders", "place", *PLACE[:2], "--line", "HAT:1:1", *PLACE[6:]), "product 'HAT' is unknown"),
        (("orders", "place", *PLACE[:2], "--line", "MUG:11:1", *PLACE[6:]), "11 of 'MUG' with 10 available"),
        (("orders", "place", *PLACE, "--pay-by", "1999-01-01T00:00:00Z"), "in the past"),
        (("stock", "show", "HAT"), "product 'HAT' was never received"),
        (("stock", "adjust", "MUG", "-11", "--reason", "x"), "on hand must not fall below"),
        (("trace", "dl_none"), "nothing is known here of 'dl_none'"),
        (("dead-letters", "show", "dl_none"), "there is no dead letter 'dl_none'"),
        (("dead-letters", "replay", "dl_none"), "there is no dead letter 'dl_none'"),
        (("dead-letters", "discard", "dl_none", "--reason", "x"), "there is no dead letter 'dl_none'"),
        (("payments", "resolve", "ord_none", "--outcome", "refused", "--reference", "x"), "no payment of order"),
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


BAD_TEXT = ("\udc80", "a\0b", "k" * 10_000, CARD)
"""The first is what becomes of a byte that is no UTF-8."""
TAKE_TEXT = (
    "orders list --user TEXT", "orders list --reference TEXT", "orders list --before TEXT", "orders show TEXT",
    "orders place --user TEXT --line MUG:1:1 --currency GBP --method pm",
    "orders place --user ann --line TEXT:1:1 --currency GBP --method pm",
    "orders place --user ann --line MUG:TEXT:1 --currency GBP --method pm",
    "orders place --user ann --line MUG:1:TEXT --currency GBP --method pm",
    "orders place --user ann --line MUG:1:1 --currency TEXT --method pm",
    "orders place --user ann --line MUG:1:1 --currency GBP --method TEXT",
    "orders place --user ann --line MUG:1:1 --currency GBP --method pm --charge TEXT:1",
    "orders place --user ann --line MUG:1:1 --currency GBP --method pm --reference TEXT",
    "orders place --user ann --line MUG:1:1 --currency GBP --method pm --key TEXT",
    "orders place --user ann --line MUG:1:1 --currency GBP --pay-by TEXT",
    "orders cancel TEXT", "orders cancel ORDER --by TEXT", "orders cancel ORDER --key TEXT", "orders ship TEXT",
    "orders ship ORDER --tracking TEXT", "orders refund TEXT 1 --reason late",
    "orders refund ORDER TEXT --reason late", "orders refund ORDER 1 --reason TEXT",
    "orders refund ORDER 1 --reason late --currency TEXT",
    "stock show TEXT", "stock show --before TEXT", "stock receive TEXT 1 --reason x",
    "stock receive MUG TEXT --reason x",
    "stock receive MUG 1 --reason TEXT", "stock receive MUG 1 --reason x --by TEXT",
    "stock receive MUG 1 --reason x --key TEXT", "stock set TEXT 1 --expected 10 --reason x",
    "stock adjust TEXT 1 --reason x", "stock import CSV --key TEXT", "stock import CSV --reason TEXT",
    "stock import CSV --by TEXT", "payments list --before TEXT",
    "payments resolve TEXT --outcome refused --reference x",
    "payments resolve ORDER --outcome refused --reference TEXT",
    "payments resolve ORDER --outcome refused --reference x --by TEXT",
    "payments resolve ORDER --outcome refused --reference x --amount TEXT", "trace TEXT", "trace pay_TEXT",
    "dead-letters list --before TEXT", "dead-letters show TEXT", "dead-letters replay TEXT",
    "dead-letters replay dl_1 --by TEXT", "dead-letters discard TEXT --reason x",
    "dead-letters discard dl_1 --reason TEXT", "users list --before TEXT", "users show TEXT",
    "users erase TEXT", "audiences list --before TEXT", "audiences show TEXT", "notifications list --before TEXT",
    "notifications list --user TEXT", "notifications show TEXT", "notifications cancel TEXT",
)  # fmt: skip


def refuses(command: Command, words: str, text: str, order: str, delivery: Path) -> None:
    """In one line, which does not repeat what must not be repeated."""
    known = {"ORDER": order, "CSV": str(delivery)}
    done = command(*(known.get(word, word.replace("TEXT", text)) for word in words.split()))
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), (words, text[:9], done)
    assert done.err.startswith("sagamore: ") and len(done.err) < 1_200, (words, text[:9])
    assert CARD not in done.err and "this is a bug" not in done.err, (words, done.err)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """A file that could be imported."""
    file = tmp_path / "delivery.csv"
    file.write_text("MUG,1\n")
    return file


def test_text_that_cannot_be_kept_is_refused_in_a_line_and_nothing_changes(
    stocked: Command, shop_dir: Path, placed: str, delivery: Path
) -> None:
    before = kept(shop_dir)
    assert all(before[f"{kind}-0.sqlite"] for kind in ("orders", "payments", "inventory"))
    for n, words in enumerate(TAKE_TEXT):
        refuses(stocked, words, BAD_TEXT[n % len(BAD_TEXT)], placed, delivery)
    assert kept(shop_dir) == before


def test_a_running_shop_refuses_the_same_and_is_none_the_worse(
    stocked: Command, serve: Serve, shop_dir: Path, placed: str, delivery: Path
) -> None:
    with serve("--payments", "simulated"):
        before = kept(shop_dir)
        for words in TAKE_TEXT:
            for text in BAD_TEXT:
                refuses(stocked, words, text, placed, delivery)
        assert kept(shop_dir) == before
        assert stocked("health", "--json").json["status"] == "GREEN"


def kept(directory: Path) -> dict[str, list[str]]:
    """Entities, what happened to them, and the keys of commands; the rest changes whenever a shop is opened."""
    tables = tuple(f'INSERT INTO "{table}"' for table in ("entity", "entity_index", "history", "client_key", "alert"))
    return {name: [row for row in held if row.startswith(tables)] for name, held in rows(directory).items()}


@pytest.mark.parametrize("user", ["ann", ""])
def test_an_empty_filter_is_no_filter_for_everything(stocked: Command, placed: str, user: str) -> None:
    done = stocked("orders", "list", "--user", user)
    assert (placed in done.out, "user_id is ''" in done.err) == (bool(user), not user)


@pytest.mark.parametrize(
    "words",
    [
        ("--payments", "http://"), ("--payments", "http://127.0.0.1:99999"), ("--payments", "http://[::1"),
        ("--payments", ""), ("--app", ""), ("--app", "..:shop"), ("--app", "no_such_module:shop"), ("--app", "os:path"),
        ("--app", "json:loads"), ("--dir", "a\0b"), ("--dir", "a\ud800"),
    ],
)  # fmt: skip
def test_a_composition_that_cannot_be_is_refused_before_a_directory_is_made(
    command: Command, shop_dir: Path, words: tuple[str, str]
) -> None:
    done = command("stock", "receive", "MUG", "1", "--reason", "x", *words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert words[0] in done.err and "this is a bug" not in done.err
    assert not shop_dir.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("twin",), "the following arguments are required: --dir"),
        (("twin", "--dir", "x", "--port", "99999"), "'99999' is no port, 0 to 65535"),
        (("twin", "--dir", "x", "--faults", "{"), "Input data was truncated"),
    ],
)
def test_the_twin_refuses_in_a_line(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = finish(process(tmp_path, *words))
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err


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
    twin = command("twin", "--help").out
    assert [fault for fault in FaultSettings.__struct_fields__ if not re.search(rf"\b{fault}\b", twin)] == []
    example = re.search(r"^ +(\{.*\})$", twin, flags=re.MULTILINE)
    assert example is not None
    assert msgspec.json.decode(example[1], type=FaultSettings).slow_ms == 2_000


def test_the_version_is_that_of_the_installed_package(command: Command) -> None:
    told = command("--version")
    assert (told.status, told.out) == (0, f"sagamore {version('sagamore')}\n")
    assert sagamore.__version__ == version("sagamore")
