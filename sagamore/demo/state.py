"""How the demo stands: what the customers know, and what the shop has last said of itself. The panel shows it."""

import time
from collections import Counter, deque

from sagamore.demo.wire import Provider, Shelf, Snapshot, Told

RATE_WINDOW_S = 3.0


class State:
    """Counts are over all lives of the shop."""

    def __init__(self) -> None:
        self.started_s = time.monotonic()
        self.phase = "Starting"
        self.placed = self.confirmed = self.sold_out = 0
        self.cancelled: Counter[str] = Counter()
        self.shelves: tuple[Shelf, ...] = ()
        self.provider = Provider()
        self.told = Told()
        self._earlier, self._told_earlier = Provider(), Told()
        self._confirmed_s: deque[float] = deque()

    @property
    def elapsed_s(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self.started_s

    @property
    def rate(self) -> float:
        """Orders confirmed a second, lately."""
        now_s = time.monotonic()
        while self._confirmed_s and self._confirmed_s[0] < now_s - RATE_WINDOW_S:
            self._confirmed_s.popleft()
        return len(self._confirmed_s) / RATE_WINDOW_S

    def count_end(self, status: str, reason: str) -> None:
        """An order has come to rest."""
        if status == "CONFIRMED":
            self.confirmed += 1
            self._confirmed_s.append(time.monotonic())
        else:
            self.cancelled[reason] += 1

    def take(self, snapshot: Snapshot) -> None:
        """What the shop says; its counts begin anew with each of its lives."""
        now, before = snapshot.provider, self._earlier
        self.shelves = snapshot.shelves
        self.provider = Provider(
            before.ok + now.ok, before.refused + now.refused, before.unanswered + now.unanswered, now.in_flight,
            now.breaker,
        )  # fmt: skip
        told, earlier = snapshot.told, self._told_earlier
        self.told = Told(
            earlier.sent + told.sent, earlier.suppressed + told.suppressed, earlier.uncertain + told.uncertain,
            told.in_flight,
        )  # fmt: skip

    def end_life(self) -> None:
        """The shop is gone; what it has counted stays."""
        self._earlier = self.provider = Provider(
            self.provider.ok, self.provider.refused, self.provider.unanswered, 0, "-"
        )
        self._told_earlier = self.told = Told(self.told.sent, self.told.suppressed, self.told.uncertain)
