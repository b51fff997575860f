"""A terminal for tests: a command runs in it, and what a person sees of it is read."""

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

from tests.cli.conftest import ROOT, WAIT_S

ERASE_TO_END = "\x1b[K"


def seen(shop_dir: Path, columns: int, *arguments: str) -> list[str]:
    """The lines that stay, of standard output and standard error, once the command has ended."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (50, columns))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-m", "sagamore", *arguments], stdin=subprocess.DEVNULL, stdout=follower, stderr=follower,
        env=environment | {"SAGAMORE_DIR": str(shop_dir), "TERM": "xterm", "PYTHONPATH": str(ROOT)},
    ) as command:  # fmt: skip
        os.close(follower)
        written = b""
        while piece := _read(leader):
            written += piece
        command.wait(WAIT_S)
    os.close(leader)
    return [_stays(line) for line in written.decode().removesuffix("\r\n").split("\r\n")]


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux says so at the end
        return b""


def _stays(line: str) -> str:
    """Of a line that was drawn over from its beginning."""
    stays = ""
    for drawn in line.split("\r"):
        text, erases, _ = drawn.partition(ERASE_TO_END)
        stays = text if erases else text + stays[len(text) :]
    return stays
