"""The audit beside an owner that is at work, after one that was killed, and as a command."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sagamore import Sagamore, SimulatedPayments
from sagamore.cli import audit as command
from sagamore.cli.parser import Parser
from tests.audit.kit import SETTINGS, SOON, audited, change, make_shop, place

BUSY = SimulatedPayments(seed=7, latency_ms=5, refuse=0.2, lose_answer=0.1)
ORDERS = 500  # some ten audits beside them


async def test_beside_a_running_owner_no_law_is_broken_and_all_rests_when_it_has_stopped(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", SETTINGS, payments=BUSY) as shop:
        for product in ("MUG", "TEA"):
            await shop.inventory.receive(product, 10_000, reason="delivery")
        placed, done = 0, False

        async def buy() -> None:
            nonlocal placed
            while not done:
                order = await place(shop)
                placed += 1
                if placed % 3 == 0:
                    await shop.orders.cancel(order.id)
                await shop.orders.wait(order.id, timeout=SOON)

        buyers = [asyncio.create_task(buy()) for _ in range(20)]
        try:
            while placed < ORDERS:
                laws = await audited(tmp_path / "shop")
                assert {name: law.examples for name, law in laws.items() if not law.ok} == {}
        finally:
            done = True
            await asyncio.gather(*buyers)
    laws = await audited(tmp_path / "shop")
    assert {name: law.examples for name, law in laws.items() if not law.ok} == {}
    assert laws["owned"].numbers["orders"] == placed


CHILD = """
import asyncio, sys
from pathlib import Path
from sagamore import Sagamore, SimulatedPayments
from tests.audit.kit import SETTINGS, place

async def main():
    payments = SimulatedPayments(seed=7, latency_ms=20, refuse=0.2, lose_answer=0.1)
    async with Sagamore.open(Path(sys.argv[1]), SETTINGS, payments=payments) as shop:
        for product in ("MUG", "TEA"):
            await shop.inventory.receive(product, 1000, reason="delivery")
        async def buy():
            for n in range(1_000_000):
                order = await place(shop)
                if n % 3 == 0:
                    await shop.orders.cancel(order.id)
                if n == 20:
                    print("busy", flush=True)
        await asyncio.gather(*(buy() for _ in range(10)), return_exceptions=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_directory_whose_owner_was_killed_at_work_is_clean_and_nothing_in_it_is_nobodys(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "shop")], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"busy\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    laws = asyncio.run(audited(tmp_path / "shop"))
    assert {name: law.examples for name, law in laws.items() if not law.ok} == {}
    assert laws["owned"].numbers["owned"] > 0
    assert "nobodys" not in laws["owned"].numbers


def test_the_command_ends_with_0_and_after_a_breach_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = asyncio.run(make_shop(tmp_path / "shop"))
    assert _run("--dir", str(tmp_path / "shop")) == 0
    assert "BROKEN" not in capsys.readouterr().out
    change(tmp_path / "shop", "orders-0", "DELETE FROM timer WHERE entity = :key", key=orders["unpaid"])
    assert _run("--dir", str(tmp_path / "shop"), "--json") == 1
    laws = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert [law["name"] for law in laws if not law["ok"]] == ["owned"]
    assert orders["unpaid"] in next(law for law in laws if not law["ok"])["examples"][0]


def _run(*words: str) -> int:
    parser = Parser("sagamore")
    command.add_parser(parser.add_subparsers(parser_class=Parser))
    args = parser.parse_args(["audit", *words])
    status: int = args.run(args)
    return status
