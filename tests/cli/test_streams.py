"""Standard streams as they come: closed, or in an encoding that has not every character."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PLACE, ROOT, WAIT_S, Command

MUG = "MÜG→😀"


def shell(shop_dir: Path, command: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """A command line as a shell runs it; `sagamore` in it is ours."""
    return subprocess.run(
        ["sh", "-c", command.replace("sagamore", f"exec {sys.executable} -m sagamore")],
        env=os.environ | {"SAGAMORE_DIR": str(shop_dir)} | environment, cwd=ROOT, capture_output=True, check=False,
        timeout=WAIT_S,
    )  # fmt: skip


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_error(stocked: Command, shop_dir: Path, closed: str) -> None:
    done = shell(shop_dir, f"sagamore stock adjust MUG -1 --reason broken {closed}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert stocked("stock", "show", "MUG", "--json").json["onHand"] == 9


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_is_json_in_every_encoding_of_the_terminal(stocked: Command, shop_dir: Path, encoding: str) -> None:
    stocked("stock", "receive", MUG, "1", "--reason", "first")
    done = shell(shop_dir, f"sagamore stock show {MUG} --json", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding))["productId"] == MUG


def test_a_story_can_be_read_on_a_terminal_without_arrows(stocked: Command, shop_dir: Path, placed: str) -> None:
    done = shell(shop_dir, f"sagamore trace {placed}", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"NEW \u2192 PAYING" in done.stdout


def test_what_the_event_loop_complains_of_is_a_line_without_a_traceback(
    stocked: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "host_that_loses.py").write_text(
        "import asyncio\n"
        "from sagamore import Sagamore\n"
        "def shop(path):\n"
        "    lost = {'message': 'something\\nwas lost', 'exception': ValueError('here')}\n"
        "    asyncio.get_running_loop().call_exception_handler(lost)\n"
        "    return Sagamore.open(path)\n"
    )
    monkeypatch.chdir(tmp_path)
    done = stocked("orders", "place", *PLACE, "--app", "host_that_loses:shop")
    assert (done.status, done.err) == (0, "sagamore: something\\nwas lost: ValueError: here\n")
