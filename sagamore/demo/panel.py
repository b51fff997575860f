"""The live panel, drawn with rich: orders, provider, messages and stock side by side, four times a second."""

import asyncio
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sagamore.demo.kill import REASONS, reason_text
from sagamore.demo.state import State

REDRAWN_EVERY_S = 0.25


class Terminal:
    """A screen on a terminal. Lines that stay are printed above the panel."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def say(self, line: str = "") -> None:
        """Wrapped between words, under its indentation."""
        text = line.lstrip()
        self._console.print(Padding(Text(text), (0, 0, 0, len(line) - len(text))))

    def paste(self, line: str) -> None:
        """Wrapped by the terminal alone, which forgets it when it is copied."""
        self._console.print(Text(line), soft_wrap=True)

    def heading(self, text: str) -> None:
        """In bold after an empty line."""
        self._console.print(Text(f"\n{text}", style="bold"))

    async def show(self, state: State) -> None:
        """The panel; its last picture stays."""
        with Live(_panel(state), console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    await asyncio.sleep(REDRAWN_EVERY_S)
                    live.update(_panel(state), refresh=True)
            finally:
                live.update(_panel(state), refresh=True)


def _panel(state: State) -> Panel:
    columns = Table.grid(padding=(0, 2))
    columns.add_row(_orders(state), _provider(state), _messages(state), _stock(state))
    return Panel(columns, title=f"{state.phase}, {state.elapsed_s:.0f} s", title_align="left", expand=False)


def _orders(state: State) -> Table:
    rows = [
        ("placed", f"{state.placed:,}"),
        ("confirmed", f"{state.confirmed:,}"),
        ("  a second", f"{state.rate:,.0f}"),
        ("cancelled", f"{state.cancelled.total():,}"),
        *((f"  {reason_text(reason)}", f"{state.cancelled[reason]:,}") for reason in REASONS),
        ("turned away", f"{state.sold_out:,}"),
    ]
    return _table(("Orders", ""), rows)


def _provider(state: State) -> Table:
    provider = state.provider
    rows = [
        ("ok", f"{provider.ok:,}"),
        ("refused", f"{provider.refused:,}"),
        ("lost or 5xx", f"{provider.unanswered:,}"),
        ("under way", f"{provider.in_flight:,}"),
        ("breaker", provider.breaker),
    ]
    return _table(("Provider", ""), rows)


def _messages(state: State) -> Table:
    told = state.told
    rows = [
        ("sent", f"{told.sent:,}"),
        ("suppressed", f"{told.suppressed:,}"),
        ("uncertain", f"{told.uncertain:,}"),
        ("under way", f"{told.in_flight:,}"),
    ]
    return _table(("Messages", ""), rows)


def _stock(state: State) -> Table:
    rows = [(shelf.product, f"{shelf.reserved:,}", f"{shelf.available:,}") for shelf in state.shelves]
    return _table(("Stock", "reserved", "available"), rows)


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for n, heading in enumerate(headings):
        table.add_column(heading, justify="right" if n else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
