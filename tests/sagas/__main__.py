"""Explore the sagas on the real handlers: `python -m tests.sagas` as in CI, `--deep` with every three disturbances.

Prints a line a setup: worlds, turns of the real handlers, seconds; a shortest trace for what is broken. Exit status 1
if a promise is broken or a search was not exhausted.
"""

import argparse
import sys
import time
from typing import get_args

from sagamore.actors.orders.payment_messages import Capture
from sagamore.actors.orders.settings import SagaName
from tests.protocol.explore import explore
from tests.sagas.model import Sagas
from tests.sagas.world import Setup

SETUPS = tuple(
    Setup(saga, capture, later, partitions)
    for partitions in (1, 2)
    for saga in get_args(SagaName)
    for capture in get_args(Capture)
    for later in (False, True)
)
WORLDS_MAX = 3_000_000  # about 2 GB


def main() -> int:
    """Explore all setups."""
    parser = argparse.ArgumentParser(prog="python -m tests.sagas", description=__doc__)
    parser.add_argument("--deep", action="store_true", help="three disturbances in a world in place of two")
    parser.add_argument("--disturbances", type=int, help="so many instead")
    arguments = parser.parse_args()
    disturbances = arguments.disturbances if arguments.disturbances is not None else 3 if arguments.deep else 2
    worlds, good = 0, True
    for setup in SETUPS:
        began = time.monotonic()
        sagas = Sagas(setup, disturbances)
        report = explore(sagas, WORLDS_MAX)
        worlds += report.states
        good &= report.exhausted and not report.broken
        print(f"{setup}: {report}, {sagas.shell.turns:,} turns, {time.monotonic() - began:.1f} s", flush=True)
    print(f"{worlds:,} worlds of {len(SETUPS)} setups with {disturbances} disturbances each")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
