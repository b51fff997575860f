"""Small files in the Online Retail columns, and shops to play them in."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from sagamore import Order, Sagamore, SimulatedPayments
from sagamore.actors.orders.payment_provider import PaymentProvider
from sagamore.cli import replay as command
from sagamore.cli.parser import Parser
from sagamore.replay import Plan, Player, make_plan, read_rows

HEADING = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def row(invoice: str, code: str, quantity: object, price: object = "2.55", customer: str = "17850.0") -> str:
    """A line of a file."""
    return f"{invoice},{code},A THING,{quantity},2010-12-01 08:26:00,{price},{customer},United Kingdom"


def plan_of(*rows: str) -> Plan:
    """What a file of these lines is."""
    return make_plan(read_rows([f"{line}\n" for line in (HEADING, *rows)]))


async def play(
    path: Path, *rows: str, passes: int = 1, share: int = 1, payments: PaymentProvider | None = None
) -> Player:
    """Play them in a new shop, or in one that is there."""
    async with Sagamore.open(path, command.SETTINGS, payments=payments or SimulatedPayments()) as shop:
        player = Player(shop, plan_of(*rows))
        await player.stock(share, passes)
        await player.play(passes, None)
        return player


async def order_of(path: Path, reference: str) -> Order:
    """An order of a shop that has been closed."""
    async with Sagamore.open(path, command.SETTINGS) as shop:
        return await shop.orders.by_reference(reference)


async def on_hand(path: Path, product: str) -> int:
    """Of a shop that has been closed."""
    async with Sagamore.open(path, command.SETTINGS) as shop:
        return (await shop.inventory.get(product)).on_hand


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The command with --json: what it tells."""
    parser = Parser("sagamore")
    command.add_parser(parser.add_subparsers(parser_class=Parser))
    args = parser.parse_args(["replay", *words, "--json"])
    assert args.run(args) == 0
    return msgspec.json.decode(capsys.readouterr().out)
