"""The check of the tables when the program starts: an order that a table lets stand still is a lost order.

For every table it walks the rows and asks that
1. every name is known: states, guards, actions;
2. for all that a state can hear from actors and timers exactly one row applies, whatever the guards' alternatives say;
3. every state that is not an end has an owner, and every row that leads there, or that takes the owner's last word and
   stays, gives the owner something to do;
4. every action of a client has its rows, and every state before the pivot one to CANCEL that no guard bars;
5. every state reaches an end by what its owners say, without a client's help.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import get_args

import msgspec

from sagamore.actors.orders.actions import ACTIONS
from sagamore.actors.orders.errors import UnsoundSaga
from sagamore.actors.orders.guards import ALTERNATIVES, GUARDS
from sagamore.actors.orders.order import OrderState
from sagamore.actors.orders.tables import REPORTS_BUT_CLOSED, REPORTS_OF_AN_UNDO, Row, Saga

NEW = "NEW"
ENDS = frozenset({"CONFIRMED", "CANCELLED"})
STATES = frozenset(get_args(OrderState))


class Owner(msgspec.Struct, frozen=True):
    """Who moves a state on: the actions or guards that make sure of it, its last words, and what else it may say."""

    engaged_by: frozenset[str]
    last_words: tuple[str, ...]
    says: tuple[str, ...] = ()


_CANCEL = frozenset(action for action in ACTIONS if action.startswith("CANCEL("))
OWNERS = {
    "AWAITING_PAYMENT": Owner(frozenset({"deadline", "before the deadline", "may pay again"}), ("deadline",)),
    "PAYING": Owner(
        frozenset({"StartPayment"}),
        ("report AUTHORISED", "report CAPTURED", "report REFUSED"),
        ("report ACTION_REQUIRED", "report CHARGING", "report unknown", "report parked"),
    ),
    "RESERVING": Owner(frozenset({"ReserveStock"}), ("StockReserved", "StockRefused")),
    "CAPTURING": Owner(
        frozenset({"CapturePayment"}),
        ("report CAPTURED", "report REFUSED", "report AUTHORISED"),
        ("report CAPTURING", "report unknown", "report parked"),
    ),
    "CANCELLING": Owner(
        _CANCEL | {"reopen"}, (), ("report CLOSED", "report STUCK", "report parked", "StockReleased", "UndoAbandoned")
    ),
}
LATE = {
    "PAYING": ("deadline",),
    "RESERVING": ("deadline", "report REFUSED"),
    "CONFIRMED": ("report CAPTURED", "report unknown", "report parked", "RefundReport"),
    "CANCELLING": ("Cancel", "StockReserved", "StockRefused", "RefundReport", *REPORTS_OF_AN_UNDO.split(", ")),
    "CANCELLED": (
        "Cancel", "StockReserved", "StockRefused", "StockReleased", "RefundReport", "UndoAbandoned", "report CLOSED",
        *REPORTS_BUT_CLOSED.split(", "),
    ),
}  # fmt: skip
"""What else may come, because messages overtake each other and the world goes on after an end. Who cancels again gets
the same answer."""
CLIENTS = {
    NEW: ("Place",),
    "AWAITING_PAYMENT": ("Pay", "Cancel"),
    "PAYING": ("Cancel",),
    "RESERVING": ("Cancel",),
    "CAPTURING": ("Cancel",),
    "CONFIRMED": ("Cancel", "Refund", "Ship", "Deliver", "Return"),
    "CANCELLING": (),
    "CANCELLED": (),
}


def check_tables(sagas: Iterable[Saga]) -> None:
    """Raises UnsoundSaga, with every problem found, for the first table that breaks a rule."""
    for saga in sagas:
        problems = list(dict.fromkeys(_problems(saga)))
        if problems:
            raise UnsoundSaga(f"{saga.name}/{saga.version}", problems)


def parts(text: str, separator: str) -> tuple[str, ...]:
    """The names in one field of a row."""
    return tuple(text.split(separator)) if text else ()


def _problems(saga: Saga) -> Iterator[str]:
    for row in saga.rows:
        yield from _unknown_names(row)
        yield from _unowned(row)
    for state in sorted(STATES):
        for event in _heard_in(state):
            yield from _not_exactly_one(saga, state, event)
        for event in CLIENTS[state]:
            if not _rows(saga, state, event):
                yield f"{state}: no row for {event}"
    before_pivot = _reachable(saga, NEW, lambda row, _: not row.pivot) - {NEW, "CANCELLING"} - ENDS
    for state in sorted(before_pivot):
        if not any(not row.guards and _CANCEL & set(parts(row.actions, "; ")) for row in _rows(saga, state, "Cancel")):
            yield f"{state}: no row to CANCEL before the pivot"
    for state in sorted(STATES - ENDS):
        if not ENDS & _reachable(saga, state, lambda row, at: bool({*row.events.split(", ")} & {*_heard_in(at)})):
            yield f"{state}: no way to an end by what its owners say"


def _unknown_names(row: Row) -> Iterator[str]:
    for state in {*row.states.split(", "), *([row.next] if row.next else [])} - STATES:
        yield f"row {row.number}: unknown state {state}"
    for guard in set(parts(row.guards, "; ")) - GUARDS.keys():
        yield f"row {row.number}: unknown guard {guard!r}"
    for action in set(parts(row.actions, "; ")) - ACTIONS.keys():
        yield f"row {row.number}: unknown action {action!r}"


def _unowned(row: Row) -> Iterator[str]:
    named = {*parts(row.guards, "; "), *parts(row.actions, "; ")}
    for state in row.states.split(", "):
        after = row.next or state
        owner = OWNERS.get(after)
        if owner is None or named & owner.engaged_by:
            continue
        if after != state:
            yield f"row {row.number}: leads from {state} to {after}, which then has no owner"
        elif set(row.events.split(", ")) & set(owner.last_words):
            yield f"row {row.number}: stays in {state} after the last word of its owner"


def _heard_in(state: str) -> tuple[str, ...]:
    owner = OWNERS.get(state)
    heard = (*owner.last_words, *owner.says) if owner else ()
    return (*heard, *LATE.get(state, ()), *(("Place",) if state == NEW else ()))


def _rows(saga: Saga, state: str, event: str) -> list[Row]:
    return [row for row in saga.rows if state in row.states.split(", ") and event in row.events.split(", ")]


def _not_exactly_one(saga: Saga, state: str, event: str) -> Iterator[str]:
    rows = _rows(saga, state, event)
    guards = {guard for row in rows for guard in parts(row.guards, "; ")}
    open_ended = guards - {guard for pair in ALTERNATIVES for guard in pair}
    for row in rows:
        for guard in open_ended.intersection(parts(row.guards, "; ")):
            yield f"row {row.number}: {event} in {state} needs an answer, and {guard!r} has no alternative"
    for case in product(*(pair for pair in ALTERNATIVES if guards & set(pair))):
        applies = [row.number for row in rows if set(parts(row.guards, "; ")) <= set(case) | open_ended]
        if len(applies) != 1:
            yield f"{state}: {' and '.join(applies) or 'no row'} for {event} [{', '.join(case)}]"


def _reachable(saga: Saga, start: str, takes: Callable[[Row, str], bool]) -> set[str]:
    """The states that rows lead to, from `start` on, `takes(row, state)` willing."""
    reached, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        for row in saga.rows:
            if row.next and row.next not in reached and state in row.states.split(", ") and takes(row, state):
                reached.add(row.next)
                waiting.append(row.next)
    return reached
