"""What one rendering may cost: it runs inside a turn, on the event loop, so that nobody else runs meanwhile.

Everything whose size a template or its data decides is counted before it is made, or grows by a small factor only: a
hostile template ends soon, having used little memory.
"""

import msgspec
from jinja2 import Undefined
from jinja2.runtime import Context

METER = "$meter"  # where a context keeps it: no name that a template can write


class Budget(msgspec.Struct, frozen=True):
    """Of all parts of one message together."""

    steps: int = 100_000
    """Nodes of loops' bodies, times their rounds: an order of 1,000 lines takes 20,000. At most about 50 ms."""
    bytes: int = 1 << 20
    """Of text that was handled: shown, joined, compared, given to filters. Ten times the longest message."""
    output_bytes: int = 128 << 10
    """Of the parts as they are stored, which is JSON: Gmail cuts a message at 102 KB, and with the event's data it must
    fit into one of the engine's messages."""


class Exhausted(Exception):
    """More than the budget."""


class Meter:
    """Of one rendering."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._steps, self._bytes = budget.steps, budget.bytes

    def step(self, count: int) -> None:
        """So many steps are about to be made. Raises Exhausted."""
        self._steps -= count
        if self._steps < 0:
            raise Exhausted(f"more than {self._budget.steps:,} steps; loop over less")

    def spend(self, size: int) -> None:
        """So much text is about to be made or was handled. Raises Exhausted."""
        self._bytes -= size
        if self._bytes < 0:
            raise Exhausted(f"more than {self._budget.bytes:,} bytes of text")

    def text(self, text: str) -> str:
        """Count it and give it back. Raises Exhausted."""
        self.spend(len(text) if text.isascii() else len(text.encode()))
        return text

    def take(self, value: object) -> None:
        """Count what an operation reads: text, or a list with the text in it. Raises Exhausted, and UndefinedError for
        what is missing."""
        if isinstance(value, str):
            self.text(value)
        elif isinstance(value, list | tuple):
            self.step(len(value))
            for each in value:
                if isinstance(each, str):
                    self.text(each)
        elif isinstance(value, Undefined):
            str(value)  # raises

    def check_output(self, parts: tuple[tuple[str, str], ...]) -> None:
        """Raises Exhausted, and ValueError for text that cannot be stored."""
        size = len(msgspec.json.encode(parts))
        if size > self._budget.output_bytes:
            raise Exhausted(f"{size:,} bytes of parts; at most {self._budget.output_bytes:,}")
        if any("\0" in text for _, text in parts):
            raise ValueError("U+0000 cannot be stored")


def meter_of(context: Context) -> Meter:
    """Of the rendering that this context belongs to."""
    meter: Meter = context.parent[METER]
    return meter
