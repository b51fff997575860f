"""A shop that tells people things, in a process of its own, and SIGKILL every so often; the receivers are in this one.

Every life goes on in the directory that the last one left: most die at an instant of the clock, some at a sampled
commit, all with another wall clock. Once all has been told a few more die, and the last one brings all to its end.
"""

import asyncio
import random
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.torture.notifications.driver import Orders
from tests.torture.notifications.events import KEYED
from tests.torture.notifications.judge import Judge
from tests.torture.notifications.receivers import receivers

SAMPLED = 0.25  # of the deaths; the others are by the clock
SAMPLED_COMMITS = 400
STEP_MS = 1_500  # at most, how wrong the wall clock is in a life
DEATHS_AFTER = 0.25  # of the deaths before, once all has been told, unless all has come to its end
OPENS_WITHIN_S = 120
FINISHES_WITHIN_S = 600
MINUTE_MS = 60_000


class Torture:
    """`events` for `users`; a death every `kill_every_s`; quiet hours end `quiet_s` after the start."""

    def __init__(
        self, directory: Path, seed: int, say: Callable[[str], None], *, events: int, users: int, kill_every_s: float,
        quiet_s: int,
    ) -> None:  # fmt: skip
        self.directory, self.seed, self._say = directory, seed, say
        self.events, self.users, self._kill_every_s, self._quiet_s = events, users, kill_every_s, quiet_s
        self._chance = random.Random(seed)
        self.wrong: list[str] = []
        self.lives = 0
        self._kills = 0
        self._told = self._finished = False

    def run(self) -> dict[str, int]:
        """Until everything has come to its end; then judge. What was wrong is in `wrong`."""
        return asyncio.run(self._run())

    async def _run(self) -> dict[str, int]:
        outside = receivers(KEYED, self.seed)
        now_ms = time.time_ns() // 1_000_000
        self._quiet_until_ms = now_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS
        self._base_ms = self._quiet_until_ms - self._quiet_s * 1_000 - now_ms
        started = time.monotonic()
        with (self.directory / "driver.err").open("wb") as self._errors, _closed() as self._closed_port:
            self._ports = {name: await receiver.listen() for name, receiver in outside.items()}
            most = self.events  # lives
            while self.lives < most and not self._finished and not self.wrong:
                await self._life(deadly=True)
                if self._told and most == self.events:
                    most = self.lives + max(2, round(self.lives * DEATHS_AFTER))
                if self.lives % 10 == 0:
                    arrived = sum(len(receiver.arrivals) for receiver in outside.values())
                    self._say(f"{self.lives} lives, {arrived:,} requests, {time.monotonic() - started:.0f} s")
            await self._life(deadly=False)
            for receiver in outside.values():
                await receiver.close()
        self._say(f"{self.lives} lives, {time.monotonic() - started:.0f} s; the judge reads")
        judge = Judge(self.directory, outside, self.seed, self.users)
        seconds = int(time.monotonic() - started)
        numbers = {"kills": self._kills, "seconds": seconds, **await judge.judge(self.events)}
        self.wrong += judge.wrong
        return numbers

    async def _life(self, *, deadly: bool) -> None:
        process = await self._driver(deadly)
        try:
            async with asyncio.timeout(OPENS_WITHIN_S):
                await self._hears(process, "open")
            async with asyncio.timeout(self._kill_every_s if deadly else FINISHES_WITHIN_S):
                self._told |= await self._hears(process, "told")
                self._finished |= await self._hears(process, "finished")
                await process.wait()
        except TimeoutError:
            if not deadly:
                self.wrong.append(f"not at an end after {FINISHES_WITHIN_S} s; see driver.err")
        if deadly and process.returncode is None:
            process.send_signal(signal.SIGKILL)
        status = await process.wait()
        self._kills += status == -signal.SIGKILL
        if status != (0 if self._finished else -signal.SIGKILL) or not (deadly or self._finished):
            self.wrong.append(f"life {self.lives} ended by itself, status {status}; see driver.err")

    async def _hears(self, process: Process, what: str) -> bool:
        """False if it ended instead, at its commit or of something else, which its status tells."""
        assert process.stdout is not None
        return await process.stdout.readline() == f"{what}\n".encode()

    async def _driver(self, deadly: bool) -> Process:
        self.lives += 1
        sampled = deadly and self._chance.random() < SAMPLED
        orders = Orders(
            directory=str(self.directory), seed=self.seed, life=self.lives, events=self.events, users=self.users,
            ports=self._ports, closed_port=self._closed_port, quiet_until_ms=self._quiet_until_ms,
            shift_ms=self._base_ms + self._chance.randint(-STEP_MS, STEP_MS),
            die_at=self._chance.randint(1, SAMPLED_COMMITS) if sampled else 0, die_before=self._chance.random() < 0.5,
        )  # fmt: skip
        command = (sys.executable, "-m", "tests.torture.notifications.driver", msgspec.json.encode(orders).decode())
        return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=self._errors)


class _closed:
    """A port on which nobody listens, kept so."""

    def __enter__(self) -> int:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        port: int = self._socket.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._socket.close()
