"""The demo's child processes. Each has a session of its own, so that Ctrl-C in a terminal reaches the parent alone, and
ends when its standard input does: on purpose, or because the parent is gone."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from sagamore.engine.errors import SagamoreError

STOPS_WITHIN_S = 15  # a clean stop waits for calls under way; the slowest takes some seconds
STARTS_WITHIN_S = 30


class ProcessFailed(SagamoreError):
    """A process of the demo ended by itself, or is not ready in time."""

    code = "process_failed"


class Process:
    """A running child; `log` takes its standard error."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self.pid, self._process, self._log = name, process.pid, process, log

    def write(self, line: bytes) -> None:
        """To its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line)

    async def read(self) -> bytes:
        """A line of its standard output; empty at its end."""
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    async def first_line(self) -> bytes:
        """What it says when it is ready. Raises ProcessFailed."""
        try:
            line = await asyncio.wait_for(self.read(), STARTS_WITHIN_S)
        except TimeoutError:
            raise ProcessFailed(f"the {self.name} is not ready after {STARTS_WITHIN_S} s; see {self._log}") from None
        if not line:
            await self.fail()
        return line

    async def kill(self) -> None:
        """SIGKILL. Raises ProcessFailed if it had ended before."""
        if self._process.returncode is None:
            self._process.kill()
        if await self._process.wait() != -signal.SIGKILL:
            await self.fail()

    async def stop(self) -> None:
        """Let it end. Raises ProcessFailed if it does not end well."""
        await self.end()
        if self._process.returncode != 0:
            await self.fail()

    async def end(self) -> None:
        """The same, if it still runs, whatever comes of it; SIGKILL if it takes too long."""
        if self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOPS_WITHIN_S)
        except TimeoutError:
            pass
        finally:
            if self._process.returncode is None:
                self._process.kill()
        await self._process.wait()

    async def fail(self) -> NoReturn:
        """It has ended, and should not have. Raises ProcessFailed, with what it said last."""
        status = await self._process.wait()
        *_, said = ["it said nothing", *self._log.read_text(errors="replace").splitlines()]
        raise ProcessFailed(f"the {self.name}'s process ended with status {status}: {said}; see {self._log}")


@asynccontextmanager
async def running(name: str, log: Path, module: str, *arguments: str) -> AsyncIterator[Process]:
    """`python -m module …`, until the block ends."""
    with log.open("ab") as errors:
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    process = Process(name, started, log)
    try:
        yield process
    finally:
        await process.end()
