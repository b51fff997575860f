"""`python -m tests.torture.notifications`: events told through a shop that is killed again and again. Prints its seed;
exit status 1 if anything is wrong, and then the directory is kept and named.

    --events N         2000 by default, 100000 for a long run (a quarter of an hour); 0: none
    --kill-every S     seconds from when a life is open to its death
    --share X          of the commit points of each script inside the process, 0 to 1; 0 by default
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.torture.notifications.deaths import deaths_of
from tests.torture.notifications.kills import Torture
from tests.torture.notifications.scenarios import TELLINGS

SHOWN_MAX = 20  # of what is wrong
USERS_MAX = 3_000
NAMED = ("seed", "events", "kill_every", "share")


def main() -> int:
    """Run, report."""
    parser = argparse.ArgumentParser("tests.torture.notifications", description="Loss and limits of notifications.")
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--kill-every", type=float, default=0.5)
    parser.add_argument("--share", type=float, default=0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--dir", type=Path, help="where; by default a new directory, removed if all went well")
    parser.add_argument("--json", action="store_true", help="the result as one object on the last line")
    arguments = parser.parse_args()
    directory = arguments.dir or Path(tempfile.mkdtemp(prefix="sagamore-notifications-"))
    directory.mkdir(parents=True, exist_ok=True)
    _say(f"seed {arguments.seed}, directory {directory}")
    torture = Torture(
        directory, arguments.seed, _say, events=arguments.events, users=min(USERS_MAX, max(20, arguments.events // 10)),
        kill_every_s=arguments.kill_every, quiet_s=50 if arguments.events > 20_000 else 8,
    )  # fmt: skip
    numbers: dict[str, int] = {}
    if arguments.share:
        numbers |= asyncio.run(_inside(directory / "inside", arguments.seed, arguments.share, torture.wrong))
    if arguments.events:
        numbers |= torture.run()
    for line in torture.wrong[:SHOWN_MAX]:
        _say(f"WRONG {line}")
    if torture.wrong:
        again = " ".join(f"--{name.replace('_', '-')} {vars(arguments)[name]}" for name in NAMED)
        _say(f"{len(torture.wrong)} wrong; again with: python -m tests.torture.notifications {again}")
        _say(f"the files are kept in {directory}")
    elif not arguments.dir:
        shutil.rmtree(directory)
    if arguments.json:
        verdict = {"ok": not torture.wrong, "wrong": torture.wrong[:SHOWN_MAX]}
        print(json.dumps({"seed": arguments.seed, **verdict, **numbers}))
    else:
        _say(", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in numbers.items()))
    return 1 if torture.wrong else 0


async def _inside(directory: Path, seed: int, share: float, wrong: list[str]) -> dict[str, int]:
    logging.getLogger("sagamore").setLevel(logging.CRITICAL + 1)  # thousands of scripted deaths
    chance, lives = random.Random(seed), 0
    for name in TELLINGS:
        async for death, found in deaths_of(name, directory, chance, share):
            lives += 1
            wrong += [f"{death}: {line}" for line in found]
        _say(f"{name}, {lives} lives")
    return {"scripted_lives": lives}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
