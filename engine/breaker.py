"""A circuit breaker: while a provider fails, calls wait instead of failing too; then one probe decides.

    CLOSED ── failures_min failures and failure_share of the calls within window_ms ──> OPEN
    OPEN ── cooldown_ms ──> HALF_OPEN ── the probe succeeds ──> CLOSED
                                      ── the probe fails ──> OPEN

Counts live in memory, changes of state are committed by `system/0`. Waiting on an open breaker costs no attempt.
Pure: time is passed in, as milliseconds that never step.
"""

from collections import deque
from typing import Literal

import msgspec

from sagamore.engine.errors import InvalidInput

BreakerState = Literal["CLOSED", "OPEN", "HALF_OPEN"]


CALLS_MAX = 1_000  # what a breaker remembers of the window; enough for any share to mean something


class BreakerPolicy(msgspec.Struct, frozen=True):
    """When it opens, and for how long. Raises InvalidInput for what is none, or would never open it."""

    failures_min: int = 20
    """1 to 1,000, as many calls as it remembers."""
    failure_share: float = 0.5
    """0 to 1; at 0 the number of failures alone decides."""
    window_ms: int = 10_000
    cooldown_ms: int = 5_000

    def __post_init__(self) -> None:
        if type(self.failures_min) is not int or not 1 <= self.failures_min <= CALLS_MAX:
            raise InvalidInput("failures_min", self.failures_min, f"a whole number, 1 to {CALLS_MAX:,}")
        if type(self.failure_share) not in (int, float) or not 0 <= self.failure_share <= 1:
            raise InvalidInput("failure_share", self.failure_share, "a number, 0 to 1")
        for field in ("window_ms", "cooldown_ms"):
            time_ms = getattr(self, field)
            if type(time_ms) is not int or time_ms < 1:
                raise InvalidInput(field, time_ms, "a whole number, at least 1")


class Breaker:
    """One provider's breaker."""

    def __init__(self, policy: BreakerPolicy, state: BreakerState = "CLOSED", now_ms: float = 0) -> None:
        self._policy = policy
        self._calls: deque[tuple[float, bool]] = deque(maxlen=CALLS_MAX)
        self._failures = 0
        self._probing = False
        self._era = 0
        self.state: BreakerState = "CLOSED" if state == "CLOSED" else "OPEN"
        self.open_until_ms = now_ms + policy.cooldown_ms if self.state == "OPEN" else 0.0
        self.opened = 0

    def admit(self, now_ms: float) -> int | None:
        """The era of a call that may start now, None if none may; when half open, the one probe may. Eras tell a
        straggler from before the opening from the probe."""
        if self.state == "CLOSED":
            return self._era
        if self.state == "OPEN" and now_ms >= self.open_until_ms:
            self.state, self._probing = "HALF_OPEN", False
            self._era += 1
        if self.state == "HALF_OPEN" and not self._probing:
            self._probing = True
            return self._era
        return None

    def wait_ms(self, now_ms: float) -> float:
        """How long to wait before asking again: until it has cooled down, or, while a probe is under way, as long as
        another cooldown, since the probe's end is told."""
        return self.open_until_ms - now_ms if self.state == "OPEN" else self._policy.cooldown_ms

    def release(self, era: int) -> None:
        """A call that was admitted is not made after all; if it was the probe, another may be."""
        if era == self._era:
            self._probing = False

    def record(self, era: int, ok: bool, now_ms: float) -> bool:
        """A call of that era ended; True if the state changed."""
        if era != self._era:
            return False
        if self.state == "HALF_OPEN":
            self._probing = False
            self._calls.clear()
            self._failures = 0
            if ok:
                self.state = "CLOSED"
                self._era += 1
            else:
                self._open(now_ms)
            return True
        if len(self._calls) == CALLS_MAX:
            self._failures -= not self._calls[0][1]
        self._calls.append((now_ms, ok))
        self._failures += not ok
        while self._calls[0][0] <= now_ms - self._policy.window_ms:
            self._failures -= not self._calls.popleft()[1]
        enough = self._failures >= self._policy.failures_min
        if self.state == "CLOSED" and enough and self._failures >= self._policy.failure_share * len(self._calls):
            self._open(now_ms)
            return True
        return False

    def _open(self, now_ms: float) -> None:
        self._era += 1
        self.state, self.open_until_ms = "OPEN", now_ms + self._policy.cooldown_ms
        self.opened += 1
