"""What the tests of the twin share: a client that speaks its wire, a clock set by hand, a twin in a directory."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from sagamore.twin import FaultSettings, running_twin

DAY_MS = 86_400_000
_NUMBERS = itertools.count(1)  # keys are new in every client: a directory outlives them


class ManualClock:
    """Time in ms that stands still until it is set."""

    def __init__(self) -> None:
        self.ms = 1_767_225_600_000  # 2026-01-01T00:00:00Z

    def __call__(self) -> int:
        return self.ms


@dataclass(frozen=True)
class Reply:
    """An answer; `raw` as it came, `replayed` by the header."""

    status: int
    raw: bytes
    replayed: bool
    retry_after: str | None

    def __getitem__(self, name: str) -> Any:
        return json.loads(self.raw)[name]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Client:
    """A merchant; without an explicit key each POST takes a fresh one."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.url = url
        self._session = session

    async def send(self, method: str, path: str, data: bytes | None, key: str | None = None) -> Reply:
        headers = {} if key is None else {"Idempotency-Key": key}
        async with self._session.request(method, self.url + path, data=data, headers=headers) as response:
            raw = await response.read()
            return Reply(
                response.status,
                raw,
                response.headers.get("Idempotent-Replayed") == "true",
                response.headers.get("Retry-After"),
            )

    async def get(self, path: str) -> Reply:
        return await self.send("GET", path, None)

    async def post(self, path: str, body: object, key: str | None = None) -> Reply:
        return await self.send("POST", path, json.dumps(body).encode(), key or f"key-{next(_NUMBERS)}")

    async def pay(self, method: str = "pm_ok", key: str | None = None, **changes: Any) -> Reply:
        body = {"reference": "ORD-1", "amount": 1000, "currency": "GBP", "method": method, "capture": True}
        return await self.post("/v1/payments", body | changes, key)

    async def authorise(self, **changes: Any) -> str:
        return str((await self.pay(capture=False, **changes))["id"])

    async def operate(self, payment: str, operation: str, key: str | None = None, **body: object) -> Reply:
        return await self.post(f"/v1/payments/{payment}/{operation}", body, key)

    async def payments(self, reference: str = "ORD-1") -> list[Any]:
        payments: list[Any] = (await self.get(f"/v1/payments?reference={reference}"))["payments"]
        return payments

    async def events(self, after: int = 0) -> list[Any]:
        events: list[Any] = (await self.get(f"/v1/events?after={after}"))["events"]
        return events

    async def until_under_way(self) -> None:
        """Come back when a request is being executed."""
        async with asyncio.timeout(5):
            while (await self.get("/v1/statistics"))["under_way"] == 0:
                pass

    async def set_faults(self, **settings: object) -> Reply:
        return await self.send("PUT", "/v1/faults", json.dumps(settings).encode())

    async def account(self, reference: str = "ORD-1") -> Any:
        return (await self.get("/v1/ledger?details=1"))["references"][reference]

    async def rules_broken(self) -> list[tuple[str, str]]:
        violations = (await self.get("/v1/ledger/violations"))["violations"]
        return [(violation["reference"], violation["rule"]) for violation in violations]


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    """A client with connections of its own."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        yield Client(session, url)


@asynccontextmanager
async def twin_in(directory: Path, clock: ManualClock, **faults: Any) -> AsyncIterator[Client]:
    """A twin that lives as long as the block."""
    async with running_twin(directory, faults=FaultSettings(**faults), now_ms=clock) as url, client_of(url) as client:
        yield client
