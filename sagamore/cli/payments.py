"""`sagamore payments`: list, resolve."""

from argparse import Namespace
from typing import Any, get_args

from sagamore.actors.orders.messages import PaymentState
from sagamore.actors.orders.payment import Payment
from sagamore.cli.output import show, show_list
from sagamore.cli.parser import Subparsers, add_by, add_list, add_owner, command, group
from sagamore.cli.reading import files_of, read_alerts, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import session
from sagamore.engine.message import Codec
from sagamore.operations import ResolvePayment
from sagamore.views import PaymentView

ALERTS = ("payment_parked", "payment_stuck")
OUTCOMES = ("captured", "authorised", "refused", "voided", "refunded")
COLUMNS = {
    "order_id": "ORDER", "id": "PAYMENT", "state": "STATE", "amount": "AMOUNT", "captured": "CAPTURED",
    "refunded": "REFUNDED", "parked": "PARKED", "refusal": "REFUSAL",
}  # fmt: skip
_decode = Codec((Payment,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "payments", "list, resolve")
    listing = command(commands, "list", "payments, those of the newest orders first")
    chosen = listing.add_mutually_exclusive_group()
    chosen.add_argument("--state", default="", choices=get_args(PaymentState), help="only these", metavar="STATE")
    chosen.add_argument("--attention", action="store_true", help="only those that wait for a person: parked or STUCK")
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    resolve = command(commands, "resolve", "say what the provider's records show of a parked or STUCK payment")
    resolve.add_argument("order", metavar="ORDER")
    resolve.add_argument("--outcome", required=True, choices=OUTCOMES)
    resolve.add_argument("--reference", required=True, help="the provider's own number for it")
    resolve.add_argument("--amount", default="", help="as 12.50; by default all that was asked for")
    add_by(resolve)
    add_owner(resolve)
    resolve.set_defaults(run=_resolve)


async def _list(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        if args.attention:
            orders = {alert.subject for alert in await read_alerts(files) if alert.name in ALERTS}
            newest = sorted((order for order in orders if not args.before or order < args.before), reverse=True)
            read = [await read_entity(files, "payments", order, _decode) for order in newest[: args.limit]]
            found = [payment for payment in read if payment is not None]
        else:
            field = "state" if args.state else ""
            found = await read_list(
                files, "payments", _decode, args.limit, args.before, prefix="ord_", field=field, value=args.state
            )
    show_list([PaymentView.of(payment) for payment in found], COLUMNS, args.json)
    return 0


def _resolve(args: Namespace) -> int:
    operation = ResolvePayment(
        order_id=args.order, outcome=args.outcome, reference=args.reference, by=args.by, amount=args.amount
    )

    async def ask() -> Any:
        async with session(args) as (doer,):
            return await doer.ask(operation)

    show(run(ask()), args.json)
    return 0
