"""Each rule is needed: a reading without it breaks a promise, and the search shows how in a few steps."""

import pytest

from tests.protocol.explore import explore
from tests.protocol.mutants import EVERY, EffectMutant, Mutant

STATES_MAX = 50_000
TRACE_MAX = 26

ALL = [pytest.param(mutant, id=f"{mutant.row}: {mutant.reading}") for mutant in EVERY]


@pytest.mark.parametrize("mutant", ALL)
def test_the_reading_breaks_the_promise(mutant: Mutant | EffectMutant) -> None:
    report = explore(mutant.model(), STATES_MAX)
    assert report.broken.startswith(mutant.breaks), report
    assert 0 < len(report.trace) <= TRACE_MAX, report


@pytest.mark.parametrize("mutant", ALL)
def test_without_that_reading_the_promise_holds(mutant: Mutant | EffectMutant) -> None:
    report = explore(mutant.model(changed=False), STATES_MAX)
    assert report.exhausted
    if mutant.also:
        assert not report.broken.startswith(mutant.breaks), report
    else:
        assert not report.broken, report


def test_every_row_of_part_b_has_a_mutant() -> None:
    rows = {mutant.row for mutant in EVERY}
    assert {f"B{n}" for n in range(1, 22)} <= rows
