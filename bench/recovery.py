"""100,000 unfinished orders on disk: from exec to the first new order accepted.

Goal: that nothing is read whole at a start. The orders wait for a provider that puts everything off; the process that
placed them is killed, so the start is an unclean one. Caveat: measured from the parent, interpreter start included;
the floor is the same interpreter importing the library and nothing more.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figure import Figure
from bench.shop import CLIENTS, open_waiting_shop, place

ORDERS = 100_000


def run(scale: float) -> list[Figure]:
    """Seconds."""
    orders = max(500, int(ORDERS * scale))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop"
        filled = subprocess.run([sys.executable, "-m", "bench.recovery", "fill", str(path), str(orders)], check=False)
        if filled.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the directory could not be filled: status {filled.returncode}")
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bench.recovery", "open", str(path)], check=True)
        seconds = time.perf_counter() - started
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import sagamore"], check=True)
    floor_s = time.perf_counter() - started
    return [Figure(f"start with {orders:,} unfinished orders", seconds, "s", 2, 0.5, "less", floor_s)]


async def _fill(path: Path, orders: int) -> None:
    numbers = iter(range(orders))
    async with open_waiting_shop(path) as shop:

        async def client() -> None:
            for n in numbers:
                await place(shop, n)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        os.kill(os.getpid(), signal.SIGKILL)


async def _open(path: Path) -> None:
    async with open_waiting_shop(path) as shop:
        await place(shop, 0)
        os._exit(0)


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    asyncio.run(_fill(Path(where), int(rest[0])) if what == "fill" else _open(Path(where)))
