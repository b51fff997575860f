"""What the clients remember: one line of JSON for each thing they began, or were told, in a file of their own.

    {"n": 7, "did": "begin", …}        about to place order 7: from now on it is in doubt until it is placed
    {"n": 7, "did": "place", "order": "ord_…"}        accepted: from now on it must never be lost
    {"n": 7, "did": "refund 1", "refund": "ref_…"}    likewise; any step has its own word
    {"n": 7, "did": "end"}             nothing more is done to it
    {"breach": "…"}                    the shop said something that it must never say

A line is one write, made before the client believes the answer. SIGKILL takes the process, not the page cache, so the
write is enough; a last line without its end was never believed.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class ClientLedger:
    """Appends to the file, and knows what the lives before this one wrote."""

    def __init__(self, path: Path) -> None:
        self.begun: dict[int, dict[str, Any]] = {}
        self.placed: dict[int, str] = {}
        self.steps: dict[int, dict[str, dict[str, Any]]] = {}
        self.ended: set[int] = set()
        self.breaches: list[str] = []
        if path.exists():
            _cut(path)
            for line in _lines(path):
                self._take(line)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _take(self, line: dict[str, Any]) -> None:
        if "breach" in line:
            self.breaches.append(line["breach"])
        n = line.get("n")
        if n is None:
            return
        match line["did"]:
            case "begin":
                self.begun[n] = line
            case "place":
                self._place(n, line["order"])
            case "end":
                self.ended.add(n)
            case step:
                self.steps.setdefault(n, {})[step] = line

    def _place(self, n: int, order_id: str) -> None:
        known = self.placed.setdefault(n, order_id)
        if known != order_id:
            self.breaches.append(f"order {n} was accepted as {known} and then as {order_id}")

    def write(self, **line: Any) -> None:
        """Remember."""
        os.write(self._file, json.dumps(line).encode() + b"\n")
        self._take(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


def _cut(path: Path) -> None:
    """Remove a last line without its end."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
