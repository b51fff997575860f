"""The kill matrix outside: a shop in a process of its own, against a provider in another, and SIGKILL.

Most deaths come at a random instant (some of them while the shop is still opening), the others at a sampled commit.
Every life goes on in the directory that the last one left. The last life brings all to an end and stops cleanly; then
`judge.py` holds the clients' ledger, the files and the provider's books against each other.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.judge import judge

SAMPLED = 0.3  # of the deaths; the others are random
OPENING = 0.1  # of the random ones come before the shop is open
LIFE_S = 0.9
OPENS_WITHIN_S = 60
SAMPLED_COMMITS = 300
FINISHES_WITHIN_S = 240
FAULTS = {
    "lost_answer": 0.12, "error_before": 0.01, "error_after": 0.03, "error_read": 0.02,
    "refuse": 0.06, "action": 0.06, "pending": 0.03, "settles_after_ms": 200,
    "refuse_capture": 0.03, "refuse_refund": 0.04, "refund_fails_later": 0.05, "refund_fails_after_ms": 300,
    "slow": 0.04, "slow_ms": 1_200, "latency_ms": 3, "throttle": 0.02, "retry_after_ms": 50,
}  # fmt: skip
"""`slow` is slower than a call's timeout: the next attempt meets 409, the answer arrives nowhere."""


class Torture:
    """Kills one shop again and again."""

    def __init__(self, directory: Path, seed: int, say: Callable[[str], None]) -> None:
        self.directory, self.seed, self._say = directory, seed, say
        self._chance = random.Random(seed)
        self._errors = (directory / "driver.err").open("wb")
        self.wrong: list[str] = []
        self.lives = 0

    def run(self, kills: int, seconds: float | None = None) -> dict[str, int]:
        """Kill so often, or as long; then judge. What was wrong is in `wrong`; the numbers of what was done."""
        started = time.monotonic()
        with self._errors, _Twin(self.directory, self.seed) as url:
            for n in range(1, kills + 1):
                self._life(url)
                if n % 10 == 0 or n == kills:
                    self._say(f"{n} of {kills} kills, {time.monotonic() - started:.0f} s")
                if self.wrong or (seconds is not None and time.monotonic() - started > seconds):
                    break
            self._say(f"{self.lives} lives; everything comes to its end now")
            self._finish(url)
            numbers, wrong = judge(self.directory, url)
        self.wrong += wrong
        return {"kills": self.lives - 1, **numbers}

    def _life(self, url: str) -> None:
        sampled = self._chance.random() < SAMPLED
        arguments = []
        if sampled:
            at, death = self._chance.randint(1, SAMPLED_COMMITS), self._chance.choice(("before", "after"))
            arguments = ["--die-at", f"{at}", "--death", death]
        with self._driver(url, *arguments) as process:
            assert process.stdout is not None
            if not sampled and self._chance.random() < OPENING:
                time.sleep(self._chance.random() * LIFE_S)
            else:
                watchdog = time.monotonic() + OPENS_WITHIN_S
                line = process.stdout.readline()
                if not line and process.wait() != -signal.SIGKILL:
                    self.wrong.append(f"life {self.lives} died by itself, status {process.returncode}; see driver.err")
                if time.monotonic() > watchdog:
                    self.wrong.append(f"life {self.lives} took more than {OPENS_WITHIN_S} s to open")
                wait_s = OPENS_WITHIN_S if sampled else self._chance.random() * LIFE_S
                try:
                    process.wait(wait_s)
                except subprocess.TimeoutExpired:
                    pass
            process.send_signal(signal.SIGKILL)
            if process.wait() != -signal.SIGKILL:
                self.wrong.append(f"life {self.lives} ended by itself, status {process.returncode}; see driver.err")

    def _finish(self, url: str) -> None:
        with self._driver(url, "--finish") as process:
            try:
                output, _ = process.communicate(timeout=FINISHES_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                self.wrong.append(f"not at an end after {FINISHES_WITHIN_S} s; see driver.err")
        if process.returncode or b"finished" not in output:
            self.wrong.append(f"the last life did not finish, status {process.returncode}; see driver.err")

    def _driver(self, url: str, *arguments: str) -> subprocess.Popen[bytes]:
        self.lives += 1
        command = [
            sys.executable, "-m", "tests.torture.driver", "--dir", str(self.directory), "--twin", url,
            "--seed", f"{self.seed}", "--life", f"{self.lives}", *arguments,
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, env=os.environ)


class _Twin:
    """The provider's process; gives its URL."""

    def __init__(self, directory: Path, seed: int) -> None:
        self._arguments = ["--dir", str(directory / "twin"), "--faults", json.dumps({**FAULTS, "seed": seed})]

    def __enter__(self) -> str:
        command = [sys.executable, "-m", "sagamore.twin", *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        port = json.loads(self._process.stdout.readline())["port"]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.terminate()
