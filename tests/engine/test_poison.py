"""A message that kills the process is found across deaths and set aside; real processes, really killed (PROTOCOL 6)."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROCESS_SECONDS_MAX = 15


def run(path: Path, how: str, where: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.engine.poison_process", str(path), how, where],
        capture_output=True, text=True, timeout=PROCESS_SECONDS_MAX, check=False,
    )  # fmt: skip


def said(process: "subprocess.CompletedProcess[str]") -> Any:
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_a06_at_the_third_death_the_message_becomes_a_letter_and_its_neighbours_are_taken(tmp_path: Path) -> None:
    for _ in range(3):
        assert run(tmp_path / "shop", "kill", "message").returncode == -signal.SIGKILL
    end = said(run(tmp_path / "shop", "kill", "message"))
    assert end["ns"] == [12, 14]
    assert len(end["letters"]) == 1


@pytest.mark.parametrize("how", ["entity", "upcast"])
def test_a06_a_message_that_kills_before_its_turn_is_found_too(tmp_path: Path, how: str) -> None:
    assert run(tmp_path / "shop", "commit", "message").returncode == -signal.SIGKILL  # it is on disk
    for _ in range(3):
        assert run(tmp_path / "shop", how, "message").returncode == -signal.SIGKILL
    end = said(run(tmp_path / "shop", how, "message"))
    assert end["ns"] == [12, 14]
    assert len(end["letters"]) == 1


def test_a06_a_command_that_killed_three_times_is_refused(tmp_path: Path) -> None:
    for _ in range(3):
        assert run(tmp_path / "shop", "exit", "command").returncode == 3
    end = said(run(tmp_path / "shop", "exit", "command"))
    assert end["said"].startswith("refused the process died 3 times")
    assert end["ns"] == []


def test_a06_a_death_in_a_commit_accuses_nobody(tmp_path: Path) -> None:
    for _ in range(4):
        assert run(tmp_path / "shop", "commit", "message").returncode == -signal.SIGKILL
    end = said(run(tmp_path / "shop", "well", "message"))
    assert (end["ns"], end["letters"]) == ([12, 13, 14], [])


def test_a06_a_death_in_an_idle_moment_does_not_accuse_again_whom_an_earlier_one_accused(tmp_path: Path) -> None:
    assert run(tmp_path / "shop", "kill", "command").returncode == -signal.SIGKILL
    for _ in range(3):
        assert run(tmp_path / "shop", "idle", "command").returncode == -signal.SIGKILL
    end = said(run(tmp_path / "shop", "well", "command"))
    assert (end["ns"], end["said"]) == ([13], "")
