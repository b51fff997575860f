"""`sagamore stock`: show, receive, set, adjust, import."""

from argparse import Namespace
from typing import Any

from sagamore.actors.orders.stock import Stock, stock_key
from sagamore.actors.orders.stock_errors import StockUnknown
from sagamore.actors.text import check_key
from sagamore.cli.output import show, show_list
from sagamore.cli.parser import (
    Parser,
    Subparsers,
    add_by,
    add_key,
    add_list,
    add_owner,
    command,
    group,
    quantity,
    readable,
)
from sagamore.cli.reading import files_of, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import do
from sagamore.cli.stock_import import import_stock
from sagamore.doors.inventory import receive_stock, set_stock
from sagamore.engine.message import Codec
from sagamore.operations import AdjustStock, ReceiveStock, SetStock
from sagamore.views import StockView

COLUMNS = {"product_id": "PRODUCT", "on_hand": "ON HAND", "reserved": "RESERVED", "available": "AVAILABLE"}
_decode = Codec((Stock,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "stock", "show, receive, set, adjust, import")
    showing = command(commands, "show", "what there is of a product, or of all from the end of the alphabet")
    showing.add_argument("product", nargs="?", metavar="PRODUCT")
    add_list(showing)
    showing.set_defaults(run=lambda args: run(_show(args)))
    receive = _changing(commands, "receive", "a delivery arrived; makes a product known")
    receive.add_argument("quantity", type=quantity, metavar="QTY")
    receive.set_defaults(run=_receive)
    setting = _changing(commands, "set", "the shelf was counted")
    setting.add_argument("on_hand", type=quantity, metavar="ON_HAND")
    setting.add_argument("--expected", type=quantity, required=True, help="the on hand that the count corrects")
    setting.set_defaults(run=_set)
    adjust = _changing(commands, "adjust", "a correction, signed")
    adjust.add_argument("quantity", type=quantity, metavar="±QTY")
    adjust.set_defaults(run=_adjust)
    importing = command(commands, "import", "receive the rows of a CSV file: product,quantity")
    importing.add_argument("file", type=readable, metavar="FILE.csv")
    importing.add_argument("--reason", default="import")
    importing.add_argument("--key", default="", help="names the delivery; by default made from the file's content")
    add_by(importing)
    add_owner(importing)
    importing.set_defaults(run=import_stock)


def _changing(commands: Subparsers, name: str, about: str) -> Parser:
    parser = command(commands, name, about)
    parser.add_argument("product", metavar="PRODUCT")
    parser.add_argument("--reason", required=True)
    add_by(parser)
    add_key(parser)
    add_owner(parser)
    return parser


async def _show(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        if args.product is not None:
            stock = await read_entity(files, "inventory", args.product, _decode, prefix=stock_key(""))
            if stock is None:
                raise StockUnknown(args.product)
            show(StockView.of(stock), args.json)
            return 0
        found = await read_list(files, "inventory", _decode, args.limit, args.before, prefix=stock_key(""), bare=True)
    show_list([StockView.of(stock) for stock in found], COLUMNS, args.json)
    return 0


def _receive(args: Namespace) -> int:
    receive_stock(args.product, args.quantity, args.reason, args.by)  # refused before a directory is made
    do(args, ReceiveStock(quantity=args.quantity, **_change(args)), creates=True)
    return 0


def _set(args: Namespace) -> int:
    set_stock(args.product, args.on_hand, args.expected, args.reason, args.by)
    operation = SetStock(on_hand=args.on_hand, expected=args.expected, **_change(args))
    do(args, operation, creates=not args.expected)  # a new directory has nothing on hand
    return 0


def _adjust(args: Namespace) -> int:
    do(args, AdjustStock(quantity=args.quantity, **_change(args)))
    return 0


def _change(args: Namespace) -> dict[str, Any]:
    check_key(args.key)
    return {"product_id": args.product, "reason": args.reason, "by": args.by, "idempotency_key": args.key}
