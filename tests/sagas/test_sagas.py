"""The sagas explored on the real handlers: every order of messages, with every two things going wrong."""

import pytest

from tests.protocol.explore import explore
from tests.sagas.__main__ import SETUPS, WORLDS_MAX
from tests.sagas.model import Sagas
from tests.sagas.mutants import MUTANTS, Mutant, planted
from tests.sagas.world import Setup

DISTURBANCES = 2  # every pair of them; three take minutes: `python -m tests.sagas --deep`


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_money_and_stock_are_where_the_orders_status_says_whatever_happens(setup: Setup) -> None:
    sagas = Sagas(setup, DISTURBANCES)
    report = explore(sagas, WORLDS_MAX)
    assert not report.broken, str(report)
    assert report.exhausted
    print(f"{report.states:,} worlds, {sagas.shell.turns:,} turns of the real handlers")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_fault_is_found(mutant: Mutant) -> None:
    with planted(mutant):
        report = explore(Sagas(mutant.setup, mutant.disturbances), WORLDS_MAX)
    assert report.broken, f"{report.states:,} worlds, and nothing was found"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_without_the_planted_fault_nothing_is_found(mutant: Mutant) -> None:
    """A fault is found for what it does, not for what the handlers do anyhow; so far into the search as it took."""
    with planted(mutant):
        states = explore(Sagas(mutant.setup, mutant.disturbances), WORLDS_MAX).states
    assert not explore(Sagas(mutant.setup, mutant.disturbances), states).broken
