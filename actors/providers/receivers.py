"""What a provider with many receivers keeps of each, so that one that hangs or fails takes nothing from the others: a
bound of the calls to it, and, once it has failed some times in a row, one call at a time, further and further apart.

A call that it keeps back comes again later and has cost no attempt. In memory only: after a restart each receiver is
asked anew. Pure: time is passed in, as milliseconds that never step.
"""

from math import ceil

import msgspec

FAILURES_MAX = 5  # in a row
PAUSE_FIRST_MS = 30_000
PAUSE_MOST_MS = 15 * 60_000
BUSY_MS = 1_000
KNOWN_MAX = 10_000  # receivers that failed; beyond it the one that failed longest ago is forgotten


class _Receiver(msgspec.Struct):
    in_flight: int = 0
    failures: int = 0
    paused_until_ms: float = 0


class Receivers:
    """All of one provider; at most `in_flight_max` calls to each at once."""

    def __init__(self, in_flight_max: int) -> None:
        self._in_flight_max = in_flight_max
        self._known: dict[str, _Receiver] = {}

    def admit(self, name: str, now_ms: float) -> int:
        """0: call it, then tell `ended`. Else the milliseconds to wait."""
        receiver = self._known.setdefault(name, _Receiver())
        doubtful = receiver.failures >= FAILURES_MAX
        if doubtful and now_ms < receiver.paused_until_ms:
            return ceil(receiver.paused_until_ms - now_ms)
        if receiver.in_flight >= (1 if doubtful else self._in_flight_max):
            return BUSY_MS
        receiver.in_flight += 1
        return 0

    def ended(self, name: str, now_ms: float, answered: bool | None) -> None:
        """A call that was admitted has ended, with a verdict of whatever kind or without; None if it was not made."""
        receiver = self._known.pop(name)
        receiver.in_flight -= 1
        if answered is not None:
            receiver.failures = 0 if answered else receiver.failures + 1
        if answered is False and receiver.failures >= FAILURES_MAX:
            doublings = min(receiver.failures - FAILURES_MAX, 16)
            receiver.paused_until_ms = now_ms + min(PAUSE_FIRST_MS << doublings, PAUSE_MOST_MS)
        if receiver.in_flight or receiver.failures:
            self._known[name] = receiver
            self._forget()

    def others(self, name: str) -> bool:
        """Whether more than one call to it is under way."""
        return self._known[name].in_flight > 1

    def _forget(self) -> None:
        if len(self._known) > KNOWN_MAX:
            oldest = next((name for name, known in self._known.items() if not known.in_flight), "")
            self._known.pop(oldest, None)
