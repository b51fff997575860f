"""A limit that is none is refused when the record is made, and named."""

import re
from typing import Any

import pytest

from sagamore.engine.errors import InvalidInput
from sagamore.engine.limits import Limits


@pytest.mark.parametrize("field", Limits.__struct_fields__)
@pytest.mark.parametrize("value", [0, -1, 1.5, "9", None, True], ids=repr)
def test_a_limit_is_a_whole_number_of_at_least_one(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"{field} is {value!r}")):
        Limits(**{field: value})


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("batch_messages_max", 2_000, "at most mailbox_messages_max"),
        ("checkpoint_wal_bytes", 1 << 30, "less than wal_bytes_alert"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(field: str, value: Any, right: str) -> None:
    with pytest.raises(InvalidInput, match=f"{field} .*{right}"):
        Limits(**{field: value})
