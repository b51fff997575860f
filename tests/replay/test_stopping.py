"""A replay that is told to stop in the middle."""

import signal
from pathlib import Path

import pytest

from sagamore.__main__ import main
from tests.cli.conftest import finish, process
from tests.replay.kit import HEADING, row

NOBODY = "http://127.0.0.1:9"  # orders are placed and never paid


@pytest.mark.parametrize(("told", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_replay_that_is_told_to_stop_leaves_no_directory_behind_and_says_nothing_of_a_bug(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    told: signal.Signals,
    status: int,
) -> None:
    file, temporary = tmp_path / "sales.csv", tmp_path / "temporary"
    file.write_text("\n".join((HEADING, row("1", "85123A", 6), *(row(f"C{n}", "85123A", -1) for n in range(2, 5)))))
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    replay = process(tmp_path, "replay", str(file), "--payments", NOBODY)
    while not _placed(temporary, capsys):
        assert replay.poll() is None
    replay.send_signal(told)
    done = finish(replay)
    assert (done.status, done.out) == (status, "")
    assert "bug" not in done.err and "Traceback" not in done.err
    assert list(temporary.iterdir()) == []


def _placed(temporary: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    for directory in temporary.iterdir():
        main(["orders", "list", "--dir", str(directory)])
    return "ord_" in capsys.readouterr().out
