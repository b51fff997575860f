"""The seat of a partition: the same for the life of the engine, while incarnations come and go in it.

OPENING ──> UP ── it dies ──> OPENING (after a backoff; its file's old connection has answered `close` first)
             └─ beyond its intensity, or the old connection does not close ──> DOWN
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address
from sagamore.engine.errors import Overloaded, PartitionDown
from sagamore.engine.ports import Journal, Opened
from sagamore.engine.runtime.environment import Environment
from sagamore.engine.runtime.partition import Partition, PartitionStatistics
from sagamore.engine.runtime.supervisor import Intensity

log = logging.getLogger("sagamore.engine")


class SeatStatistics(msgspec.Struct, frozen=True):
    """A partition's state, restarts and the cause of the last death, and what the incarnation says."""

    state: Literal["OPENING", "UP", "DOWN"]
    restarts: int
    cause: str
    partition: PartitionStatistics | None


class Seat:
    """Runs one partition, again and again."""

    def __init__(
        self,
        address: Address,
        actor: Actor[Any, Any],
        new_journal: Callable[[Address], Journal],
        environment: Environment,
    ) -> None:
        self.address = address
        self._actor, self._new_journal, self._environment = actor, new_journal, environment
        self._intensity = Intensity(environment.clock, environment.limits)
        self.state: Literal["OPENING", "UP", "DOWN"] = "OPENING"
        self.cause = ""
        self.partition: Partition | None = None
        self._opening: Partition | None = None
        self._stopping = False
        self._patience = asyncio.Event()

    async def open(self) -> Opened:
        """Open the first incarnation. Raises DirectoryError."""
        journal = self._new_journal(self.address)
        self._opening = Partition(self.address, self._actor, journal, self._environment)
        try:
            return await self._opening.open()
        except BaseException:
            await journal.close(clean=False)  # it may have failed after the journal was open
            raise

    def take_seat(self) -> None:
        """The opened incarnation is the one that others see from now on."""
        self.partition, self._opening, self.state = self._opening, None, "UP"
        if self._stopping and self.partition is not None:
            self.partition.stop()

    async def run(self, introduce: Callable[[Partition], None]) -> None:
        """Run incarnations until one stops as it was told, or the seat goes down. `introduce` shakes hands for one
        that has just opened."""
        while True:
            partition = self.partition
            assert partition is not None
            introduce(partition)
            error = await self._run_once(partition)
            if error is None:
                return
            if not await self._reopen(partition, error):
                if not self._stopping:
                    self.state = "DOWN"
                    log.error("%s stays down: %s", self.address, self.cause)
                return

    async def _run_once(self, partition: Partition) -> BaseException | None:
        try:
            await partition.run()
        except asyncio.CancelledError:
            partition.abandon(None)
            raise
        except BaseException as error:
            log.exception("%s died", self.address)
            return error
        return None

    async def _reopen(self, partition: Partition, error: BaseException) -> bool:
        """Close what died and open the next incarnation; False if the seat has to stay down."""
        self.state, self.partition = "OPENING", None
        partition.abandon(error)
        cause: BaseException = error
        try:
            await partition.journal.close(clean=False)
        except Exception as failure:
            self.cause = f"{cause!r}, and its file cannot be closed: {failure!r}"
            self._opening = partition  # for the stop to try again
            return False
        while True:
            self.cause = f"{type(cause).__name__}: {cause}"
            delay_ms = self._intensity.next_delay_ms()
            if delay_ms is None:
                return False
            await self._wait(delay_ms)
            if self._stopping:
                return False
            try:
                await self.open()
            except Exception as failure:
                cause = failure
                continue
            self.take_seat()
            return True

    async def count_death(self, message: str) -> None:
        """The process died while this message was being taken here; called before the first batch."""
        assert self._opening is not None
        await self._opening.journal.count_death(message, self._environment.clock.now_ms())
        deaths = self._opening.committed.deaths
        deaths[message] = deaths.get(message, 0) + 1

    async def _wait(self, delay_ms: int) -> None:
        """The backoff before a restart, unless the engine stops."""
        clock = self._environment.clock
        alarm = clock.call_at(clock.now_ms() + delay_ms, self._patience.set)
        self._patience.clear()
        if not self._stopping:
            await self._patience.wait()
        alarm.cancel()

    def stop(self) -> None:
        """Let the incarnation finish its batch; start no new one."""
        self._stopping = True
        self._patience.set()
        if self.partition is not None:
            self.partition.stop()

    async def close(self, *, clean: bool) -> None:
        """Close the file, and answer whoever still waits; a file whose last acknowledged rows cannot be deleted is not
        clean."""
        partition = self.partition or self._opening
        if partition is None:
            return
        flushed = False
        try:
            if clean:
                await partition.flush()
            flushed = clean
        finally:
            partition.abandon(None)
            await partition.journal.close(clean=flushed)

    def up(self) -> Partition:
        """The incarnation. Raises PartitionDown, and Overloaded while it is being reopened."""
        if self.partition is None:
            if self.state == "DOWN":
                raise PartitionDown(self.address, self.cause)
            raise Overloaded(f"{self.address} is being reopened", self._environment.limits.retry_after_ms)
        return self.partition

    def statistics(self) -> SeatStatistics:
        """A snapshot."""
        statistics = None if self.partition is None else self.partition.statistics()
        return SeatStatistics(self.state, self._intensity.restarts, self.cause, statistics)
