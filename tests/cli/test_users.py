"""`sagamore users list`: whom notifications reach, a line each, beside a running shop and on a stopped one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagamore import Call, Channel, Event, Outcome, Outgoing, Settings, blocking, sent
from tests.bad_values import CARD
from tests.cli.conftest import Command
from tests.cli.terminal import seen

JSON = "--json"
IDS = ("Zoe", "ann", "bob", "b/c", "user:ann", "ntf_1", "ébène", "カップ", *(f"u{n}" for n in range(10)))
BY_ID = sorted(IDS, reverse=True)


class Mail(Channel, name="mail"):
    """Takes everything."""

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        return sent("p")


class Sms(Mail, name="sms"):
    """Takes everything."""


def running(shop_dir: Path) -> blocking.BlockingShop:
    """A shop whose users are in three files."""
    return blocking.open(shop_dir, Settings(partitions={"notifications": 3}), channels=[Mail(), Sms()])


@pytest.fixture
def shop(shop_dir: Path) -> Iterator[blocking.BlockingShop]:
    """It runs, and has told one of its users something."""
    with running(shop_dir) as shop:
        for user_id in IDS:
            shop.users.set(user_id, addresses=[("mail", f"{len(user_id)}@example.com")], locale="de-AT")
        shop.notifications.publish(Event(event_type="ORDER_SHIPPED", user_id="ann", data={"order_id": "ord_1"}))
        yield shop


def test_users_of_all_partitions_are_listed_by_id_as_show_has_them_running_or_stopped(
    shop: blocking.BlockingShop, command: Command
) -> None:
    beside = command("users", "list", JSON)
    assert (beside.status, beside.err, [user["id"] for user in beside.lines]) == (0, "", BY_ID)
    assert beside.lines == [command("users", "show", user_id, JSON).json for user_id in BY_ID]
    shop.close()
    assert command("users", "list", JSON) == beside


def test_addresses_are_shown_a_channel_a_line(shop: blocking.BlockingShop, command: Command) -> None:
    shop.users.set("eve", addresses=[("mail", "eve@example.com"), ("sms", "+43660"), ("sms", "+43661")])
    shown = command("users", "show", "eve").out.splitlines()
    assert shown[1:3] == ["addresses      mail eve@example.com", "addresses      sms +43660, +43661"]


def test_each_page_goes_on_after_the_last_user_of_the_one_before_whoever_comes_meanwhile(
    shop: blocking.BlockingShop, command: Command
) -> None:
    listed = [user["id"] for user in command("users", "list", "--limit", "7", JSON).lines]
    assert listed == BY_ID[:7]
    shop.users.set("ヨウコ")  # above what was shown, so it is shown to who begins anew
    shop.close()
    for _ in range(3):
        page = command("users", "list", "--limit", "7", "--before", listed[-1], JSON).lines
        listed += [user["id"] for user in page]
    assert listed == BY_ID
    assert command("users", "list", "--limit", "1", JSON).lines[0]["id"] == "ヨウコ"


def test_more_users_than_a_page_of_the_door_come_in_one_list(command: Command, tmp_path: Path) -> None:
    users = [f"u{n:03}" for n in range(450)]
    file = tmp_path / "users.jsonl"
    file.write_text("".join(json.dumps({"id": user_id}) + "\n" for user_id in users))
    assert command("users", "import", str(file), "--channels", "inbox", JSON).json["taken"] == 450
    listed = [user["id"] for user in command("users", "list", "--limit", "449", JSON).lines]
    assert listed == users[:0:-1]


def test_a_line_tells_how_many_addresses_a_user_has_but_none_of_them_and_fits_a_terminal(shop_dir: Path) -> None:
    with running(shop_dir) as shop:
        shop.users.set("bob")
        shop.users.set(
            "ann", addresses=[("mail", "a@example.com"), ("sms", "+4366012345678"), ("mail", "b@example.com")],
            locale="de-AT", zone="Europe/Vienna",
        )  # fmt: skip
        beside = seen(shop_dir, 80, "users", "list")
    assert beside == [
        "USER  ADDRESSES      LOCALE  ZONE",
        "bob",
        "ann   mail 2, sms 1  de-AT   Europe/Vienna",
    ]  # fmt: skip
    assert seen(shop_dir, 80, "users", "list") == beside
    assert seen(shop_dir, 40, "users", "list")[-1] == "no room for ZONE: they need a wider terminal, or --json"


def test_who_was_erased_is_listed_no_more(shop: blocking.BlockingShop, command: Command) -> None:
    shop.users.erase("ann")
    gone = [user_id for user_id in BY_ID if user_id != "ann"]
    assert [user["id"] for user in command("users", "list", JSON).lines] == gone
    shop.close()
    assert [user["id"] for user in command("users", "list", JSON).lines] == gone


def test_a_shop_that_tells_nobody_has_no_users(stocked: Command) -> None:
    assert stocked("users", "list", JSON).out == ""
    assert stocked("users", "list").out == "USER  ADDRESSES  LOCALE  ZONE\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--before", "k" * 300), "--before is 'kkk"),
        (("--before", "a\0b"), "--before is 'a\\x00b'; text without U+0000"),
        (("--before", CARD), "--before is"),
        (("--limit", "0"), "'0' is not 1 to 10,000"),
        (("--limit", "10001"), "'10001' is not 1 to 10,000"),
        (("--user", "ann"), "unrecognized arguments: --user ann"),
    ],
)
def test_a_bad_argument_is_refused_by_its_name(
    shop: blocking.BlockingShop, command: Command, words: tuple[str, ...], says: str
) -> None:
    for _ in ("running", "stopped"):
        done = command("users", "list", *words)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert says in done.err and CARD not in done.err
        shop.close()
