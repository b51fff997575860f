"""Every benchmark runs, in miniature, and says what it found in one shape. How fast it was is not asked here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.__main__ import NAMES, table
from bench.figure import Figure
from bench.invoices import write_invoices
from sagamore.replay import make_plan, read_rows

ROOT = Path(__file__).parents[2]
SCALE = "0.001"
TIMEOUT_S = 120
FIGURES = {
    "orders": ["orders confirmed", "share of the floor", "row writes", "bytes on disk"],
    "latency": ["one order alone, p50"],
    "turns": ["durable turns of one actor"],
    "recovery": ["start with 500 unfinished orders"],
    "memory": ["memory with 5,000 pending effects"],
    "growth": ["rate with 500 stored orders"],
    "replay": ["made-up orders through replay"],
    "events": ["events accepted"],
    "deliveries": ["deliveries", "deliveries through a provider of 50 ms"],
    "http_deliveries": ["deliveries over HTTP"],
    "queued": ["memory with 5,000 queued deliveries"],
    "broadcast": ["a broadcast to 5,000, first delivery", "a broadcast to 5,000, memory"],
    "bulk": ["transactional p99 while 2,000 bulk messages wait"],
    "hanging": ["e-mail's p99 while push hangs"],
}


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "SAGAMORE_DATA"}
    return subprocess.run(
        [sys.executable, "-m", "bench", "--scale", SCALE, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done() -> "subprocess.CompletedProcess[str]":
    """All of them, once."""
    return bench("--json")


@pytest.fixture(scope="module")
def told(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """What they said, an object a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_benchmark_runs_and_tells_its_figures_in_order(told: list[dict[str, Any]]) -> None:
    assert tuple(FIGURES) == NAMES
    assert [figure["name"] for figure in told] == [name for names in FIGURES.values() for name in names]
    assert {type(figure["value"]) for figure in told} == {float}
    assert all(figure["value"] >= 0 for figure in told if figure["unit"] != "MB more")


def test_a_figure_is_one_object_of_the_same_fields(told: list[dict[str, Any]]) -> None:
    for figure in told:
        assert {"name", "value", "unit", "floor", "ratio", "must", "aim", "met"} <= figure.keys()
        assert (figure["ratio"] is None) == (figure["floor"] is None)
        assert figure["met"] in (("aim", "must", "missed") if figure["must"] is not None else ("",))


def test_the_exit_status_says_whether_a_figure_was_missed(
    done: "subprocess.CompletedProcess[str]", told: list[dict[str, Any]]
) -> None:
    assert done.returncode == int(any(figure["met"] == "missed" for figure in told))


def test_progress_is_told_beside_the_figures(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.stderr.splitlines() == [f"[{n}/{len(NAMES)}] {name} …" for n, name in enumerate(NAMES, 1)]


def test_the_table_has_a_row_for_each_figure(told: list[dict[str, Any]]) -> None:
    rows = table([msgspec.convert(figure, Figure) for figure in told]).splitlines()
    assert "cores" in rows[0] and "SQLite" in rows[0]
    assert rows[2] == "| figure | value | floor | ratio | must | aim | met |"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[4:]] == [figure["name"] for figure in told]
    assert {row.count("|") for row in rows[2:]} == {8}


@pytest.mark.parametrize(
    ("better", "value", "met"),
    [
        ("more", 9.9, "missed"), ("more", 10, "must"), ("more", 19.9, "must"), ("more", 20, "aim"),
        ("more", float("nan"), "missed"), ("less", 20.1, "missed"), ("less", 20, "must"), ("less", 10, "aim"),
    ],
)  # fmt: skip
def test_a_target_is_met_by_reaching_it(better: Any, value: float, met: str) -> None:
    must, aim = (10.0, 20.0) if better == "more" else (20.0, 10.0)
    assert Figure("rate", value, "1/s", must, aim, better).met == met


def test_replay_refuses_to_measure_another_file_than_the_one_that_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "replay", "--here"],
        cwd=ROOT, env=os.environ | {"SAGAMORE_DATA": str(ROOT / "no such.csv")}, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode != 0 and done.stdout == ""
    assert "no such.csv" in done.stderr


def test_the_made_up_invoices_have_the_shape_of_the_real_ones(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv"):
        write_invoices(tmp_path / name)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    with (tmp_path / "one.csv").open(newline="", encoding="utf-8") as file:
        plan = make_plan(read_rows(file))
    assert plan.file.broken.count == plan.file.left_out.count == 0
    assert 400 <= plan.file.sales <= 440
    assert 20 <= plan.file.sale_lines / plan.file.sales <= 25
    assert sorted(plan.file.charges) == ["C2", "D", "DOT", "M", "POST"]
    assert {type(step).__name__ for step in plan.steps} == {"Sale", "Cancellation", "Adjustment"}
