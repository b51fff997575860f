"""The real Clock: the wall clock, but never backwards and never standing still, the loop's timers, the system's
randomness."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

ENTROPY_BYTES = 512  # small, since a slice copies what is left
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """Bound to the running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._entropy = b""
        self._jitter = random.Random(os.urandom(8))
        self._latest_ms = self._looked_ms = 0.0
        # Without the kernel's name for it every process is a start of its own.
        self.boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else os.urandom(16).hex()

    def now_ms(self) -> int:
        """Unix milliseconds, never backwards. After the wall clock was set back, time goes on at half its pace until
        that has caught up: what is to be done later must become due."""
        wall_ms, elapsed_ms = time.time() * 1000, time.monotonic() * 1000
        slow_ms = self._latest_ms + (elapsed_ms - self._looked_ms) / 2
        self._latest_ms, self._looked_ms = wall_ms if wall_ms > slow_ms else slow_ms, elapsed_ms
        return int(self._latest_ms)

    def elapsed_ms(self) -> float:
        """Milliseconds of the monotonic clock."""
        return time.monotonic() * 1000

    def steady_ms(self) -> int:
        """Milliseconds since the machine was started, sleep included, where the system can tell."""
        return time.clock_gettime_ns(_STEADY) // 1_000_000

    def call_at(self, at_ms: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at that time; a wall clock that was stepped is caught up with at the next look."""
        return self._loop.call_later(max(0, at_ms - self.now_ms()) / 1000, callback)

    def random_bits(self, bits: int) -> int:
        """From the system's source, drawn some at a time: ids must not be guessable, nor cost a system call each.
        At most 64 bits."""
        if not self._entropy:
            self._entropy = os.urandom(ENTROPY_BYTES)
        drawn, self._entropy = self._entropy[-8:], self._entropy[:-8]
        return int.from_bytes(drawn, "big") >> (64 - bits)

    def random_fraction(self) -> float:
        """For jitter only."""
        return self._jitter.random()
