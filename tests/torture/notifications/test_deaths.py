"""Each script of notifications, unharmed and with some deaths. `python -m tests.torture.notifications --share 1` dies
at every commit point of all of them."""

import random
from pathlib import Path

import pytest

from tests.torture.notifications.deaths import deaths_of
from tests.torture.notifications.scenarios import TELLINGS

SHARE = 0.02


@pytest.mark.parametrize("name", TELLINGS)
async def test_a_death_at_a_commit_changes_no_end_of_a_notification(name: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    wrong = {death: found async for death, found in deaths_of(name, tmp_path / "shop", chance, SHARE) if found}
    assert wrong == {}
