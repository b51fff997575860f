"""The slot keeps its name for the next process, whole: a death is counted under it, and looked for under it."""

from pathlib import Path

import pytest

from sagamore.storage.slot import FileSlot

LONGEST = "\N{GRINNING FACE}" * 255


@pytest.mark.parametrize("message", ["orders/0:12.3", "a b", "ann\x1fkey", f"{LONGEST}\x1f{LONGEST}"])
def test_a_name_comes_back_whole_in_the_next_process(tmp_path: Path, message: str) -> None:
    slot = FileSlot(tmp_path / "turn.slot")
    slot.name("orders/0", "something longer that was named before it" * 9)
    slot.name("orders/0", message)
    slot.close()
    again = FileSlot(tmp_path / "turn.slot")
    assert again.read() == ("orders/0", message)
    again.clear()
    assert again.read() is None
    again.close()
