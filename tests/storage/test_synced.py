"""Accepted means durable: what is answered was synced before. SIGKILL cannot show that, because the page cache survives
it; so the system calls of a real process are read, in their order, with strace."""

import re
from pathlib import Path

import pytest

from sagamore.storage import partition_file
from tests.storage.children import WAIT_S, child, runs

STRACE = ("strace", "-f", "-y", "-s", "64", "-e", "trace=write,fsync,fdatasync,rename,renameat,renameat2")


@pytest.fixture(scope="session")
def strace() -> None:
    if not runs("strace", "-qq", "true"):
        pytest.skip("strace is not installed, or may not trace here")


def completed_calls(log: str) -> list[str]:
    """The calls in the order in which they returned, one line each; a call that another thread interrupted is put
    together again."""
    begun: dict[str, str] = {}
    calls = []
    for line in log.splitlines():
        pid, _, call = line.partition(" ")
        if " <unfinished ...>" in call:
            begun[pid] = call.partition(" <unfinished ...>")[0].strip()
        elif "resumed>" in call:
            calls.append(begun.pop(pid) + call.partition("resumed>")[2])
        else:
            calls.append(call.strip())
    return calls


@pytest.mark.usefixtures("strace")
def test_every_commit_syncs_the_wal_before_it_answers(tmp_path: Path) -> None:
    database = tmp_path / "orders-0.sqlite"
    partition_file.make(database)
    with child("commit", database, 20, before=(*STRACE, "-o", str(tmp_path / "log"))) as process:
        assert process.wait(WAIT_S) == 0
    calls = completed_calls((tmp_path / "log").read_text())
    for turn in range(1, 21):
        (begin,) = [n for n, call in enumerate(calls) if f'"commit {turn}\\n"' in call]
        (end,) = [n for n, call in enumerate(calls) if f'"done {turn}\\n"' in call]
        synced = [call for call in calls[begin:end] if re.match(rf"f(data)?sync\(\d+<{database}-wal>\) += 0", call)]
        assert synced, f"commit {turn} was answered without a sync: {calls[begin:end]}"


@pytest.mark.usefixtures("strace")
def test_a_directory_is_made_in_the_order_that_a_power_cut_needs(tmp_path: Path) -> None:
    """Each file synced before it gets its name, the names before the manifest, the manifest last."""
    shop = tmp_path / "shop"
    with child("try_to_open", shop, before=(*STRACE, "-o", str(tmp_path / "log"))) as process:
        assert process.wait(WAIT_S) == 0
    calls = completed_calls((tmp_path / "log").read_text())

    def first(pattern: str) -> int:
        return next(n for n, call in enumerate(calls) if re.search(pattern, call))

    def last(pattern: str) -> int:
        return max(n for n, call in enumerate(calls) if re.search(pattern, call))

    order = [
        first(rf"fsync\(\d+<{tmp_path}>\) += 0"),
        first(rf"fsync\(\d+<{shop}/orders-0\.sqlite\.new>\) += 0"),
        first(rf'rename.*"{shop}/orders-0\.sqlite"'),
        first(rf"fsync\(\d+<{shop}>\) += 0"),
        first(rf"fsync\(\d+<{shop}/sagamore\.json\.new>\) += 0"),
        last(rf'rename.*"{shop}/sagamore\.json"'),
        last(rf"fsync\(\d+<{shop}>\) += 0"),
    ]
    assert order == sorted(order), [calls[n] for n in order]
    assert len(set(order)) == len(order)
