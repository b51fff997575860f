"""The kill matrix inside the process: a scenario's commit points are counted in one run without faults, then the
process dies at each of them, before and after the write, and the next life must come to the same end.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any, Literal

from msgspec import Struct

from sagamore.actors.orders import payment_table
from sagamore.actors.orders import payments as payments_actor
from sagamore.actors.orders.payment_messages import Capture
from sagamore.actors.orders.settings import OrderSettings, SagaName
from sagamore.actors.orders.tables import SAGAS
from sagamore.engine.testing import Fault, ManualClock, ProcessDied
from tests.torture import scenarios_paying, scenarios_people, scenarios_undoing  # noqa: F401 - they register themselves
from tests.torture.bank import Bank
from tests.torture.laws import check_books, end_of
from tests.torture.script import SCENARIOS, Scenario, Script
from tests.torture.world import World

PATIENCE_MS = 60_000
UNREACHED = {"orders X2"}
"""An authorisation is reported once, and nothing that payments does reports it again; the table takes it all the same,
and its own tests that row."""
Death = Literal["crash_before", "crash_after"]
DEATHS: tuple[Death, ...] = ("crash_before", "crash_after")


class Case(Struct, frozen=True):
    """A scenario with one table and one way to charge."""

    scenario: Scenario
    saga: SagaName
    capture: Capture

    def __str__(self) -> str:
        return f"{self.scenario.name}-{self.saga}-{self.capture}"


class Run(Struct, frozen=True):
    """What one run came to."""

    end: dict[str, Any]
    breaches: list[str]
    points: int
    """Commits of the first life."""
    rows: frozenset[str]
    died: bool


def cases() -> Iterator[Case]:
    """All of them."""
    for scenario in SCENARIOS.values():
        for saga in scenario.sagas:
            for capture in scenario.captures:
                yield Case(scenario, saga, capture)


async def run(case: Case, path: Path, *faults: Fault) -> Run:
    """One run in a fresh directory; with faults its first life, or each of its first lives, ends in one."""
    rmtree(path, ignore_errors=True)
    clock = ManualClock()
    bank = Bank(clock, look_up=case.scenario.look_up, places=case.scenario.places)
    settings = OrderSettings(
        saga=case.saga, capture=case.capture, action_timeout_ms=PATIENCE_MS, hold_time_ms=PATIENCE_MS
    )
    world = World(path, settings, clock, bank)
    points, died = 0, False
    with _recording(world.rows):
        for fault in (*faults, None):
            if await _life(case, world, fault):
                break
            died = True
            points = points or len(world.store.faults.commits)
    points = points or len(world.store.faults.commits)
    script = Script(world)
    end = await end_of(world)
    await world.stop()
    breaches = await check_books(world, script.products)
    return Run(end, breaches, points, frozenset(world.rows), died)


async def _life(case: Case, world: World, fault: Fault | None) -> bool:
    """Open and live; False if the process died."""
    try:
        await world.open(*([fault] if fault else []))
    except ProcessDied:
        return False
    try:
        script = Script(world)

        async def life() -> None:
            await script.stock_up()
            await case.scenario.life(script)

        if await world.live(life()):
            return True
    except BaseException:
        if not world.store.faults.died.is_set():
            await world.kill()
            raise
    await world.kill()
    return False


class _recording:
    """Note which rows of the payment table are taken."""

    def __init__(self, rows: set[str]) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        self._row_for = row_for = payment_table.row_for

        def recorded(*arguments: Any) -> Any:
            row = row_for(*arguments)
            if row is not None:
                self._rows.add(f"payments {row.name}")
            return row

        setattr(payments_actor, "row_for", recorded)  # noqa: B010 - imported there, not exported

    def __exit__(self, *_: object) -> None:
        setattr(payments_actor, "row_for", self._row_for)  # noqa: B010


async def deaths_of(
    case: Case, path: Path, chance: Random, share: float, rows: set[str]
) -> AsyncIterator[tuple[str, list[str]]]:
    """Die at every commit point, before and after it, or at a share of them, at least one; of each death its name and
    what is wrong with what followed. The first is the run in which nobody dies; its rows are added to `rows`."""
    try:
        unharmed = await run(case, path)
    except Exception as error:
        yield f"{case}", [f"{type(error).__name__}: {error}"]
        return
    rows |= unharmed.rows
    yield f"{case}", unharmed.breaches
    points = [Fault(death, at) for at in range(1, unharmed.points + 1) for death in DEATHS]
    for fault in chance.sample(points, max(1, round(len(points) * share))):
        yield f"{case} {fault.action} {fault.at}", await _compare(case, path, fault, unharmed)


async def _compare(case: Case, path: Path, fault: Fault, unharmed: Run) -> list[str]:
    try:
        died = await run(case, path, fault)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    names = unharmed.end.keys() | died.end.keys()
    other = [name for name in sorted(names) if died.end.get(name) != unharmed.end.get(name)]
    return died.breaches + [f"{n} ends as {died.end.get(n)}, unharmed as {unharmed.end.get(n)}" for n in other]


def rows_of_the_tables() -> set[str]:
    """Every row that a scenario must meet."""
    orders = {f"orders {row.number}" for saga in SAGAS for row in saga.rows}
    return (orders | {f"payments {row.name}" for row in payment_table.TABLE}) - UNREACHED
