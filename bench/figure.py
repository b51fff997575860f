"""One measured figure, and what was asked of it."""

from typing import Literal

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """`floor` is what the same run could have reached at best, `ratio` value / floor; both None where there is none."""

    name: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None
    better: Literal["more", "less"] = "more"
    floor: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The share of the floor that was reached."""
        return None if not self.floor else self.value / self.floor

    @property
    def met(self) -> Literal["aim", "must", "missed", ""]:
        """Which target was met."""
        if self.must is None or self.aim is None:
            return ""
        for name, target in (("aim", self.aim), ("must", self.must)):
            if self.value >= target if self.better == "more" else self.value <= target:
                return "aim" if name == "aim" else "must"
        return "missed"

    def as_json(self) -> dict[str, object]:
        """One object a figure."""
        fields: dict[str, object] = msgspec.to_builtins(self)
        return fields | {"ratio": self.ratio, "met": self.met}
