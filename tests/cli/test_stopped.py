"""The command line on a directory that nobody runs: it is the owner for as long as a command takes."""

import asyncio
import re
from pathlib import Path

import pytest

from sagamore import Actor, Message, Sagamore, State, Turn
from sagamore.cli.orders import STUCK, UNSETTLED
from tests.cli.conftest import PLACE, Command, finish, process

JSON = "--json"


class Calm(State, tag="test.calm", version=1):
    """Nothing to keep."""


class Worry(Message, tag="test.worry", version=1):
    """About someone."""

    about: str


class Worrier(Actor[Calm, Worry], kind="worrier"):
    """Raises an alert for each worry."""

    def entity(self, message: Worry) -> str:
        return message.about

    def handle(self, calm: Calm, message: Worry, turn: Turn) -> Calm:
        turn.raise_alert("worry", message.about, f"ring {message.about}")
        turn.reply(calm)
        return calm


async def raise_alerts(shop_dir: Path) -> None:
    async with Sagamore.open(shop_dir, actors=[Worrier()]) as shop:
        for about in ("ann", "bob"):
            await shop.ask("worrier", Worry(about))


def test_an_order_is_placed_shown_listed_shipped_and_partly_refunded(stocked: Command) -> None:
    placed = stocked("orders", "place", *PLACE, "--reference", "#1", "--payments", "simulated", JSON).json
    assert (placed["status"], placed["payment"]) == ("CONFIRMED", "PAID")
    order = placed["id"]
    assert stocked("orders", "show", order, JSON).json == placed
    assert stocked("orders", "show", "#1", JSON).json == placed
    assert stocked("orders", "list", JSON).lines == [placed]
    shipped = stocked("orders", "ship", order, "--tracking", "T1", JSON).json
    assert (shipped["fulfilment"], shipped["tracking"]) == ("SHIPPED", "T1")
    refund = stocked("orders", "refund", order, "5.00", "--reason", "late", JSON).json
    assert (refund["amount"], refund["status"]) == ({"amount": "5.00", "currency": "GBP"}, "REQUESTED")


def test_a_refund_that_nobody_can_pay_out_yet_is_not_settled_and_one_that_is_refused_has_status_1(
    stocked: Command, placed: str
) -> None:
    refund = ("orders", "refund", placed, "1", "--reason", "late")
    waits = stocked(*refund)
    assert (waits.status, waits.err, waits.out.splitlines()[-1]) == (0, "", UNSETTLED)
    refused = stocked(*refund, "--payments", "simulated")  # it forgot the payment with its process
    assert (refused.status, refused.err) == (
        1,
        "sagamore: the refund was refused: not_found: there is no such payment\n",
    )


def test_a_cancel_that_ends_with_the_payment_stuck_has_status_1_and_says_so(stocked: Command, placed: str) -> None:
    stuck = stocked("orders", "cancel", placed, "--payments", "simulated", JSON)  # it forgot the payment
    assert (stuck.status, stuck.json["payment"], stuck.json["settlement"]) == (1, "STUCK", "STUCK")
    assert stuck.err == f"sagamore: {STUCK}\n"
    assert placed in stocked("alerts").out


def test_an_order_in_json_has_camel_case_money_with_its_currency_and_times_in_zulu(stocked: Command) -> None:
    order = stocked("orders", "place", *PLACE, "--payments", "simulated", JSON).json
    assert order["userId"] == "ann"
    assert order["amount"] == {"amount": "28.00", "currency": "GBP"}
    assert order["lines"] == [{"productId": "MUG", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "GBP"}}]
    assert order["charges"] == [{"kind": "shipping", "amount": {"amount": "3.00", "currency": "GBP"}}]
    assert order["createdAt"].endswith("Z") and "T" in order["createdAt"]
    assert order["payBy"] is None


def test_an_order_is_found_by_user_status_and_reference(stocked: Command, placed: str) -> None:
    for chosen in (("--user", "ann"), ("--status", "CONFIRMED"), ("--reference", "#1001")):
        assert [order["id"] for order in stocked("orders", "list", JSON, *chosen).lines] == [placed]
    for other in (("--user", "bob"), ("--status", "PENDING"), ("--reference", "#2")):
        assert stocked("orders", "list", JSON, *other).lines == []


def test_a_list_goes_on_before_the_last_that_was_shown(stocked: Command) -> None:
    for _ in range(3):
        stocked("orders", "place", *PLACE, "--payments", "simulated")
    everything = [order["id"] for order in stocked("orders", "list", JSON).lines]
    first = [order["id"] for order in stocked("orders", "list", JSON, "--limit", "2").lines]
    rest = [order["id"] for order in stocked("orders", "list", JSON, "--before", first[-1]).lines]
    assert everything == sorted(everything, reverse=True)
    assert (len(everything), first + rest) == (3, everything)
    wrong = stocked("orders", "list", "--before", "#1001")
    assert (wrong.status, wrong.out, wrong.err) == (2, "", "sagamore: --before is '#1001'; an id of this list, ord_…\n")


def test_a_key_given_again_places_no_second_order(stocked: Command) -> None:
    twice = [
        stocked("orders", "place", *PLACE, "--key", "cart-1", "--payments", "simulated", JSON).json for _ in range(2)
    ]
    assert twice[0]["id"] == twice[1]["id"]
    assert len(stocked("orders", "list", JSON).lines) == 1


def test_without_payments_an_order_waits_for_the_next_opener(stocked: Command) -> None:
    order = stocked("orders", "place", *PLACE, JSON).json
    assert order["status"] == "PENDING"
    stocked("stock", "receive", "TEA", "1", "--reason", "first", "--payments", "simulated")
    cancelled = stocked("orders", "cancel", order["id"], "--by", "eve", "--payments", "simulated", JSON).json
    assert (cancelled["status"], cancelled["cancelledBy"], cancelled["settlement"]) == ("CANCELLED", "eve", "SETTLED")


def test_an_order_to_be_paid_later_waits_until_its_time(stocked: Command) -> None:
    later = [word for word in PLACE if word not in ("--method", "pm_card")]
    order = stocked("orders", "place", *later, "--pay-by", "2100-01-01T00:00:00+01:00", JSON).json
    assert (order["state"], order["payBy"]) == ("AWAITING_PAYMENT", "2099-12-31T23:00:00Z")


def test_stock_is_received_counted_and_adjusted(command: Command) -> None:
    assert command("stock", "receive", "MUG", "10", "--reason", "first", JSON).json["available"] == 10
    assert command("stock", "adjust", "MUG", "-3", "--reason", "broken", JSON).json["onHand"] == 7
    assert command("stock", "set", "MUG", "8", "--expected", "7", "--reason", "count", JSON).json["onHand"] == 8
    assert command("stock", "set", "MUG", "9", "--expected", "7", "--reason", "count").status == 1
    stock = {"productId": "MUG", "onHand": 8, "reserved": 0, "available": 8}
    assert command("stock", "show", "MUG", JSON).json == stock
    assert command("stock", "show", JSON).lines == [stock]


def test_what_a_human_reads_has_headings_and_no_empty_fields(stocked: Command, placed: str) -> None:
    listed = stocked("orders", "list").out.splitlines()
    assert listed[0].split() == [
        "ORDER", "STATUS", "PAYMENT", "AMOUNT", "USER", "REFERENCE", "CREATED", "FULFILMENT", "REASON",
    ]  # fmt: skip
    assert placed in listed[1] and "28.00 GBP" in listed[1]
    shown = stocked("orders", "show", placed).out
    assert "reference      #1001\n" in shown
    assert re.search(r"^placed at      \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$", shown, flags=re.MULTILINE)
    assert "tracking" not in shown


def test_what_steers_a_terminal_is_shown_as_an_escape(stocked: Command) -> None:
    stocked("orders", "place", *PLACE, "--reference", "\x1b[2J", "--payments", "simulated")
    listed = stocked("orders", "list").out
    assert "\x1b" not in listed and r"\x1b[2J" in listed


def test_what_the_terminals_encoding_does_not_have_is_shown_as_an_escape(
    stocked: Command, placed: str, shop_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = finish(process(shop_dir, "trace", placed))
    assert (done.status, done.err) == (0, "")
    assert r"NEW \u2192 PAYING" in done.out


def test_a_trace_tells_the_story_by_the_id_of_the_order_its_payment_or_its_refund_or_by_its_reference(
    stocked: Command, placed: str
) -> None:
    refund = stocked("orders", "refund", placed, "1", "--reason", "late", "--payments", "simulated", JSON).json["id"]
    payment = stocked("payments", "list", JSON).lines[0]
    assert payment["orderId"] == placed
    story = stocked("trace", placed, JSON).lines
    assert {line["actor"] for line in story} == {"orders/0", "payments/0", "inventory/0"}
    assert story[0]["message"] == "orders.place"
    for name in (payment["id"], refund, "#1001"):
        assert stocked("trace", name, JSON).lines == story
    assert "NEW → PAYING" in stocked("trace", placed).out.splitlines()[0]
    assert "money.moved: kind captured, amount 28.00 GBP, captured 28.00 GBP, " in stocked("trace", placed).out
    assert "first" in stocked("trace", "stock:MUG").out
    assert stocked("trace", "ord_none").status == 1


def test_payments_are_listed_by_state_and_a_settled_one_is_not_resolved(stocked: Command, placed: str) -> None:
    assert [payment["orderId"] for payment in stocked("payments", "list", JSON).lines] == [placed]
    assert stocked("payments", "list", "--attention", "STUCK", JSON).lines == []
    refused = stocked("payments", "resolve", placed, "--outcome", "captured", "--reference", "x")
    assert (refused.status, refused.err.count("\n")) == (1, 1)
    assert "only one that is STUCK or parked, and not being tried again, can be resolved" in refused.err


def test_health_is_green_and_alerts_are_none(stocked: Command) -> None:
    assert stocked("health", JSON).json == {"status": "GREEN", "runBy": "nobody", "pid": None, "problems": []}
    assert stocked("health").out == "status         GREEN\nrun by         nobody\n"
    assert stocked("alerts", JSON).lines == []
    assert stocked("dead-letters", "list", JSON).lines == []


def test_health_is_yellow_when_nobody_runs_the_shop_and_work_waits_for_it(stocked: Command) -> None:
    order = stocked("orders", "place", *PLACE, JSON).json["id"]
    yellow = stocked("health", JSON)
    assert (yellow.status, yellow.json["status"], yellow.json["runBy"]) == (0, "YELLOW", "nobody")
    assert yellow.json["problems"] == ["nobody runs the shop, and work waits for it: 1 effect"]
    stocked("orders", "cancel", order, "--payments", "simulated")
    assert stocked("health", JSON).json["status"] == "GREEN"


def test_alerts_are_told_with_what_to_do_about_each(stocked: Command, tmp_path: Path, shop_dir: Path) -> None:
    asyncio.run(raise_alerts(shop_dir))
    told = stocked("alerts").out.split("\n\n")
    assert [re.findall(r"^(?:subject|advice) +(.*)$", alert, flags=re.MULTILINE) for alert in told] == [
        ["ann", "ring ann"], ["bob", "ring bob"],
    ]  # fmt: skip
    assert [alert["subject"] for alert in stocked("alerts", JSON).lines] == ["ann", "bob"]
    yellow = stocked("health", JSON)
    assert (yellow.status, yellow.json["status"]) == (0, "YELLOW")


def test_a_missing_file_is_red_with_status_1(stocked: Command, shop_dir: Path) -> None:
    (shop_dir / "payments-0.sqlite").unlink()
    red = stocked("health", JSON)
    assert (red.status, red.json["status"]) == (1, "RED")
    assert "payments-0.sqlite" in red.json["problems"][0]


def test_reading_leaves_a_stopped_shop_as_it_is(stocked: Command, placed: str, shop_dir: Path) -> None:
    manifest = (shop_dir / "sagamore.json").read_bytes()
    for words in (("orders", "list"), ("stock", "show"), ("trace", placed), ("health",), ("alerts",)):
        assert stocked(*words).status == 0
    assert (shop_dir / "sagamore.json").read_bytes() == manifest


def test_a_hosts_own_composition_is_loaded(stocked: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "host_of_test.py").write_text(
        "from sagamore import Sagamore, Settings, SimulatedPayments\n"
        "from sagamore.actors.orders.settings import OrderSettings\n"
        "def shop(path):\n"
        "    settings = Settings(orders=OrderSettings(saga='reserve_first'))\n"
        "    return Sagamore.open(path, settings, payments=SimulatedPayments())\n"
        "def wrong(path):\n"
        "    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    order = stocked("orders", "place", *PLACE, "--app", "host_of_test:shop", JSON).json
    assert (order["saga"], order["status"]) == ("reserve_first", "CONFIRMED")
    for name, says in (("host_of_test:none", "has no attribute"), ("nowhere:x", "No module"), ("host", "module:fact")):
        refused = stocked("orders", "place", *PLACE, "--app", name)
        assert (refused.status, refused.err.count("\n")) == (2, 1)
        assert says in refused.err
    assert "must return Sagamore.open" in stocked("orders", "place", *PLACE, "--app", "host_of_test:wrong").err
