"""A partition's durable timers and retries, between its disk and its mailbox.

A due one becomes a hint in the mailbox, at most `due_rows_max` of each at a time; its turn happens only if its row is
still there then. What fell due while nobody ran is spread over the first seconds after a start.
"""

from collections.abc import Callable

from sagamore.engine.limits import Limits
from sagamore.engine.ports import Clock, Journal, Opened, RetryRow, TimerRow, timer_id
from sagamore.engine.runtime.agenda import Cursor
from sagamore.engine.runtime.batch import Batch
from sagamore.engine.runtime.mailbox import Mailbox, RetryDue, TimerDue


class Reminders:
    """One partition's."""

    def __init__(
        self, journal: Journal, opened: Opened, mailbox: Mailbox, clock: Clock, limits: Limits, wake: Callable[[], None]
    ) -> None:
        self._mailbox, self._clock, self._wake = mailbox, clock, wake
        self._rows_max = limits.due_rows_max
        self._opened_ms = clock.now_ms()
        self._spread_until_ms = self._opened_ms + limits.overdue_spread_ms
        self._timers: Cursor[TimerRow] = Cursor(
            journal.load_timers, lambda row: (row.due_ms, row.id), anything=opened.timers > 0
        )
        self._retries: Cursor[RetryRow] = Cursor(
            journal.load_retries, lambda row: (row.due_ms, row.id), anything=opened.retries > 0
        )

    @property
    def timers(self) -> dict[str, TimerRow]:
        """Those in the mailbox whose rows are still there, by entity and name."""
        return self._timers.under_way

    @property
    def retries(self) -> dict[str, RetryRow]:
        """Those in the mailbox whose rows are still there, by message id."""
        return self._retries.under_way

    def next_due_ms(self) -> int | None:
        """When to refill, as far as there is room."""
        due = [cursor.next_due_ms for cursor in (self._timers, self._retries) if len(cursor.under_way) < self._rows_max]
        return min((ms for ms in due if ms is not None), default=None)

    async def refill(self, now_ms: int) -> None:
        """Read what is due."""
        room = self._rows_max - len(self.timers)
        if room > 0 and self._timers.due(now_ms):
            for timer in await self._timers.read(now_ms, room):
                self._remind(TimerDue(timer), timer.due_ms, now_ms)
        room = self._rows_max - len(self.retries)
        if room > 0 and self._retries.due(now_ms):
            for retry in await self._retries.read(now_ms, room):
                self._remind(RetryDue(retry), retry.due_ms, now_ms)

    def _remind(self, hint: TimerDue | RetryDue, due_ms: int, now_ms: int) -> None:
        spread_ms = self._spread_until_ms - now_ms
        if due_ms >= self._opened_ms or spread_ms <= 0:
            self._mailbox.put_hint(hint)
            return

        def remind() -> None:
            self._mailbox.put_hint(hint)
            self._wake()

        self._clock.call_at(now_ms + int(self._clock.random_fraction() * spread_ms), remind)

    def release(self, batch: Batch) -> None:
        """A commit took some away and set others."""
        for (entity, name), timer in batch.timers.items():
            self._timers.under_way.pop(timer_id(entity, name), None)
            if timer is not None:
                self._timers.note(timer.due_ms, timer_id(entity, name))
        for retry_id, retry in batch.retries.items():
            self._retries.under_way.pop(retry_id, None)
            if retry is not None:
                self._retries.note(retry.due_ms, retry_id)
