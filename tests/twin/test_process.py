"""The twin as a process: how it starts, stops, is killed, and what it imports."""

import ast
import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import sagamore.twin
from tests.twin.client import Client, client_of


@asynccontextmanager
async def _started(directory: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A twin process; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sagamore.twin", "--dir", str(directory), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def _process(directory: Path, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A twin process that is ready, and its URL."""
    async with _started(directory, *arguments) as process:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        assert ready["pid"] == process.pid
        yield process, f"http://127.0.0.1:{ready['port']}"


async def _ended(directory: Path, *arguments: str) -> tuple[int | None, str, str]:
    """Exit status, output and errors of a twin process that ends by itself."""
    async with _started(directory, *arguments) as process:
        output, errors = await asyncio.wait_for(process.communicate(), 20)
        return process.returncode, output.decode(), errors.decode()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_cleanly_on_a_signal(tmp_path: Path, name: signal.Signals) -> None:
    async with _process(tmp_path, "--faults", '{"latency_ms": 1}') as (process, url), client_of(url) as client:
        assert (await client.pay()).status == 200
        assert (await client.get("/v1/faults"))["latency_ms"] == 1
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.pay("pm_lost")
        process.send_signal(name)
        output, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, output, errors) == (0, b"", b"")


async def test_killed_in_the_middle_it_keeps_every_answer_it_gave(tmp_path: Path) -> None:
    answers: dict[str, bytes] = {}

    async def pay_for_ever(client: Client, worker: int, enough: asyncio.Event) -> None:
        for number in range(1_000_000):
            key = f"{worker}-{number}"
            try:
                answers[key] = (await client.pay(key=key, reference=key)).raw
            except aiohttp.ClientError:
                return
            if number == 50:
                enough.set()

    for round_ in range(3):
        async with _process(tmp_path) as (process, url), client_of(url) as client:
            enough = asyncio.Event()
            workers = [asyncio.create_task(pay_for_ever(client, 10 * round_ + worker, enough)) for worker in range(4)]
            await asyncio.wait_for(enough.wait(), 20)
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.gather(*workers)
    async with _process(tmp_path) as (_, url), client_of(url) as client:
        for key, raw in answers.items():
            again = await client.pay(key=key, reference=key)
            assert (again.raw, again.replayed) == (raw, True), key
        assert await client.rules_broken() == []


async def test_it_takes_the_lifetime_of_keys_and_fsync_as_options(tmp_path: Path) -> None:
    async with _process(tmp_path, "--fsync", "--key-ttl-s", "0.001") as (_, url), client_of(url) as client:
        assert not (await client.pay(key="k")).replayed
        async with asyncio.timeout(5):
            while (await client.get("/v1/statistics"))["keys"]:
                pass
        assert not (await client.pay(key="k")).replayed


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the limit of another process is set on Linux only")
async def test_after_a_failed_write_nothing_is_answered_until_a_restart(tmp_path: Path) -> None:
    async with _process(tmp_path) as (process, url), client_of(url) as client:
        assert (await client.pay(key="whole")).status == 200
        bytes_max = (tmp_path / "twin.jsonl").stat().st_size + 10
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
        assert (await client.pay(key="torn", reference="ORD-2")).status == 500
        assert (await client.get("/v1/payments?reference=ORD-2")).status == 500
        assert (await client.get("/v1/payments?reference=ORD-1")).status == 500
        assert (await client.pay(key="torn", reference="ORD-2")).status == 500
    async with _process(tmp_path) as (_, url), client_of(url) as client:
        assert await client.payments("ORD-2") == []
        assert (await client.pay(key="whole")).replayed
        assert not (await client.pay(key="torn", reference="ORD-2")).replayed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 is not a loopback address"),
        (["--host", "example.com"], "example.com is not a loopback address"),
        (["--faults", '{"lost_answer": 2}'], "lost_answer"),
        (["--faults", "{"], "truncated"),
    ],
)
async def test_an_argument_that_will_not_do_is_named(tmp_path: Path, arguments: list[str], says: str) -> None:
    returncode, output, errors = await _ended(tmp_path / "new", *arguments)
    assert (returncode, output) == (2, ""), errors
    assert says in errors
    assert not (tmp_path / "new").exists()


async def test_a_directory_in_use_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    async with _process(tmp_path):
        returncode, _, errors = await _ended(tmp_path)
    assert returncode == 2
    assert errors.startswith("sagamore twin: ")
    assert "written by another twin" in errors


def test_it_shares_no_code_with_what_it_judges() -> None:
    allowed = sys.stdlib_module_names | {"aiohttp", "msgspec"}
    for path in Path(sagamore.twin.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name == "sagamore.twin" or name.startswith("sagamore.twin.")
                assert ours or name.split(".")[0] in allowed, f"{path.name} imports {name}"
