"""The command line on a directory that another process runs: reading from the files, commands through the socket."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sagamore.cli.orders import ACCEPTED
from sagamore.control import CONTROL_NAME
from tests.cli.conftest import PLACE, ROOT, WAIT_S, Command, Serve, finish, process


def test_commands_reach_the_running_shop_and_reads_see_what_they_did(command: Command, serve: Serve) -> None:
    with serve("--payments", "simulated") as shop:
        assert command("stock", "receive", "MUG", "10", "--reason", "first", "--json").json["onHand"] == 10
        placed = command("orders", "place", *PLACE, "--key", "cart-1", "--wait", "10", "--json").json
        assert (placed["status"], placed["payment"]) == ("CONFIRMED", "PAID")
        assert command("orders", "list", "--json").lines == [placed]
        order = placed["id"]
        refund = command("orders", "refund", order, "3", "--reason", "late", "--wait", "10", "--json").json
        assert refund["status"] == "SUCCEEDED"
        cancelled = command("orders", "cancel", order, "--wait", "10", "--json").json
        assert (cancelled["status"], cancelled["settlement"]) == ("CANCELLED", "SETTLED")
        assert "CONFIRMED → CANCELLING" in command("trace", order).out
        run_by = f"process {shop.pid}"
        green = {"status": "GREEN", "runBy": run_by, "pid": shop.pid, "problems": []}
        assert command("health", "--json").json == green
        assert command("health").out == f"status         GREEN\nrun by         {run_by}\n"
    assert command("health", "--json").json == green | {"runBy": "nobody", "pid": None}


def order_paid_by(command: Command, method: str) -> str:
    """The id of a confirmed order of a shop that runs."""
    order = command("orders", "place", *PLACE[:-1], method, "--wait", "10", "--json").json
    assert order["status"] == "CONFIRMED"
    return str(order["id"])


def test_a_refund_says_what_became_of_it_and_a_refused_one_has_status_1(command: Command, serve: Serve) -> None:
    with serve("--payments", "simulated"):
        command("stock", "receive", "MUG", "10", "--reason", "first")
        for method, becomes, status in (
            ("pm_card", "SUCCEEDED", 0), ("pm_refund_refused", "REFUSED", 1), ("pm_refund_pending", "PENDING", 0),
        ):  # fmt: skip
            done = command("orders", "refund", order_paid_by(command, method), "3", "--reason", "late", "--json")
            assert (done.status, done.json["status"]) == (status, becomes)
            assert done.err == ("sagamore: the refund was refused: refund_refused: the bank takes no refund\n" * status)


def test_a_refund_that_is_only_accepted_is_told_as_that_and_its_key_asks_again(command: Command, serve: Serve) -> None:
    with serve("--payments", "simulated"):
        command("stock", "receive", "MUG", "10", "--reason", "first")
        card, bank = (order_paid_by(command, method) for method in ("pm_card", "pm_refund_pending"))
        done = command("orders", "refund", bank, "3", "--reason", "late")
        assert (done.status, done.out.splitlines()[-1]) == (0, ACCEPTED)
        refund = ("orders", "refund", card, "3", "--reason", "late", "--key", "again")
        assert command(*refund, "--wait", "0").status == 0
        assert "SUCCEEDED" in command(*refund).out


def test_errors_come_back_through_the_socket_as_they_are_at_the_door(command: Command, serve: Serve) -> None:
    with serve():
        bad = command("stock", "receive", "MUG", "0", "--reason", "x")
        assert (bad.status, bad.err) == (2, "sagamore: quantity is 0; a whole number, 1 to 1,000,000,000\n")
        refused = command("orders", "ship", "ord_none")
        assert (refused.status, refused.err.count("\n")) == (1, 1)
        assert "there is no order 'ord_none'" in refused.err


def test_a_second_owner_is_refused_and_told_the_pid_of_the_first(serve: Serve, shop_dir: Path) -> None:
    with serve() as first:
        second = finish(process(shop_dir, "serve"))
    assert (second.status, second.out, second.err.count("\n")) == (1, "", 1)
    assert f"owned by process {first.pid}" in second.err


def test_rows_are_imported_through_the_socket(command: Command, serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "delivery.csv"
    file.write_text("".join(f"P{n % 50},1\n" for n in range(500)))
    with serve():
        assert command("stock", "import", str(file), "--json").json["taken"] == 500
        assert {line["onHand"] for line in command("stock", "show", "--json").lines} == {10}


def test_a_shop_that_was_killed_leaves_a_socket_that_the_next_one_replaces(
    stocked: Command, serve: Serve, shop_dir: Path
) -> None:
    killed = process(shop_dir, "serve")
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    finish(killed)
    assert (shop_dir / CONTROL_NAME).exists()
    assert stocked("stock", "adjust", "MUG", "-1", "--reason", "x", "--json").json["onHand"] == 9
    assert not (shop_dir / CONTROL_NAME).exists()


def test_the_process_stops_cleanly_on_an_interrupt_and_takes_its_socket_along(serve: Serve, shop_dir: Path) -> None:
    with serve() as shop:
        mode = (shop_dir / CONTROL_NAME).stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
        shop.send_signal(signal.SIGINT)
        shop.wait(WAIT_S)
        assert not (shop_dir / CONTROL_NAME).exists()


def test_a_reader_that_goes_away_is_no_error(stocked: Command, shop_dir: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    environment = os.environ | {"SAGAMORE_DIR": str(shop_dir)}
    done = subprocess.run(
        [sys.executable, "-m", "sagamore", "stock", "show"],
        stdout=write, stderr=subprocess.PIPE, timeout=WAIT_S, check=False, cwd=Path(__file__).parents[2],
        env=environment,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_interrupt_ends_a_command_that_waits_and_not_what_it_began(
    command: Command, serve: Serve, shop_dir: Path
) -> None:
    with serve():
        command("stock", "receive", "MUG", "10", "--reason", "first")
        waiting = process(shop_dir, "orders", "place", *PLACE, "--wait", "60")
        while not command("orders", "list", "--json").lines:
            assert waiting.poll() is None
        waiting.send_signal(signal.SIGINT)
        done = finish(waiting)
        assert (done.status, done.out, done.err) == (130, "", "")
        assert [order["status"] for order in command("orders", "list", "--json").lines] == ["PENDING"]


@pytest.mark.parametrize("how", [("-m", "sagamore"), ("-c", "from sagamore.__main__ import main; exit(main())")])
def test_an_interrupt_while_it_is_still_being_loaded_is_a_line(tmp_path: Path, how: tuple[str, str]) -> None:
    """In place of a library that is imported half-way comes one that presses Ctrl-C."""
    (tmp_path / "aiosqlite.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, *how, "orders", "list"], capture_output=True, text=True, timeout=WAIT_S, check=False,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "sagamore: interrupted\n")


def test_a_shop_that_dies_under_a_command_is_told_with_the_key_to_ask_again(command: Command, shop_dir: Path) -> None:
    shop = process(shop_dir, "serve")
    assert shop.stdout is not None
    shop.stdout.readline()
    command("stock", "receive", "MUG", "10", "--reason", "first")
    waiting = process(shop_dir, "orders", "place", *PLACE, "--wait", "60", "--key", "cart-7")
    while not command("orders", "list", "--json").lines:
        assert waiting.poll() is None
    shop.send_signal(signal.SIGKILL)
    finish(shop)
    done = finish(waiting)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert "with --key cart-7 it is done once" in done.err
