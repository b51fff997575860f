"""With the rules as they are, every interleaving of every small world keeps every promise."""

from typing import Any

import pytest

from tests.protocol.explore import Model, explore
from tests.protocol.worlds import models

STATES_MAX = 100_000


@pytest.mark.parametrize("model", [pytest.param(model, id=name) for name, model in models().items()])
def test_every_promise_is_kept_and_every_state_was_seen(model: Model[Any]) -> None:
    report = explore(model, STATES_MAX)
    assert not report.broken, report
    assert report.exhausted, f"more than {STATES_MAX} states"
