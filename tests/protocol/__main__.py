"""Explore the protocol by hand: `python -m tests.protocol` shows each mutant's shortest trace, `--deep` the larger
worlds (some minutes and a few gigabytes), either with words that the names must hold."""

import argparse
import sys
import time

from tests.protocol.explore import explore
from tests.protocol.mutants import EVERY
from tests.protocol.worlds import models

STATES_MAX = 1_000_000


def main() -> int:
    """Exit status 1 if a promise is broken that should hold, or kept that should break."""
    parser = argparse.ArgumentParser(prog="python -m tests.protocol", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--deep", action="store_true")
    arguments = parser.parse_args()
    mutants = {f"{m.row}: {m.reading}": m.model() for m in EVERY}
    wrong = 0
    for name, model in (models(deep=True) if arguments.deep else mutants).items():
        if all(word in name for word in arguments.words):
            started = time.monotonic()
            report = explore(model, STATES_MAX)
            wrong += bool(report.broken) == arguments.deep
            print(f"== {name}: {report} {time.monotonic() - started:.1f} s\n", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
