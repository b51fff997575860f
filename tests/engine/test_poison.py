"""A message that kills the process is found across deaths and set aside; real processes, really killed (PROTOCOL 6)."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagamore.engine.actor import Actor
from tests.engine.actors import Book, Note, Page
from tests.engine.world import World

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


@pytest.mark.parametrize("where", ["command", "read"])
def test_a06_a_stored_state_that_kills_costs_its_entity_until_a_release_raises_its_version(
    tmp_path: Path, where: str
) -> None:
    shop = tmp_path / "shop"
    said(run(shop, "well", "command"))
    for _ in range(3):
        assert run(shop, "state", where).returncode == -signal.SIGKILL
    end = said(run(shop, "state", "read"))
    assert end["said"].startswith("entity_damaged book/0 a: the stored state cannot be decoded")
    assert "the process died 3 times" in end["said"]
    assert (end["ns"], end["letters"]) == ([1] * (4 if where == "read" else 1), [])
    assert said(run(shop, "raised", "command"))["ns"] == [13]


async def test_a06_the_upcast_of_a_kept_answer_runs_under_the_name_of_its_command(world: World) -> None:
    class LaterPage(Page, tag="test.page", version=2):
        @classmethod
        def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
            named.append(world.engine._slot.read())
            return fields

    class LaterBook(Book, Actor[LaterPage, Note], kind="book"):
        pass

    named: list[tuple[str, str] | None] = []
    await world.start(Book())
    await world.engine.ask("book", Note("a", 1), key="k", scope="web")
    await world.stop()
    await world.start(LaterBook())
    await world.engine.ask("book", Note("a", 1), key="k", scope="web")
    assert [name for _, name in filter(None, named)] == ["state\x1f\x1fa\x1ftest.page/2", "web\x1fk"]
    assert world.engine._slot.read() is None
