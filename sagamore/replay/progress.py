"""How a replay goes, told while it does: a line that is redrawn, with rich where that is installed."""

import asyncio
from typing import TextIO

from sagamore.replay.report import Report

REDRAWN_EVERY_S = 0.25


async def show_progress(report: Report, terminal: TextIO) -> None:
    """Until it is cancelled."""
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        await _show_plain(report, terminal)
        return
    with Live(console=Console(file=terminal), transient=True, auto_refresh=False) as live:
        while True:
            live.update(_line(report), refresh=True)
            await asyncio.sleep(REDRAWN_EVERY_S)


async def _show_plain(report: Report, terminal: TextIO) -> None:
    try:
        while True:
            print(f"\r{_line(report)}", end="", file=terminal, flush=True)
            await asyncio.sleep(REDRAWN_EVERY_S)
    finally:
        print(file=terminal)


def _line(report: Report) -> str:
    return (
        f"pass {report.passes:,}: {report.lines:,} lines, {report.placed:,} orders placed,"
        f" {report.confirmed:,} confirmed, {report.cancelled.total():,} cancelled,"
        f" {report.lines_per_second:,.0f} lines/s"
    )
