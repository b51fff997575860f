"""The kill matrix in short: each scenario with a table and a way to charge that chance picks, unharmed and with three
deaths. `python -m tests.torture --share 1` dies at every commit point of all of them."""

import random
from pathlib import Path

import pytest

from tests.torture.matrix import cases, deaths_of
from tests.torture.script import SCENARIOS

SHARE = 0.04


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_death_at_a_commit_changes_nothing_in_the_end(name: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    case = chance.choice([case for case in cases() if case.scenario.name == name])
    wrong = {death: found async for death, found in deaths_of(case, tmp_path / "shop", chance, SHARE, set()) if found}
    assert wrong == {}
