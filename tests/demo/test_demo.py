"""The demo, run small through real processes: what it says is so, and nothing of it is left running."""

import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).parents[2]
WAIT_S = 60
TROUBLE = ("BROKEN", "DIFFERENCE", "DIFFERENT", "WRONG", "Traceback")
needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")


def sagamore(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "sagamore", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@contextmanager
def demo(directory: Path, *arguments: str, seconds: str = "3") -> Iterator["subprocess.Popen[str]"]:
    with sagamore("demo", "--dir", str(directory), "--seconds", seconds, "--seed", "7", *arguments) as running:
        try:
            yield running
        finally:
            running.kill()


def read_until(lines: IO[str], pattern: str) -> re.Match[str]:
    """The first line that has it."""
    for line in lines:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"no line has {pattern}")


@contextmanager
def until_gone(*processes: int) -> Iterator[None]:
    """The processes have ended within a while after the block."""
    handles = [os.pidfd_open(process) for process in processes]
    try:
        yield
        for handle in handles:
            assert select.select([handle], [], [], WAIT_S)[0], "a process of the demo is left"
    finally:
        for handle in handles:
            os.close(handle)


def started(running: "subprocess.Popen[str]") -> tuple[int, int, str]:
    """The processes of provider and shop, and the provider's URL."""
    assert running.stdout is not None
    provider = read_until(running.stdout, r"provider is process (\d+), at (\S+)")
    shop = read_until(running.stdout, r"shop is process (\d+)")
    return int(provider[1]), int(shop[1]), provider[2]


def charge_again(url: str) -> str:
    """Charge a customer of the shop once more, behind its back."""
    references: dict[str, Any] = {}
    while not references:
        with urllib.request.urlopen(f"{url}/v1/ledger?details=1", timeout=WAIT_S) as ledger:
            references = {name: sums for name, sums in json.load(ledger)["references"].items() if sums["captured"]}
    order = next(iter(references))
    body = {"reference": order, "amount": 100, "currency": "GBP", "method": "pm_ok", "capture": True}
    headers = {"Idempotency-Key": "behind its back", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/payments", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        assert answer.status == 200
    return order


def test_the_facts_of_a_demo_agree_with_each_other_and_with_its_files(tmp_path: Path) -> None:
    with demo(tmp_path / "my demo", "--json") as running:
        out, err = running.communicate(timeout=WAIT_S)
    assert (running.returncode, err) == (0, "")
    facts = json.loads(out)
    assert facts["ok"] is True
    orders, kill, books = facts["orders"], facts["kill"], facts["books"]
    assert orders["confirmed"] > 0
    assert orders["placed"] == orders["confirmed"] + sum(orders["cancelled"].values())
    assert orders["placed"] == books["ordersCompared"] == books["ordersAccepted"]
    assert (books["differences"], books["violations"], books["brokenPromises"]) == ([], [], [])
    for totals in books["totals"]:
        assert totals["captured"] == totals["providerCaptured"] != "0.00"
        assert totals["refunded"] == totals["providerRefunded"]
    assert {totals["currency"] for totals in books["totals"]} == {"EUR", "GBP"}
    messages = facts["messages"]
    assert messages["wrong"] == []
    assert sum(messages["ended"].values()) == messages["deliveries"] >= 4 * orders["placed"]
    assert messages["ended"]["suppressed"] > 0
    assert messages["copies"] <= messages["uncertain"] > 0
    arrived = (tmp_path / "my demo" / "arrived.log").read_text().split()
    assert messages["arrived"] == len(set(arrived)) == len(arrived) - messages["copies"]
    assert kill["unansweredCharges"] == sum(fate["orders"] for fate in kill["became"]) > 0
    assert kill["unansweredRefunds"] == sum(fate["orders"] for fate in kill["refundsBecame"])
    assert facts["faults"]["lost_answer"] > 0
    assert all(law["ok"] for law in facts["audit"])
    assert len(facts["next"]) == 3
    assert facts["directory"] == str(tmp_path / "my demo")
    story = facts["story"]
    assert "PAYING" in story["lines"][0]
    assert sum("→ CONFIRMED" in line for line in story["lines"]) == 1
    assert "sent" in story["lines"][-1]
    assert any("killed" in line for line in story["lines"][1:-1])
    for command in facts["next"]:
        tried = subprocess.run(
            shlex.split(command), check=False, capture_output=True, text=True, cwd=ROOT, timeout=WAIT_S
        )
        assert (tried.returncode, tried.stderr) == (0, ""), command
        assert tried.stdout


def test_a_charge_that_the_shop_knows_nothing_of_is_told_and_is_exit_status_1(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        order = charge_again(started(running)[2])
        out, err = running.communicate(timeout=WAIT_S)
    assert (running.returncode, err) == (1, "")
    assert "BOOKS OR AUDIT DISAGREE" in out
    assert "DIFFERENT" in out
    assert re.search(f"{order}: our books have .* captured", out)
    assert f"{order}: double charge" in out


def test_a_pipe_gets_plain_lines_without_trouble(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        out, err = running.communicate(timeout=WAIT_S)
    assert (running.returncode, err) == (0, "")
    assert "\x1b" not in out
    assert not [word for word in TROUBLE if word in out]
    assert "agree: no order lost" in out


@needs_pidfd
@pytest.mark.parametrize(("told", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_told_to_stop_ends_all_processes_and_leaves_a_shop_that_was_stopped_cleanly(
    tmp_path: Path, told: signal.Signals, status: int
) -> None:
    with demo(tmp_path, seconds="600") as running:
        provider, shop, _ = started(running)
        with until_gone(provider, shop):
            running.send_signal(told)
            out, err = running.communicate(timeout=WAIT_S)
    assert (running.returncode, err) == (status, "")
    assert "Stopped before its end" in out
    assert ((tmp_path / "shop.log").read_text(), (tmp_path / "provider.log").read_text()) == ("", "")


@needs_pidfd
def test_when_the_demo_itself_is_killed_no_process_is_left(tmp_path: Path) -> None:
    with demo(tmp_path, seconds="600") as running:
        provider, shop, _ = started(running)
        with until_gone(provider, shop):
            running.kill()


@needs_pidfd
def test_a_shop_that_dies_by_itself_is_an_error_of_one_line_and_the_provider_ends(tmp_path: Path) -> None:
    with demo(tmp_path, seconds="600") as running:
        provider, shop, _ = started(running)
        with until_gone(provider):
            os.kill(shop, signal.SIGKILL)
            _, err = running.communicate(timeout=WAIT_S)
    assert running.returncode == 1
    assert re.fullmatch(r"sagamore: the shop's process ended with status -9.*\n", err)


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with demo(tmp_path) as running:
        _, err = running.communicate(timeout=WAIT_S)
    assert running.returncode == 2
    assert "an empty directory" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
