"""The event loop and the process that an engine belongs to; from anywhere else its futures and files would go wrong."""

import asyncio
import os

from sagamore.engine.errors import WrongLoop

_forks = 0  # of this process's ancestors since the module was imported: cheaper to ask than the process id


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - os.register_at_fork knows no other way
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)


class Home:
    """The running loop, in this process."""

    def __init__(self) -> None:
        self.loop, self._forks = asyncio.get_running_loop(), _forks

    def check(self) -> None:
        """Raises WrongLoop to a caller from elsewhere."""
        if asyncio.get_running_loop() is not self.loop or _forks != self._forks:
            raise WrongLoop("the engine belongs to the event loop and process that opened it; open it where it is used")
