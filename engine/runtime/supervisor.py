"""The one owner of every task, and what it does when one ends that should not (DESIGN 4, Supervision).

A child that dies is run again after a backoff; one that dies more often than its restart intensity allows stays down,
visibly. `create_task` stands here and nowhere else: the loop keeps weak references only, so a task that nobody owns
may vanish half-way.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any

from sagamore.engine.limits import Limits
from sagamore.engine.policy import Backoff
from sagamore.engine.ports import Clock

log = logging.getLogger("sagamore.engine")

RESTART_BACKOFF = Backoff(first_ms=20, most_ms=5_000)


class Supervisor:
    """Owns tasks."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a coroutine as a task that is kept until it ends; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s died", task.get_name(), exc_info=error)

    async def cancel_all(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)


class Intensity:
    """At most `restarts_max` restarts in any `restarts_period_ms`."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock, self._limits = clock, limits
        self._deaths: deque[float] = deque(maxlen=limits.restarts_max + 1)
        self.restarts = 0

    def next_delay_ms(self) -> int | None:
        """How long to wait before the next restart; None: no more, stay down."""
        now_ms = self._clock.elapsed_ms()
        self._deaths.append(now_ms)
        recent = sum(at_ms > now_ms - self._limits.restarts_period_ms for at_ms in self._deaths)
        if recent > self._limits.restarts_max:
            return None
        self.restarts += 1
        return RESTART_BACKOFF.delay_ms(recent, self._clock.random_fraction())
