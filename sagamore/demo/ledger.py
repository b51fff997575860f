"""The provider's books, as its ledger shows them over HTTP. Amounts are integer minor units."""

import msgspec


class Account(msgspec.Struct, frozen=True):
    """What the provider moved for one of our orders; `charges` are payments that took money."""

    currency: str = ""
    captured: int = 0
    refunded: int = 0
    charges: int = 0
    payments: int = 0


class _Ledger(msgspec.Struct):
    references: dict[str, Account]


class _Violation(msgspec.Struct):
    reference: str
    rule: str


class _Violations(msgspec.Struct):
    violations: list[_Violation]


class _Statistics(msgspec.Struct):
    faults: dict[str, int]


class Ledger:
    """Asks the provider at that URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def accounts(self) -> dict[str, Account]:
        """By order."""
        return msgspec.json.decode(await self._get("ledger?details=1"), type=_Ledger).references

    async def violations(self) -> list[str]:
        """What its own rules find wrong: a second live charge for an order, more kept than was asked for, …"""
        found = msgspec.json.decode(await self._get("ledger/violations"), type=_Violations).violations
        return [f"{each.reference}: {each.rule.replace('_', ' ')}" for each in found]

    async def faults(self) -> dict[str, int]:
        """What it did wrong on purpose, and how often."""
        return msgspec.json.decode(await self._get("statistics"), type=_Statistics).faults

    async def _get(self, path: str) -> bytes:
        import aiohttp  # a quarter of a second that the other commands need not wait

        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.get(f"{self._url}/v1/{path}") as answer,
        ):
            return await answer.read()
