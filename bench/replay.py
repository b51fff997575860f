"""Real orders through replay, lines a second: what `sagamore replay FILE --repeat` does for ten seconds.

Goal: the rate on orders as they are: 20 lines on average and some of hundreds, hot products, cancellations, returns,
charges, guests. `SAGAMORE_DATA` names the file, or the folder that holds `online_retail_2010-12.csv`; without it a file
of the same shape is made up, and the figure says so. The floor is that of `orders`: the recorded commits written again
by plain `sqlite3`. Non-goals: reading the file and receiving the stock, both before the clock starts; a real provider's
time. Caveat: a line is one of the file whatever became of it, refused ones and one-line corrections included; the note
counts the refused.
"""

import os
import tempfile
from pathlib import Path

from bench.figure import Figure
from bench.floor import recording
from bench.invoices import write_invoices
from sagamore import Sagamore, SimulatedPayments
from sagamore.cli.replay import PASSES_MAX, SETTINGS
from sagamore.replay import Plan, Player, make_plan, read_rows

SECONDS = 10
SECONDS_MIN = 0.1
FILE = "online_retail_2010-12.csv"


async def run(scale: float) -> list[Figure]:
    """`scale` 1 is ten seconds."""
    with tempfile.TemporaryDirectory() as folder:
        real = _real_file()
        plan = _plan(real or _made_up_file(Path(folder)))
        async with Sagamore.open(Path(folder) / "shop", SETTINGS, payments=SimulatedPayments()) as shop:
            player = Player(shop, plan)
            await player.stock(1, PASSES_MAX)
            with recording() as recorded:
                await player.play(PASSES_MAX, max(SECONDS_MIN, SECONDS * scale))
        floor_s = recorded.replay_s(Path(folder) / "floor")
    report = player.report
    name = f"{'real' if real else 'made-up'} orders through replay"
    note = (
        f"{'' if real else 'a made-up file, for SAGAMORE_DATA is not set; '}{report.confirmed:,} orders confirmed,"
        f" {sum(named.count for named in report.refused.values()):,} steps refused"
    )
    rate, floor = report.lines_per_second, report.lines / floor_s
    return [Figure(name, rate, "lines/s", 20_000, 60_000, floor=floor, note=note)]


def _real_file() -> Path | None:
    """None if none is named; one that is named and absent is an error, not a reason to measure something else."""
    named = os.environ.get("SAGAMORE_DATA")
    if not named:
        return None
    path = Path(named)
    return path / FILE if path.is_dir() else path


def _made_up_file(folder: Path) -> Path:
    path = folder / "made-up.csv"
    write_invoices(path)
    return path


def _plan(path: Path) -> Plan:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return make_plan(read_rows(file))
