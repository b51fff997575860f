"""`python -m tests.torture`: the kill matrix, inside the process and out. Prints its seed; exit status 1 if anything is
wrong, and then the directory is kept and named.

    --kills N      SIGKILLs of the shop's process; 60 by default, 2000 for a long run
    --share X      of the commit points inside the process, 0 to 1, at least one of each scenario; 1: every one (30 min)
    --seconds S    stop killing after so long
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.kills import Torture
from tests.torture.matrix import cases, deaths_of, rows_of_the_tables

SHOWN_MAX = 20  # of what is wrong


def main() -> int:
    """Run both, report."""
    parser = argparse.ArgumentParser("tests.torture", description="The kill matrix.")
    parser.add_argument("--kills", type=int, default=60, help="SIGKILLs of the shop's process")
    parser.add_argument("--share", type=float, default=0.02, help="of the commit points inside the process")
    parser.add_argument("--seconds", type=float, help="stop killing after so long")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--dir", type=Path, help="where; by default a new directory, removed if all went well")
    parser.add_argument("--json", action="store_true", help="the result as one object on the last line")
    arguments = parser.parse_args()
    directory = arguments.dir or Path(tempfile.mkdtemp(prefix="sagamore-torture-"))
    directory.mkdir(parents=True, exist_ok=True)
    _say(f"seed {arguments.seed}, directory {directory}")
    numbers, wrong = asyncio.run(_inside(directory, arguments.seed, arguments.share)) if arguments.share else ({}, [])
    if arguments.kills:
        torture = Torture(directory, arguments.seed, _say)
        numbers |= torture.run(arguments.kills, arguments.seconds)
        wrong += torture.wrong
    for line in wrong[:SHOWN_MAX]:
        _say(f"WRONG {line}")
    if wrong:
        again = f"--seed {arguments.seed} --kills {arguments.kills} --share {arguments.share}"
        _say(f"{len(wrong)} wrong; again with: python -m tests.torture {again}; the files are kept in {directory}")
    elif not arguments.dir:
        shutil.rmtree(directory)
    if arguments.json:
        print(json.dumps({"seed": arguments.seed, "ok": not wrong, "wrong": wrong[:SHOWN_MAX], **numbers}))
    else:
        _say(", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in numbers.items()))
    return 1 if wrong else 0


async def _inside(directory: Path, seed: int, share: float) -> tuple[dict[str, int], list[str]]:
    logging.getLogger("sagamore").setLevel(logging.CRITICAL + 1)  # thousands of scripted deaths
    chance, started = random.Random(seed), time.monotonic()
    wrong: list[str] = []
    rows: set[str] = set()
    deaths = 0
    all_cases = tuple(cases())
    for n, case in enumerate(all_cases, 1):
        async for name, found in deaths_of(case, directory / "inside", chance, share, rows):
            deaths += 1
            wrong += [f"{name}: {line}" for line in found]
        if n % 20 == 0 or n == len(all_cases):
            _say(f"{n} of {len(all_cases)} scenarios, {deaths} lives, {time.monotonic() - started:.0f} s")
    wrong += [f"no scenario takes row {row}" for row in sorted(rows_of_the_tables() - rows)]
    return {"scenarios": len(all_cases), "scripted_lives": deaths}, wrong


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
