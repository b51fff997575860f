"""`sagamore templates`: what a user would get, without a shop."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.notifications.templates.kit import folder

DATA = json.dumps({"order_id": "ord_1", "tracking": "TR-7"})
PREVIEW = ("templates", "preview", "ORDER_SHIPPED", "--channel")


def test_a_preview_shows_all_parts(command: Command, shop_dir: Path) -> None:
    done = command(*PREVIEW, "email", "--locale", "de-AT", "--data", DATA)
    assert (done.status, done.err) == (0, "")
    assert "--- subject\nIhre Bestellung ord_1 ist unterwegs\n" in done.out
    assert "Sendungsnummer: TR-7\n" in done.out
    assert '--- html\n<!doctype html>\n<html lang="de">' in done.out
    assert not shop_dir.exists()


def test_a_preview_as_json_has_the_version(command: Command) -> None:
    done = command(*PREVIEW, "sms", "--data", DATA, "--json").json
    assert done["parts"] == {"text": "Your order ord_1 is on its way. Tracking number: TR-7"}
    assert len(done["version"]) == 12


def test_a_field_that_has_a_default_need_not_be_given(command: Command) -> None:
    done = command(*PREVIEW, "sms", "--data", json.dumps({"order_id": "ord_1"}))
    assert (done.status, done.out) == (0, "--- text\nYour order ord_1 is on its way.\n")


def test_of_a_type_of_an_app_all_that_is_missing_is_named(command: Command, tmp_path: Path) -> None:
    files = {"PARCEL/en/chat.text.txt": "{{ place }}", "PARCEL/en/chat.link.txt": "{{ code }}{{ place }}{{ user_id }}"}
    own = folder(tmp_path / "own", **files)
    words = ("templates", "preview", "PARCEL", "--channel", "chat", "--templates", str(own))
    done = command(*words, "--data", '{"other": 1}')
    assert (done.status, done.out) == (1, "")
    assert done.err.endswith("PARCEL/en/chat.link.txt:1: 'code' is undefined; missing: code, place\n")
    assert command(*words, "--data", '{"code": "c", "place": {}}').err.endswith(
        "an object cannot be shown, only text and numbers\n"
    )


def test_folders_come_before_the_built_in_ones_the_first_before_the_second(command: Command, tmp_path: Path) -> None:
    name = "ORDER_SHIPPED/en/sms.text.txt"
    first, second = folder(tmp_path / "1", **{name: "1 {{ user_id }}"}), folder(tmp_path / "2", **{name: "2"})
    words = (*PREVIEW, "sms", "--user", "ann", "--templates", str(first), "--templates", str(second))
    assert command(*words).out == "--- text\n1 ann\n"


def test_what_steers_a_terminal_is_shown_as_an_escape(command: Command) -> None:
    data = json.dumps({"order_id": "\x1b[2J\u202e", "tracking": ""})
    assert "Your order \\x1b[2J\\u202e is" in command(*PREVIEW, "sms", "--data", data).out


def test_the_list_names_all(command: Command, tmp_path: Path) -> None:
    own = folder(tmp_path / "own", **{"PARCEL/de-AT/chat.text.txt": ""})
    done = command("templates", "list", "--templates", str(own), "--json")
    assert len(done.lines) == 6 * 2 * 4 + 1
    assert {(each["event_type"], each["channel"], each["locale"]) for each in done.lines} >= {
        ("PARCEL", "chat", "de-AT"), ("ORDER_SHIPPED", "email", "en")
    }  # fmt: skip
    table = command("templates", "list").out.splitlines()
    assert table[0].split() == ["EVENT", "CHANNEL", "LOCALE", "VERSION"]
    assert len(table) == 6 * 2 * 4 + 1
    assert table[1].split()[:3] == ["ORDER_CANCELLED", "email", "de"]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("templates",), 2, "arguments are required: COMMAND"),
        (PREVIEW[:3], 2, "required: --channel"),
        ((*PREVIEW, "email", "--data", "{"), 2, "--data is '{'; a JSON object"),
        ((*PREVIEW, "email", "--data", "[1]"), 2, "--data is '[1]'; a JSON object"),
        ((*PREVIEW, "email", "--data", "[" * 9_000), 2, "a JSON object"),
        ((*PREVIEW, "email", "--templates", "none"), 2, "a folder that is there"),
        ((*PREVIEW, "email", "--templates", "a\0b"), 2, "is no path"),
        (
            (*PREVIEW, "email"),
            1,
            "missing_variable: ORDER_SHIPPED/en/email.html:5: 'order_id' is undefined; missing: order_id;"
            " the fields of ORDER_SHIPPED are: order_id, tracking",
        ),
        (("templates", "preview", "REFUND_ISSUED", "--channel", "sms"), 1, "missing: amount, order_id; the fields"),
        ((*PREVIEW, "fax", "--locale", "de"), 1, "template_missing: no template ORDER_SHIPPED/fax.* for de or en"),
        ((*PREVIEW, "sms", "--data", json.dumps({"order_id": "x" * 200_000, "tracking": ""})), 1, "template_budget"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    command: Command, shop_dir: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    done = command(*words)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("sagamore: ") and done.err.count("\n") == 1
    assert says in done.err


def test_a_wrong_template_is_named_with_its_line(command: Command, tmp_path: Path) -> None:
    own = folder(tmp_path / "own", **{"ORDER_SHIPPED/en/sms.text.txt": "one\n{{ order_id|safe }}"})
    done = command(*PREVIEW, "sms", "--templates", str(own))
    assert (done.status, done.out) == (2, "")
    assert "sms.text.txt:2 is '{{ order_id|safe }}'; there is no filter 'safe'" in done.err
