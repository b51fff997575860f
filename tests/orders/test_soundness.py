"""The check of the tables: what is declared passes, and each way of breaking it is found and named."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from sagamore.actors.orders.errors import UnsoundSaga
from sagamore.actors.orders.guards import ALTERNATIVES, GUARDS
from sagamore.actors.orders.soundness import check_tables
from sagamore.actors.orders.tables import PAY_FIRST, RESERVE_FIRST, SAGAS, Row, Saga
from tests.orders import test_rows_confirmed, test_rows_paying, test_rows_undoing

REFUNDS_AND_RETURNS = {"B14", "B15", "F3"}  # tested one by one in test_rows_confirmed.py


def without(saga: Saga, n: int) -> Saga:
    return replace(saga, rows=saga.rows[:n] + saga.rows[n + 1 :])


def changed(saga: Saga, number: str, change: Callable[[Row], Row]) -> Saga:
    """With the first row of that number changed."""
    n = next(n for n, row in enumerate(saga.rows) if row.number == number)
    return replace(saga, rows=(*saga.rows[:n], change(saga.rows[n]), *saga.rows[n + 1 :]))


def problems_of(saga: Saga) -> str:
    with pytest.raises(UnsoundSaga) as unsound:
        check_tables([saga])
    return str(unsound.value)


def test_the_declared_tables_are_sound() -> None:
    check_tables(SAGAS)


@pytest.mark.parametrize(
    ("saga", "n"),
    [
        pytest.param(saga, n, id=f"{saga.name} {row.number} {row.guards}")
        for saga in SAGAS
        for n, row in enumerate(saga.rows)
    ],
)
def test_a_row_that_is_missing_is_found(saga: Saga, n: int) -> None:
    row = saga.rows[n]

    problems = problems_of(without(saga, n))

    assert any(state in problems for state in row.states.split(", "))
    assert saga.name in problems


GUARDED = [
    pytest.param(saga, n, guard, id=f"{saga.name} {row.number} {guard}")
    for saga in SAGAS
    for n, row in enumerate(saga.rows)
    for guard in row.guards.split("; ")
    if any(guard in pair for pair in ALTERNATIVES) and row.number != "B3"
]
"""B3 is a client's action: without a row for it the client is refused, so nothing obliges its guard to be there."""


@pytest.mark.parametrize(("saga", "n", "guard"), GUARDED)
def test_a_guard_that_is_missing_makes_two_rows_apply_and_is_found(saga: Saga, n: int, guard: str) -> None:
    row = saga.rows[n]
    left = "; ".join(name for name in row.guards.split("; ") if name != guard)
    rows = (*saga.rows[:n], replace(row, guards=left), *saga.rows[n + 1 :])

    assert (
        f"{row.number} and " in (problems := problems_of(replace(saga, rows=rows))) or f" and {row.number}" in problems
    )


@pytest.mark.parametrize(
    ("saga", "number", "change", "problem"),
    [
        (PAY_FIRST, "P3", lambda row: replace(row, next="RESERVE"), "row P3: unknown state RESERVE"),
        (PAY_FIRST, "P3", lambda row: replace(row, actions="ReserveStok"), "row P3: unknown action 'ReserveStok'"),
        (PAY_FIRST, "P4", lambda row: replace(row, guards="at last"), "row P4: unknown guard 'at last'"),
        (PAY_FIRST, "P1", lambda row: replace(row, actions="deadline"), "row P1: leads from NEW to PAYING"),
        (PAY_FIRST, "P2", lambda row: replace(row, actions=""), "row P2: leads from NEW to AWAITING_PAYMENT"),
        (PAY_FIRST, "P3", lambda row: replace(row, actions="stop deadline"), "row P3: leads from PAYING to RESERVING"),
        (PAY_FIRST, "P4", lambda row: replace(row, actions=""), "row P4: leads from RESERVING to CAPTURING"),
        (RESERVE_FIRST, "R2", lambda row: replace(row, actions=""), "row R2: leads from RESERVING to PAYING"),
        (RESERVE_FIRST, "B1", lambda row: replace(row, actions=""), "row B1: stays in RESERVING after the last word"),
        (RESERVE_FIRST, "B6", lambda row: replace(row, actions=""), "row B6: leads from PAYING to CANCELLING"),
        (PAY_FIRST, "X2", lambda row: replace(row, actions=""), "row X2: stays in CAPTURING after the last word"),
        (PAY_FIRST, "B5", lambda row: replace(row, guards=""), "PAYING: B5 and B6 for report REFUSED"),
        (PAY_FIRST, "P5", lambda row: replace(row, guards="last"), "RESERVING: P4 and P5 for StockReserved"),
        (PAY_FIRST, "B4", lambda row: replace(row, guards="nothing shipped"), "'nothing shipped' has no alternative"),
        (PAY_FIRST, "B4", lambda row: replace(row, next="AWAITING_PAYMENT"), "AWAITING_PAYMENT: no way to an end"),
        (
            PAY_FIRST,
            "B13",
            lambda row: replace(row, guards="nothing shipped"),
            "PAYING: no row to CANCEL before the pivot",
        ),
        (PAY_FIRST, "B13", lambda row: replace(row, states="PAYING"), "RESERVING: no row for Cancel"),
    ],
)
def test_a_row_that_is_wrong_is_named(saga: Saga, number: str, change: Callable[[Row], Row], problem: str) -> None:
    assert problem in problems_of(changed(saga, number, change))


def test_every_row_has_a_test_of_its_number() -> None:
    tested = {
        case.row
        for cases in (
            test_rows_paying.PAY_FIRST, test_rows_paying.RESERVE_FIRST, test_rows_paying.BOTH, test_rows_undoing.CASES,
            test_rows_confirmed.CASES,
        )
        for case in cases
    }  # fmt: skip

    assert {row.number for saga in SAGAS for row in saga.rows} == tested | REFUNDS_AND_RETURNS


def test_every_guard_is_used_and_every_alternative_is_a_guard() -> None:
    used = {guard for saga in SAGAS for row in saga.rows for guard in row.guards.split("; ")}

    assert used - {""} == set(GUARDS)
    assert {guard for pair in ALTERNATIVES for guard in pair} <= set(GUARDS)
