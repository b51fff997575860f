"""A conservation law and how it fared: one line for a person, with its numbers."""

from collections import Counter

import msgspec

EXAMPLES_MAX = 5  # of breaches; the count says how many there are


class Law(msgspec.Struct, frozen=True, rename="camel"):
    """`numbers` are what was counted; `in_flight` among them counts what changed while it was looked at."""

    name: str
    ok: bool
    text: str
    numbers: dict[str, int]
    breaches: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        numbers = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in self.numbers.items())
        line = f"{'ok    ' if self.ok else 'BROKEN'}  {self.name:<10} {self.text}" + (f": {numbers}" if numbers else "")
        more = self.breaches - len(self.examples)
        shown = (*self.examples, f"and {more:,} more") if more else self.examples
        return "\n".join((line, *(f"          {example}" for example in shown)))


class Check:
    """A law while it is being checked."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.numbers: Counter[str] = Counter()
        self.breaches = 0
        self.examples: list[str] = []

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of its numbers."""
        self.numbers[name] += by

    def breach(self, example: str) -> None:
        """It does not hold here."""
        self.breaches += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example)

    def law(self) -> Law:
        """How it fared."""
        return Law(self.name, not self.breaches, self.text, dict(self.numbers), self.breaches, tuple(self.examples))
