"""From files to cases: all orders in one pass over sorted streams, and suspects again, each by itself.

Orders, payments, holds, ledger rows and owners come by order id, ascending, so they are merged as they are read.
"""

import heapq
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from sagamore.actors.orders.facts import MoneyMoved
from sagamore.actors.orders.hold import Hold, hold_key
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment import Payment
from sagamore.audit.case import Breach, Case, judge
from sagamore.audit.facts import Moves, money_moved, shipped_by, stock_moved
from sagamore.audit.law import Check
from sagamore.audit.owners import PREFIX, owners
from sagamore.audit.pages import AFTER_ALL, AuditReader, Pages, entities, story
from sagamore.audit.scratch import Scratch
from sagamore.audit.verdicts import Verdicts
from sagamore.engine.envelope import kind_of
from sagamore.engine.message import Codec

SUSPECTS_AT_ONCE = 500  # looked at closely together: each look reads everything that waits once
LOOKS_MAX = 3  # of a suspect: what has not changed in three looks and is wrong in each is wrong

_order, _payment, _hold = Codec((Order,)).decode, Codec((Payment,)).decode, Codec((Hold,)).decode
Put = Callable[[Case, Any], None]
Stream = AsyncIterator[tuple[str, Put, Any]]
"""(order id, how to put it into the case, what)."""


async def judge_orders(pages: Pages, scratch: Scratch, verdicts: Verdicts) -> None:
    """Judge every order that was there when the audit came to it. All histories have been set aside."""
    upto = max([await reader.highest_key() for reader in pages.of("orders")], default="")
    async for order_id, owner in owners(pages, verdicts.readable):
        if order_id.startswith(PREFIX):
            await scratch.add("owner", (order_id, owner))
    suspects: dict[str, list[Breach]] = {}
    async for case in _merged(_streams(pages, scratch, verdicts), upto):
        _count(case, verdicts)
        if breaches := list(judge(case)):
            suspects[case.id] = breaches
            if len(suspects) >= SUSPECTS_AT_ONCE:
                await _look(pages, suspects, verdicts)
                suspects = {}
    await _look(pages, suspects, verdicts)


# --- one pass ---


def _streams(pages: Pages, scratch: Scratch, verdicts: Verdicts) -> list[Stream]:
    streams = [_owners(scratch), _moneys(scratch), _goods(scratch)]
    for address, reader in pages.readers.items():
        match kind_of(address):
            case "orders":
                streams.append(_states(reader, PREFIX, _order, _put_order, verdicts))
            case "payments":
                streams.append(_states(reader, PREFIX, _payment, _put_payment, verdicts))
            case "inventory":
                streams.append(_states(reader, hold_key(PREFIX), _hold, _put_hold(address), verdicts))
    return streams


async def _merged(streams: Iterable[Stream], upto: str) -> AsyncIterator[Case]:
    """A case an order, ascending. Reads every stream to its end."""
    heads: list[tuple[str, int, Put, Any, Stream]] = []
    for n, stream in enumerate(streams):
        if (head := await anext(stream, None)) is not None:
            heads.append((head[0], n, head[1], head[2], stream))
    heapq.heapify(heads)
    while heads:
        case = Case(heads[0][0])
        while heads and heads[0][0] == case.id:
            _, n, put, value, stream = heads[0]
            put(case, value)
            head = await anext(stream, None)
            if head is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (head[0], n, head[1], head[2], stream))
        if case.id <= upto:
            yield case


async def _owners(scratch: Scratch) -> Stream:
    async for order_id, what in scratch.rows("owner", "SELECT order_id, what FROM owner ORDER BY order_id"):
        yield order_id, _put_owner, what


async def _states(
    reader: AuditReader, prefix: str, decode: Callable[[bytes], Any], put: Put, verdicts: Verdicts
) -> Stream:
    id_at = len(prefix) - len(PREFIX)
    async for row in entities(reader, prefix, AFTER_ALL):
        verdicts.readable.count("states")
        try:
            state = decode(row.state)
        except (ValueError, msgspec.MsgspecError) as error:
            verdicts.readable.breach(f"{row.key}: {error}")
            continue
        yield row.key[id_at:], put, state


async def _moneys(scratch: Scratch) -> Stream:
    sql = "SELECT order_id, kind, amount, captured, refunded FROM money ORDER BY order_id, turn, n"
    async for order_id, *moved in scratch.rows("money", sql):
        yield order_id, _put_money, MoneyMoved(*moved)


async def _goods(scratch: Scratch) -> Stream:
    sql = (
        "SELECT order_id, partition, product, sum(reserved_change),"
        " -sum(CASE kind WHEN 'shipped' THEN on_hand_change ELSE 0 END) FROM goods WHERE order_id LIKE ? || '%'"
        " GROUP BY order_id, partition, product ORDER BY order_id"
    )
    async for order_id, *moved in scratch.rows("goods", sql, (PREFIX,)):
        yield order_id, _put_goods, moved


# --- a close look ---


async def _look(pages: Pages, suspects: dict[str, list[Breach]], verdicts: Verdicts) -> None:
    """Say of each suspect what is wrong, or that it is in flight."""
    if suspects and not await pages.still():
        suspects = dict(suspects)
        looks = 0
        while suspects and looks < LOOKS_MAX:
            looks += 1
            before = {order_id: await _read_states(pages, order_id) for order_id in suspects}
            waits = await _owners_of(pages, suspects.keys())
            for order_id, case in before.items():
                case.owners = waits.get(order_id, set())
                await _read_ledgers(pages, case)
                again = await _read_states(pages, order_id)
                moved = (again.order, again.payment, again.holds) != (case.order, case.payment, case.holds)
                breaches = [] if moved else list(judge(case))
                if not breaches:
                    for law in {breach.law for breach in suspects.pop(order_id)}:
                        _check(verdicts, law).count("in_flight")
                else:
                    suspects[order_id] = breaches
    for order_id, breaches in suspects.items():
        for breach in breaches:
            _check(verdicts, breach.law).breach(f"{order_id}: {breach.text}")


async def _read_states(pages: Pages, order_id: str) -> Case:
    case = Case(order_id)
    for reader in pages.of("orders"):
        case.order = await _read(reader, order_id, _order) or case.order
    for reader in pages.of("payments"):
        case.payment = await _read(reader, order_id, _payment) or case.payment
    for address, reader in pages.readers.items():
        if kind_of(address) == "inventory" and (hold := await _read(reader, hold_key(order_id), _hold)) is not None:
            case.holds[address] = hold
    return case


async def _read(reader: AuditReader, key: str, decode: Callable[[bytes], Any]) -> Any:
    """The entity; None if it is not there, or cannot be read, which was told in passing."""
    state = await reader.state(key)
    try:
        return None if state is None else decode(state)
    except (ValueError, msgspec.MsgspecError):
        return None


async def _read_ledgers(pages: Pages, case: Case) -> None:
    for address, reader in pages.readers.items():
        if kind_of(address) in ("payments", "inventory"):
            async for row in story(reader, case.id):
                for paid in money_moved(row):
                    case.money.add(paid)
                for moved in stock_moved(row):
                    _put_goods(case, (address, moved.product_id, moved.reserved_change, shipped_by(moved)))


async def _owners_of(pages: Pages, order_ids: Iterable[str]) -> dict[str, set[str]]:
    wanted = set(order_ids)
    found: dict[str, set[str]] = {}
    async for order_id, what in owners(pages, Check("", "")):  # told when all were read
        if order_id in wanted:
            found.setdefault(order_id, set()).add(what)
    return found


# --- pieces of a case ---


def _put_order(case: Case, order: Order) -> None:
    case.order = order


def _put_payment(case: Case, payment: Payment) -> None:
    case.payment = payment


def _put_money(case: Case, moved: MoneyMoved) -> None:
    case.money.add(moved)


def _put_goods(case: Case, moved: Sequence[Any]) -> None:
    address, product, reserved, shipped = moved
    case.moves.setdefault(address, Moves()).add(product, reserved, shipped)


def _put_owner(case: Case, what: str) -> None:
    case.owners.add(what)


def _put_hold(address: str) -> Put:
    def put(case: Case, hold: Hold) -> None:
        case.holds[address] = hold

    return put


def _check(verdicts: Verdicts, law: str) -> Check:
    check: Check = getattr(verdicts, law)
    return check


def _count(case: Case, verdicts: Verdicts) -> None:
    order, payment = case.order, case.payment
    if payment is not None:
        verdicts.money.count("payments")
        if payment.currency:  # one that was closed before it began has none, and moved nothing
            verdicts.money.count(f"captured_{payment.currency}", payment.captured)
            verdicts.money.count(f"refunded_{payment.currency}", payment.refunded)
        verdicts.bounds.count("payments")
        verdicts.orphans.count("payments")
        verdicts.effects.count("waited_for", int(payment.effect is not None))
    verdicts.orphans.count("holds", len(case.holds))
    verdicts.holds.count("live_holds", sum(hold.state == "HELD" for hold in case.holds.values()))
    verdicts.holds.count("held", sum(case.held.values()))
    if order is not None:
        verdicts.confirmed.count("orders", int(order.state == "CONFIRMED"))
        verdicts.cancelled.count("orders", int(order.state == "CANCELLED"))
        verdicts.owned.count("orders")
        verdicts.owned.count("at_rest" if case.at_rest else "owned" if case.movers else "nobodys")
