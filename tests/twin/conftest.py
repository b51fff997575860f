"""A fresh twin, its client and its clock."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.twin.client import Client, ManualClock, twin_in


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def client(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Client]:
    async with twin_in(tmp_path, clock) as client:
        yield client
