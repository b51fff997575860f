"""An owner whose event loop hangs: whoever asks it is told so, within a bound; who works slowly is waited for."""

import asyncio
import signal
import socket
import subprocess
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sagamore import Sagamore
from sagamore.cli import session
from sagamore.cli.session import RemoteError, Silent, connect
from sagamore.control import CONNECTIONS_MAX, address_of_socket
from sagamore.order_operations import PlaceOrder
from sagamore.views import LineView, MoneyView
from tests.cli.conftest import PLACE, Command, Serve, finish, process


@contextmanager
def stopped(shop: "subprocess.Popen[str]") -> Iterator[None]:
    """As by Ctrl-Z, or with a host that never gives its event loop back."""
    shop.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        shop.send_signal(signal.SIGCONT)


def test_who_asks_a_process_that_hangs_is_told_which_it_is_and_so_is_who_asked_before(
    stocked: Command, serve: Serve, shop_dir: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "delivery.csv"
    rows.write_text("MUG,1\n")
    with serve() as shop:
        waiting = process(shop_dir, "orders", "place", *PLACE, "--wait", "60", "--key", "cart-7")
        while not stocked("orders", "list", "--json").lines:
            assert waiting.poll() is None
        with stopped(shop):
            asked = [
                process(shop_dir, *words)
                for words in (
                    ("health",), ("health", "--json"), ("stock", "receive", "MUG", "1", "--reason", "x"),
                    ("stock", "import", str(rows), "--key", "monday"),
                )
            ]  # fmt: skip
            health, health_json, receive, imported = (finish(each) for each in asked)
            placed = finish(waiting)
        silent = f"process {shop.pid} runs this shop and does not answer"
        assert (health.status, health.err) == (1, "")
        assert health.out.startswith("status         RED\n")
        assert f"problems       {silent}\n" in health.out
        assert health_json.status == 1
        assert (health_json.json["status"], health_json.json["problems"]) == ("RED", [silent])
        assert (receive.status, receive.out, receive.err) == (1, "", f"sagamore: {silent}\n")
        again = "0 rows were taken; import again with --key monday, none is taken twice"
        assert (imported.status, imported.err) == (1, f"sagamore: {silent}; {again}\n")
        known = "whether it was done is not known, with --key cart-7 it is done once"
        assert (placed.status, placed.out, placed.err) == (1, "", f"sagamore: {silent}; {known}\n")
        assert stocked("health").status == 0


async def test_a_process_that_hangs_is_told_of_also_when_nobody_more_may_wait_for_it(
    serve: Serve, shop_dir: Path
) -> None:
    with serve() as shop, stopped(shop), ExitStack() as others:
        with address_of_socket(shop_dir) as address, pytest.raises(BlockingIOError):
            while True:
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect(address)
        with pytest.raises(Silent, match=f"process {shop.pid} runs this shop and does not answer"):
            await connect(shop_dir, silence_s=1)


async def test_a_long_operation_of_a_loop_that_goes_round_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sagamore.control.ALIVE_EVERY_S", 0.2)
    async with Sagamore.open(tmp_path / "shop") as shop:
        await shop.inventory.receive("MUG", 10, reason="first", idempotency_key="d")
        remote = await connect(tmp_path / "shop", silence_s=1)
        assert remote is not None
        line = LineView("MUG", 1, MoneyView("1.00", "GBP"))
        place = PlaceOrder(user_id="ann", lines=(line,), payment_method="pm_card", idempotency_key="c", wait_ms=2_500)
        started = asyncio.get_running_loop().time()
        assert (await remote.ask(place)).status == "PENDING"
        assert asyncio.get_running_loop().time() - started >= 2.5
        await remote.close()


async def test_as_many_connections_are_used_as_the_owner_has_room_for(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop"):
        others = [await connect(tmp_path / "shop") for _ in range(CONNECTIONS_MAX - 2)]
        async with session.session(Namespace(dir=tmp_path / "shop"), connections=16) as doers:
            assert len(doers) == 2
            with pytest.raises(RemoteError, match="64 clients are connected"):
                await connect(tmp_path / "shop")
        for other in others:
            assert other is not None
            await other.close()
