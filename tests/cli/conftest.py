"""What the tests of the command line share: one directory, commands called in this process, and a shop that is served
by another."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sagamore.__main__ import main

ROOT = Path(__file__).parents[2]
WAIT_S = 20
PLACE = ("--user", "ann", "--line", "MUG:2:12.50", "--charge", "shipping:3", "--currency", "GBP", "--method", "pm_card")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one object."""
        assert self.status == 0 or self.out, self.err
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its objects, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Done]
Serve = Callable[..., AbstractContextManager["subprocess.Popen[str]"]]


def process(directory: Path, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
    """A command in a process of its own."""
    environment = os.environ | {"SAGAMORE_DIR": str(directory), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "sagamore", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options,
    )  # fmt: skip


def finish(running: "subprocess.Popen[str]") -> Done:
    """What became of it."""
    with running:
        try:
            out, err = running.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
    return Done(running.returncode, out, err)


@pytest.fixture
def shop_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not made yet; commands use it by default."""
    directory = tmp_path / "shop"
    monkeypatch.setenv("SAGAMORE_DIR", str(directory))
    return directory


@pytest.fixture
def command(shop_dir: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        status = main(arguments)
        return Done(status, *capsys.readouterr())

    return run


@pytest.fixture
def stocked(command: Command) -> Command:
    """A stopped shop with ten mugs."""
    assert command("stock", "receive", "MUG", "10", "--reason", "first").status == 0
    return command


@pytest.fixture
def serve(shop_dir: Path) -> Serve:
    """Run the shop in another process until the block ends."""

    @contextmanager
    def serving(*arguments: str, directory: Path = shop_dir) -> Iterator["subprocess.Popen[str]"]:
        running = process(directory, "serve", "--json", *arguments)
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line, running.communicate(timeout=WAIT_S)[1]
            assert json.loads(line)["pid"] == running.pid
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            done = finish(running)
        assert (done.status, done.err) == (0, "")

    return serving


@pytest.fixture
def placed(stocked: Command) -> str:
    """The id of a confirmed order of two mugs, in a stopped shop."""
    order = stocked("orders", "place", *PLACE, "--reference", "#1001", "--payments", "simulated", "--json").json
    assert order["status"] == "CONFIRMED"
    return str(order["id"])
