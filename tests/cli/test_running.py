"""The command line on a directory that another process runs: reading from the files, commands through the socket."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagamore import Sagamore
from sagamore.cli.session import Remote, connect
from sagamore.control import CONNECTIONS_MAX, CONTROL_NAME, REQUEST_BYTES_MAX, address_of_socket
from sagamore.engine.errors import NotWritable
from sagamore.operations import GetHealth
from tests.cli.conftest import PLACE, WAIT_S, Command, Serve, finish, process


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
        assert command("health", "--json").json == {"status": "GREEN", "pid": shop.pid, "problems": []}
    assert command("health", "--json").json["pid"] is None


def test_errors_come_back_through_the_socket_as_they_are_at_the_door(command: Command, serve: Serve) -> None:
    with serve():
        bad = command("stock", "receive", "MUG", "0", "--reason", "x")
        assert (bad.status, bad.err) == (2, "sagamore: quantity is 0; a whole number, 1 to 1000000000\n")
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


async def _served(shop_dir: Path) -> Remote:
    remote = await connect(shop_dir)
    assert remote is not None
    return remote


async def _say(shop_dir: Path, line: bytes) -> Any:
    """One line to the socket, and its answer."""
    with address_of_socket(shop_dir) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return json.loads(answer)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"hello\n", "malformed"),
        (b'{"operation": "os.system"}\n', "os.system"),
        (b'{"operation": "orders.ship"}\n', "orderId"),
        (b'{"operation": "orders.ship", "orderId": 1}\n', "Expected `str`"),
        (b'{"operation": "orders.ship", "orderId": "x", "shell": "y"}\n', "shell"),
        (b'"' + b"x" * (REQUEST_BYTES_MAX + 1) + b'"\n', f"at most {REQUEST_BYTES_MAX} bytes"),
    ],
)
async def test_the_socket_takes_only_operations_that_it_knows(tmp_path: Path, line: bytes, says: str) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        answer = await _say(tmp_path / "shop", line)
    assert (answer["error"]["code"], answer["error"]["badInput"]) == ("invalid_input", True)
    assert says in answer["error"]["message"]


async def test_more_clients_than_the_bound_are_sent_away_and_come_back_when_others_left(tmp_path: Path) -> None:
    shop_dir = tmp_path / "shop"
    async with Sagamore.open(shop_dir):
        clients = [await _served(shop_dir) for _ in range(CONNECTIONS_MAX)]
        for client in clients:
            await client.ask(GetHealth())
        answer = await _say(shop_dir, b"")
        assert answer["error"]["code"] == "overloaded"
        await clients.pop().close()
        async with asyncio.timeout(WAIT_S):
            while "answer" not in (answer := await _say(shop_dir, b'{"operation": "health"}\n')):
                pass
        for client in clients:
            await client.close()


async def test_a_shop_with_idle_clients_stops_at_once(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        client = await _served(tmp_path / "shop")
        await client.ask(GetHealth())
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < 1.5
    await client.close()


async def test_a_path_too_long_for_a_socket_is_reached_all_the_same(tmp_path: Path) -> None:
    shop_dir = tmp_path / ("long" * 25) / "shop"
    shop_dir.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match="AF_UNIX path too long"):
        client.connect(str(shop_dir / CONTROL_NAME))
    async with Sagamore.open(shop_dir):
        remote = await _served(shop_dir)
        assert (await remote.ask(GetHealth())).status == "GREEN"
        await remote.close()


async def test_a_file_in_the_place_of_the_socket_is_left_alone_and_named(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        pass
    (tmp_path / "shop" / CONTROL_NAME).write_text("mine")
    with pytest.raises(NotWritable, match=r"control\.sock is no socket of ours; move it away"):
        async with Sagamore.open(tmp_path / "shop"):
            pass
    assert (tmp_path / "shop" / CONTROL_NAME).read_text() == "mine"
