"""`sagamore payments`: list, resolve."""

from argparse import Namespace
from typing import get_args

from sagamore.actors.orders.payment import Attention, Payment
from sagamore.actors.orders.payment_messages import Resolution
from sagamore.cli.output import show_list
from sagamore.cli.parser import Subparsers, add_by, add_list, add_owner, command, group
from sagamore.cli.reading import files_of, read_list
from sagamore.cli.run import run
from sagamore.cli.session import do
from sagamore.engine.message import Codec
from sagamore.operations import ResolvePayment
from sagamore.views import PaymentView

COLUMNS = {
    "order_id": "ORDER", "state": "STATE", "parked": "PARKED", "refusal": "REFUSAL", "amount": "AMOUNT",
    "captured": "CAPTURED", "refunded": "REFUNDED", "id": "PAYMENT",
}  # fmt: skip
_decode = Codec((Payment,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "payments", "list, resolve")
    listing = command(commands, "list", "payments, those of the newest orders first")
    listing.add_argument(
        "--attention",
        default="",
        choices=get_args(Attention),
        metavar="WHY",
        help=f"only these: {', '.join(get_args(Attention))}",
    )
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    resolve = command(commands, "resolve", "say what the provider's records show of a parked or STUCK payment")
    resolve.add_argument("order", metavar="ORDER")
    resolve.add_argument("--outcome", required=True, choices=get_args(Resolution))
    resolve.add_argument("--reference", required=True, help="the provider's own number for it")
    resolve.add_argument("--amount", default="", help="as 12.50; by default all that was asked for")
    add_by(resolve)
    add_owner(resolve)
    resolve.set_defaults(run=_resolve)


async def _list(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        field = "attention" if args.attention else ""
        found = await read_list(
            files, "payments", _decode, args.limit, args.before, prefix="ord_", field=field, value=args.attention
        )
    show_list([PaymentView.of(payment) for payment in found], COLUMNS, args.json)
    return 0


def _resolve(args: Namespace) -> int:
    do(
        args,
        ResolvePayment(
            order_id=args.order, outcome=args.outcome, reference=args.reference, by=args.by, amount=args.amount
        ),
    )
    return 0
