"""SIGKILL while people are told things, in short: a few deaths in one directory, then the judge."""

import random
from pathlib import Path

from tests.torture.notifications.kills import Torture


def test_killed_under_load_no_delivery_is_lost_and_no_copy_uncounted(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    torture = Torture(tmp_path, seed, print, events=300, users=60, kill_every_s=0.4, quiet_s=4)
    numbers = torture.run()
    assert torture.wrong == []
    assert numbers["kills"] > 0
    assert numbers["sent"] > 0
