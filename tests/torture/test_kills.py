"""SIGKILL under load in short: four deaths in one directory, then the judge."""

import random
from pathlib import Path

from tests.torture.kills import Torture


def test_killed_under_load_nothing_is_lost_or_paid_twice(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    torture = Torture(tmp_path, seed, print)
    numbers = torture.run(kills=4)
    assert torture.wrong == []
    assert numbers["orders"] > 0
