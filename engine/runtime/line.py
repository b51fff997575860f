"""One partition's effects in the hands of one pool: those that wait, by lane, and those under way.

Each lane has as many places as the provider takes calls at once, so that a full bulk lane keeps no room from the normal
one; of those that wait the normal ones are called first.
"""

import asyncio
from collections import deque

import msgspec

from sagamore.engine.effect import EffectRow
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE, Address
from sagamore.engine.policy import EffectPolicy
from sagamore.engine.runtime.mailbox import AttemptEnded, ParkEffect


class Task(msgspec.Struct, eq=False):
    """An effect in the pool's hands."""

    address: Address
    row: EffectRow
    policy: EffectPolicy
    started: bool = False
    """A call or look-up is under way, or was."""
    ended: "AttemptEnded | ParkEffect | None" = None
    """What it came to; kept until the partition has committed that."""
    mark: "asyncio.Future[bool] | None" = None
    """Whether its mark is committed; false if no call is to be made after all."""

    @property
    def awaits_mark(self) -> bool:
        """Its call may be made once its mark is committed."""
        return self.mark is not None and not self.mark.done()

    def answer_mark(self, *, committed: bool) -> bool:
        """Let it go on; whether it waited."""
        if self.mark is None or self.mark.done():
            return False
        self.mark.set_result(committed)
        return True


class Line:
    """Of one partition."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: tuple[deque[Task], deque[Task]] = (deque(), deque())
        self._held_of: list[int] = [0, 0]
        self.held: dict[str, Task] = {}
        self.calling = 0
        """Attempts under way, at most as many as there are places."""

    def __len__(self) -> int:
        return len(self._waiting[0]) + len(self._waiting[1])

    def room(self, lane: int) -> int:
        """How many more of that lane it may hold."""
        return self._places - self._held_of[lane]

    def add(self, task: Task) -> None:
        """Hold a task, and let it wait."""
        self.hold(task)
        self._waiting[task.row.lane].append(task)

    def hold(self, task: Task) -> None:
        """Until it is forgotten."""
        self.held[task.row.id] = task
        self._held_of[task.row.lane] += 1

    def forget(self, effect: str) -> Task | None:
        """Hold it no longer; what waits of it is passed over when its turn comes."""
        task = self.held.pop(effect, None)
        if task is not None:
            self._held_of[task.row.lane] -= 1
        return task

    def has_next(self) -> bool:
        """Whether a task may be attempted now."""
        return self.calling < self._places and bool(self._waiting[0] or self._waiting[1])

    def next(self) -> Task | None:
        """The next one to attempt, if one may be."""
        if self.calling < self._places:
            for waiting in self._waiting:
                if waiting:
                    return waiting.popleft()
        return None

    def overtaking(self, task: Task) -> Task:
        """Who is to be called in place of a task that waited: a bulk one gives way to a normal one that came since."""
        if task.row.lane == BULK_LANE and self._waiting[NORMAL_LANE]:
            self._waiting[BULK_LANE].appendleft(task)
            return self._waiting[NORMAL_LANE].popleft()
        return task

    def drain(self) -> list[Task]:
        """All that wait; nothing of them will be attempted."""
        tasks = [*self._waiting[0], *self._waiting[1]]
        for waiting in self._waiting:
            waiting.clear()
        return tasks
