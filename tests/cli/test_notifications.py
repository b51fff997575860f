"""The command line tells users: on a stopped shop through what it composes itself, on a running one through that."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sagamore.notification_operations import SetUser
from tests.cli.conftest import PLACE, Command, Done, Serve, finish, process

JSON = "--json"
INBOX = ("--channels", "inbox")
DATA = ("--data", json.dumps({"order_id": "ord_1", "total": "5.00 GBP"}))
CONFIRMED = ("notify", "ORDER_CONFIRMED", "--user", "ann", *DATA)
ANN: dict[str, Any] = {
    "id": "ann", "locale": "de-AT", "zone": "Europe/Vienna", "quietHours": ["22:00", "07:00"],
    "preferences": [{"category": "orders", "channel": "*", "allowed": True}],
}  # fmt: skip


def importing(command: Command, tmp_path: Path, *users: object, words: tuple[str, ...] = (*INBOX, JSON)) -> Done:
    """Import users, or lines that are none."""
    file = tmp_path / "users.jsonl"
    file.write_text("\n".join(user if isinstance(user, str) else json.dumps(user) for user in users))
    return command("users", "import", str(file), *words)


def until_done(command: Command, serve: Serve, count: int) -> list[Any]:
    """So many notifications, once all have ended in a shop that runs for it."""
    with serve(*INBOX) as shop:
        while len(command("notifications", "list", "--status", "DONE", JSON).lines) < count:
            assert shop.poll() is None
    return command("notifications", "list", JSON).lines


@pytest.fixture
def known(command: Command, tmp_path: Path) -> Command:
    """A stopped shop that knows ann and bob."""
    assert importing(command, tmp_path, {"id": "ann"}, {"id": "bob"}).status == 0
    return command


def test_users_are_imported_shown_and_erased(command: Command, tmp_path: Path) -> None:
    done = importing(command, tmp_path, ANN, "", {"id": "bob"})
    assert (done.status, done.json, done.err) == (0, {"taken": 2, "refused": 0, "bad": 0}, "")
    assert command("users", "show", "ann", JSON).json == ANN | {"addresses": {}, "dead": []}
    assert importing(command, tmp_path, ANN).json["taken"] == 1
    assert "quiet hours    22:00" in command("users", "show", "ann").out
    assert command("users", "erase", "ann", *INBOX, JSON).json == {"erased": "ann"}
    gone = command("users", "show", "ann")
    assert (gone.status, gone.out) == (1, "")
    assert "there is no user 'ann'" in gone.err


def test_the_help_of_an_import_shows_a_line_that_can_be_imported(command: Command) -> None:
    text = command("users", "import", "--help").out
    example = re.search(r"^ +(\{.*\})$", text, flags=re.MULTILINE | re.DOTALL)
    assert example is not None
    user = msgspec.json.decode(example[1], type=SetUser)
    assert [field for field in SetUser.__struct_fields__ if not getattr(user, field)] == []


def test_people_are_told_what_bad_means_among_the_refused(command: Command, tmp_path: Path) -> None:
    told = importing(command, tmp_path, {"id": "ann"}, "zz", "{}", words=INBOX).out.splitlines()
    assert told[-1] == "2 of the 2 refused are bad: no import takes them before they are corrected"


def test_a_bad_line_is_named_nothing_of_it_is_done_and_the_others_are(command: Command, tmp_path: Path) -> None:
    bad = (
        ("zz", "JSON is malformed"),
        ({"id": 7}, "`$.id`"),
        ({"id": "cid", "phone": "7"}, "unknown field `phone`"),
        ({"id": "cid", "quietHours": ["25:00", "07:00"]}, "quietHours is '25:00'; a local time"),
        ({"id": "cid", "zone": "Mars"}, "zone is 'Mars'"),
        ({"id": "cid", "addresses": {"fax": ["7"]}}, "one of: inbox"),
        ({"id": "cid", "preferences": [{"category": "spam", "channel": "*", "allowed": False}]}, "a category"),
        ({"id": ""}, "text that is not empty"),
    )
    done = importing(command, tmp_path, {"id": "ann"}, *(line for line, _ in bad), {"id": "bob"})
    assert (done.status, json.loads(done.out)) == (1, {"taken": 2, "refused": len(bad), "bad": len(bad)})
    file = tmp_path / "users.jsonl"
    told = dict(line.removeprefix(f"sagamore: {file}:").split(": ", 1) for line in done.err.splitlines())
    assert sorted(told) == [str(number) for number in range(2, 2 + len(bad))]
    for number, (_, right) in enumerate(bad, 2):
        assert right in told[str(number)]
    assert command("users", "show", "cid").status == 1
    assert command("users", "show", "bob").status == 0


@pytest.mark.parametrize(
    "words", [CONFIRMED, ("users", "erase", "ann"), ("audiences", "broadcast", "all", "ORDER_CONFIRMED", *DATA)]
)
def test_without_channels_it_says_so_in_a_line(stocked: Command, words: tuple[str, ...]) -> None:
    done = stocked(*words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--channels inbox" in done.err


def test_an_import_without_channels_says_so_once_and_makes_no_directory(
    command: Command, shop_dir: Path, tmp_path: Path
) -> None:
    done = importing(command, tmp_path, {"id": "ann"}, {"id": "bob"}, words=())
    assert (done.status, done.out, done.err.count("\n"), shop_dir.exists()) == (2, "", 1, False)
    command("stock", "receive", "MUG", "1", "--reason", "first")
    done = importing(command, tmp_path, {"id": "ann"}, {"id": "bob"}, words=())
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("words", [("--channels", "fax"), ("--channels", ""), (*INBOX, "--app", "host:app")])
def test_channels_that_cannot_be_composed_are_bad_usage(known: Command, words: tuple[str, ...]) -> None:
    done = known(*CONFIRMED, *words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--app" in done.err


def test_a_user_is_told_and_it_is_listed_shown_and_traced(known: Command) -> None:
    told = known(*CONFIRMED, "--channel", "INBOX", *INBOX, JSON).json
    assert (told["userId"], told["eventType"], told["status"]) == ("ann", "ORDER_CONFIRMED", "DONE")
    (delivery,) = told["deliveries"]
    assert (delivery["channel"], delivery["status"], delivery["attempts"]) == ("inbox", "SENT", 1)
    assert known("notifications", "show", told["id"], JSON).json == told
    for chosen in ((), ("--user", "ann"), ("--status", "DONE")):
        assert known("notifications", "list", JSON, *chosen).lines == [told]
    for other in (("--user", "bob"), ("--status", "SCHEDULED")):
        assert known("notifications", "list", JSON, *other).lines == []
    assert known("notifications", "list").out.splitlines()[1].split()[:5] == [
        told["id"], "ORDER_CONFIRMED", "ann", "DONE", "inbox"
    ]  # fmt: skip
    for named in (told["id"], delivery["id"]):
        story = known("trace", named).out.splitlines()
        assert [line.split()[3] for line in story] == [
            "notifications.notify", "notifications.deliver", "notifications.delivery_ended"
        ]  # fmt: skip


def test_the_story_of_an_order_includes_those_of_its_notifications(
    stocked: Command, serve: Serve, tmp_path: Path
) -> None:
    importing(stocked, tmp_path, {"id": "ann"})
    order = stocked("orders", "place", *PLACE, "--payments", "simulated", *INBOX, JSON).json
    assert order["status"] == "CONFIRMED"
    told = {line["eventType"]: line for line in until_done(stocked, serve, 2)}
    story = stocked("trace", order["id"]).out
    assert set(told) == {"ORDER_CREATED", "ORDER_CONFIRMED"}
    for each in told.values():
        assert each["orderId"] == order["id"]
        assert f"told as {each['id']}" in story
    assert story.count("notifications.delivery_ended") == 2


def test_a_key_or_a_dedupe_key_given_again_tells_nobody_twice(known: Command) -> None:
    for words in (("--key", "k"), ("--dedupe", "d")):
        first, second = (known(*CONFIRMED, *words, *INBOX, JSON).json for _ in range(2))
        assert first["deliveries"][0]["status"] == "SENT"
        if words[0] == "--key":
            assert second["id"] == first["id"]
        else:
            assert second["deliveries"][0]["reason"] == f"duplicate of {first['id']}"


def test_what_is_scheduled_can_be_cancelled_once_and_what_is_late_expires(known: Command) -> None:
    later = known(*CONFIRMED, "--send-at", "2100-01-01T00:00:00Z", *INBOX, JSON).json
    assert (later["status"], later["sendAt"]) == ("SCHEDULED", "2100-01-01T00:00:00Z")
    cancelled = known("notifications", "cancel", later["id"], *INBOX, JSON).json
    assert [each["status"] for each in cancelled["deliveries"]] == ["CANCELLED"]
    again = known("notifications", "cancel", later["id"], *INBOX)
    assert (again.status, again.out) == (1, "")
    late = known(*CONFIRMED, "--expires-at", "2000-01-01T00:00:00Z", *INBOX, JSON).json
    assert late["deliveries"][0]["status"] == "EXPIRED"


def test_a_delivery_that_failed_is_named_and_is_exit_status_1(known: Command) -> None:
    done = known("notify", "ORDER_SHIPPED", "--user", "ann", *INBOX, "--data", '{"order_id": "%s"}' % ("x" * 70_000))
    assert done.status == 2
    done = known("notify", "ORDER_CONFIRMED", "--user", "zed", *DATA, *INBOX)
    assert (done.status, done.out) == (1, "")
    assert "there is no user 'zed'" in done.err


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (("ORDER_LOST", "--user", "ann", *DATA), "one of: ORDER_CANCELLED"),
        (("ORDER_CONFIRMED", "--user", "ann"), "missing required field `order_id`"),
        (("ORDER_CONFIRMED", "--user", "ann", "--data", "[]"), "a JSON object"),
        (("ORDER_CONFIRMED", "--user", "ann", *DATA, "--channel", "fax"), "one of: inbox"),
        (("ORDER_CONFIRMED", "--user", "ann", *DATA, "--event-version", "2"), "1 to 1"),
        (("ORDER_CONFIRMED", "--user", "ann", *DATA, "--send-at", "noon"), "no time with an offset"),
        (("ORDER_CONFIRMED", *DATA), "--user"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_line(known: Command, words: tuple[str, ...], right: str) -> None:
    done = known("notify", *words, *INBOX)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert right in done.err
    assert known("notifications", "list", JSON).lines == []


@pytest.mark.parametrize("named", ["ntf_none", "user:ann", "allowance:ann", "dlv_1"])
def test_a_notification_that_is_not_there_is_refused(known: Command, named: str) -> None:
    for words in (("show", named), ("cancel", named, *INBOX)):
        done = known("notifications", *words)
        assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)


def test_an_audience_is_made_told_and_left(known: Command, serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("ann\n\nbob\n")
    assert known("audiences", "add", "all", str(file), *INBOX, JSON).json == {"name": "all", "members": 2}
    assert known("audiences", "list", JSON).lines == [known("audiences", "show", "all", JSON).json]
    sent = known("audiences", "broadcast", "all", "ORDER_CONFIRMED", *DATA, *INBOX, JSON).json
    assert (sent["audience"], sent["status"], sent["users"]) == ("all", "DONE", 2)
    told = until_done(known, serve, 2)
    assert {each["userId"] for each in told} == {"ann", "bob"}
    assert {each["broadcast"] for each in told} == {sent["id"]}
    known("audiences", "remove", "all", str(file), *INBOX)
    assert known("audiences", "show", "all", JSON).json["members"] == 0
    unknown = known("audiences", "show", "none")
    assert (unknown.status, "there is no audience 'none'" in unknown.err) == (1, True)


def test_a_file_of_users_may_be_long_and_its_bad_line_is_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("".join(f"user-{n}\n" for n in range(1_201)))
    assert command("audiences", "add", "all", str(file), *INBOX, JSON).json["members"] == 1_201
    file.write_text("ann\n" + "x" * 256 + "\n")
    done = command("audiences", "add", "all", str(file), *INBOX)
    assert (done.status, done.err.startswith(f"sagamore: {file}:2 is ")) == (2, True)


def test_a_running_shop_is_asked_and_its_channels_are_those_that_count(
    known: Command, serve: Serve, tmp_path: Path
) -> None:
    with serve(*INBOX):
        assert importing(known, tmp_path, ANN, {"id": "cid"}, words=(JSON,)).json["taken"] == 2
        told = known(*CONFIRMED, "--user", "cid", "--wait", "10", JSON).json
        assert [each["status"] for each in told["deliveries"]] == ["SENT"]
        assert known("users", "erase", "cid", JSON).json == {"erased": "cid"}
    other = tmp_path / "other"
    with serve(directory=other):
        for words in (CONFIRMED, (*CONFIRMED, *INBOX)):
            done = finish(process(other, *words))
            assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
            assert "where the shop is run" in done.err


def test_a_directory_that_tells_users_is_not_opened_without_its_channels(shop_dir: Path, known: Command) -> None:
    for words in (("serve",), ("stock", "receive", "MUG", "1", "--reason", "found")):
        done = finish(process(shop_dir, *words))
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert "with inbox, which this directory has" in done.err
    assert known("stock", "receive", "MUG", "1", "--reason", "found", *INBOX).status == 0


def test_the_owner_of_a_shop_may_compose_it_itself(shop_dir: Path, known: Command, tmp_path: Path) -> None:
    (tmp_path / "host.py").write_text(
        "from sagamore import Channel, Sagamore, Settings, NotificationSettings, permanent\n"
        "class Wall(Channel, name='wall', addressed=False):\n"
        "    async def send(self, outgoing, call):\n"
        "        return permanent('no_room', 'the wall is full')\n"
        "def app(path):\n"
        "    return Sagamore.open(path, Settings(retired=('inbox',)), channels=[Wall()])\n"
    )
    done = finish(process(shop_dir, *CONFIRMED, "--app", "host:app", JSON, cwd=tmp_path))
    assert (done.status, done.err) == (1, "sagamore: wall failed: no_room: the wall is full\n")
    assert done.json["deliveries"][0]["status"] == "DEAD"
