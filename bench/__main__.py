"""`python -m bench` measures every figure and prints one table; `python -m bench NAME …` some of them.

--json prints one object a figure, --scale 0.1 a tenth of the size. Every figure runs in a process of its own, so that
none pays for another's garbage; progress goes to stderr.
"""

import argparse
import importlib
import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine
from typing import Any

import msgspec

from bench.figure import Figure
from sagamore.cli.run import run

NAMES = (
    "orders", "latency", "turns", "recovery", "memory", "growth", "replay",
    "events", "deliveries", "http_deliveries", "queued", "broadcast", "bulk", "hanging",
)  # fmt: skip


def main() -> int:
    """Exit status 1 if a figure that must be reached was not."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the real size")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.names or NAMES
    if options.here:
        for figure in _measure(names[0], options.scale):
            print(json.dumps(figure.as_json()), flush=True)
        return 0
    figures = [
        figure for n, name in enumerate(names, 1) for figure in _in_a_process(name, options.scale, n, len(names))
    ]
    if options.json:
        for figure in figures:
            print(json.dumps(figure.as_json()))
    else:
        print(table(figures))
    return int(any(figure.met == "missed" for figure in figures))


def _measure(name: str, scale: float) -> list[Figure]:
    measuring: list[Figure] | Coroutine[Any, Any, list[Figure]] = importlib.import_module(f"bench.{name}").run(scale)
    return measuring if isinstance(measuring, list) else run(measuring)


def _in_a_process(name: str, scale: float, n: int, of: int) -> list[Figure]:
    print(f"[{n}/{of}] {name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench", name, "--here", "--scale", str(scale)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{name} failed with status {done.returncode}", file=sys.stderr)
        return [Figure(name, float("nan"), "failed", 0, 0, note="see above")]
    return [msgspec.convert(json.loads(line), Figure) for line in done.stdout.splitlines()]


def machine() -> str:
    """What it ran on."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        cpu = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown CPU")
    return f"{os.cpu_count()} cores of {cpu}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def table(figures: list[Figure]) -> str:
    """One table, as Markdown."""
    lines = [
        f"On {machine()}.",
        "",
        "| figure | value | floor | ratio | must | aim | met |",
        "|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        cells = (
            figure.name, f"{_number(figure.value)} {figure.unit}", _number(figure.floor), _number(figure.ratio),
            _number(figure.must), _number(figure.aim), figure.met or figure.note,
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
