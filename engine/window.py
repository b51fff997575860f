"""A sliding-window limit that the *provider's* own log never shows broken (PROTOCOL 12).

A call reaches the provider at some instant between its start and its end. So a place is held from the start of the call
until one window after its end: counted from the start alone, slow and fast calls put 10 arrivals into a window of 5.

Places are taken in blocks, a twentieth of the limit each; the number outstanding is committed before the first place
of a block is used. After a restart all of them count as used at that instant: an upper bound that trusts no clock.
Pure: time is passed in, as milliseconds that never step.
"""

import heapq

BLOCKS_PER_LIMIT = 20  # one commit for each twentieth of the limit, and at most that much of it idle after a crash


class Window:
    """At most `calls_max` calls in any `window_ms`."""

    def __init__(self, calls_max: int, window_ms: int, outstanding: int = 0, now_ms: float = 0) -> None:
        self.calls_max, self.window_ms = calls_max, window_ms
        self._in_flight = 0
        self._free_at_ms = [now_ms + window_ms] * min(outstanding, calls_max)
        self.permits = 0

    @property
    def block(self) -> int:
        """How many places one commit takes."""
        return max(1, self.calls_max // BLOCKS_PER_LIMIT)

    def held(self, now_ms: float) -> int:
        """Places that are not free: calls under way, calls that ended within the window, permits not yet used."""
        while self._free_at_ms and self._free_at_ms[0] <= now_ms:
            heapq.heappop(self._free_at_ms)
        return len(self._free_at_ms) + self._in_flight + self.permits

    def take(self) -> bool:
        """Use a permit for a call that starts now; False if there is none."""
        if not self.permits:
            return False
        self.permits -= 1
        self._in_flight += 1
        return True

    def ended(self, now_ms: float) -> None:
        """The call ended, by an answer or a timeout: its place is free one window from now."""
        self._in_flight -= 1
        heapq.heappush(self._free_at_ms, now_ms + self.window_ms)

    def wait_ms(self, now_ms: float) -> float | None:
        """How long until a block of places is free: 0 is now, None means not before a call has ended."""
        missing = self.held(now_ms) + self.block - self.calls_max
        if missing <= 0:
            return 0
        if missing > len(self._free_at_ms):
            return None
        return heapq.nsmallest(missing, self._free_at_ms)[-1] - now_ms
