"""The books on disk: what was answered is there again after a restart."""

import os
from pathlib import Path

import aiohttp
import pytest

from sagamore.twin import running_twin
from sagamore.twin.errors import JournalDamaged, JournalLocked
from sagamore.twin.journal import Journal, Line
from tests.twin.client import DAY_MS, Client, ManualClock, twin_in


async def _busy(client: Client) -> None:
    """A bit of everything."""
    payment = (await client.pay(key="paid"))["id"]
    await client.operate(payment, "refunds", key="refunded", refund_id="r1", amount=400)
    await client.operate(payment, "refunds", refund_id="r2", amount=601)
    await client.pay("pm_refused", key="refused", reference="ORD-2", metadata={"note": 'Zoë "quoted" \u2028'})
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.pay("pm_lost", key="lost", reference="ORD-3")
    await client.pay("pm_500_before", key="before", reference="ORD-4")
    await client.pay("pm_500_after", key="after", reference="ORD-5")
    asks = (await client.pay("pm_action", reference="ORD-6", capture=False))["id"]
    await client.operate(asks, "complete", outcome="captured")
    held = await client.authorise(reference="ORD-7")
    await client.operate(held, "void", key="voided")
    await client.pay(key="again")


async def _all(client: Client) -> list[object]:
    payments = [await client.payments(f"ORD-{number}") for number in range(1, 8)]
    refunds = (await client.get(f"/v1/payments/{payments[0][0]['id']}/refunds")).body
    ledger = (await client.get("/v1/ledger?details=1")).body
    return [payments, refunds, ledger, await client.events(), await client.rules_broken()]


async def test_a_restart_changes_neither_books_nor_events_nor_violations(tmp_path: Path, clock: ManualClock) -> None:
    async with twin_in(tmp_path, clock) as client:
        await _busy(client)
        before = await _all(client)
    async with twin_in(tmp_path, clock) as client:
        assert await _all(client) == before
        assert ("ORD-1", "overlap") in await client.rules_broken()


async def test_answers_are_replayed_byte_for_byte_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    requests: list[tuple[str, str, dict[str, object]]] = [
        ("paid", "pm_ok", {}),
        ("refused", "pm_refused", {"reference": "ORD-2", "metadata": {"note": 'Zoë "quoted" \u2028'}}),
        ("lost", "pm_lost", {"reference": "ORD-3"}),
        ("before", "pm_500_before", {"reference": "ORD-4"}),
        ("after", "pm_500_after", {"reference": "ORD-5"}),
    ]
    async with twin_in(tmp_path, clock) as client:
        await _busy(client)
        before = [await client.pay(method, key=key, **changes) for key, method, changes in requests]
    async with twin_in(tmp_path, clock) as client:
        assert [await client.pay(method, key=key, **changes) for key, method, changes in requests] == before
        assert all(reply.replayed for reply in before)
        assert (await client.pay(key="paid", amount=5))["code"] == "key_mismatch"


async def test_what_was_to_fall_due_falls_due_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    faults = {"refund_fails_later": 1.0, "refund_fails_after_ms": DAY_MS, "settles_after_ms": DAY_MS}
    async with twin_in(tmp_path, clock, **faults) as client:
        payment = (await client.pay())["id"]
        await client.operate(payment, "refunds", refund_id="r1", amount=1000)
        await client.pay("pm_pending", reference="ORD-2")
        await client.authorise(reference="ORD-3")
    clock.ms += 7 * DAY_MS
    async with twin_in(tmp_path, clock) as client:
        events = await client.events()
        assert sorted(event["type"] for event in events) == ["payment.captured", "payment.lapsed", "refund.failed"]
    clock.ms += DAY_MS
    async with twin_in(tmp_path, clock) as client:
        assert await client.events() == events, "read back, not counted again"
        totals = (await client.get("/v1/ledger"))["totals"]["GBP"]
        assert (totals["net"], totals["live_authorisations"]) == (2000, 0)


async def test_a_key_lives_no_longer_because_of_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    async with twin_in(tmp_path, clock) as client:
        await client.pay(key="k")
    clock.ms += DAY_MS
    async with twin_in(tmp_path, clock) as client:
        assert not (await client.pay(key="k")).replayed


async def test_ids_go_on_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    ids = set()
    for number in range(3):
        async with twin_in(tmp_path, clock) as client:
            payment = (await client.pay(reference=f"ORD-{number}"))["id"]
            refund = (await client.operate(payment, "refunds", key=f"r{number}", refund_id="r", amount=1))["id"]
            ids |= {payment, refund}
    assert len(ids) == 6


async def test_a_torn_last_line_is_cut_off_wherever_it_is_torn(tmp_path: Path, clock: ManualClock) -> None:
    async with twin_in(tmp_path, clock) as client:
        await client.pay(key="whole")
    journal = tmp_path / "twin.jsonl"
    whole = journal.read_bytes()
    async with twin_in(tmp_path, clock) as client:
        await client.pay(key="torn", reference="ORD-2")
    last = journal.read_bytes()[len(whole) :]
    for length in (1, len(last) // 2, len(last) - 1):
        journal.write_bytes(whole + last[:length])
        async with twin_in(tmp_path, clock) as client:
            assert journal.read_bytes() == whole
            assert await client.payments("ORD-2") == []
            assert (await client.pay(key="whole")).replayed
            assert not (await client.pay(key="torn", reference="ORD-2")).replayed
        async with twin_in(tmp_path, clock) as client:
            assert (await client.pay(key="torn", reference="ORD-2")).replayed


async def test_a_torn_first_line_is_an_empty_journal(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "twin.jsonl").write_bytes(b'{"format":"saga')
    for replayed in (False, True):
        async with twin_in(tmp_path, clock) as client:
            assert (await client.pay(key="k")).replayed == replayed


async def test_a_damaged_line_is_named_and_nothing_is_served(tmp_path: Path, clock: ManualClock) -> None:
    async with twin_in(tmp_path, clock) as client:
        await client.pay()
        await client.pay(reference="ORD-2")
    journal = tmp_path / "twin.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + b"x" + lines[1][1:] + lines[2])
    with pytest.raises(JournalDamaged, match=r"twin\.jsonl, line 2"):
        async with twin_in(tmp_path, clock):
            pass
    journal.write_bytes(b"a letter\n")
    with pytest.raises(JournalDamaged, match="not a twin's journal"):
        async with twin_in(tmp_path, clock):
            pass
    assert journal.read_bytes() == b"a letter\n"


async def test_a_second_twin_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with running_twin(tmp_path):
        with pytest.raises(JournalLocked, match=r"twin\.jsonl"):
            async with running_twin(tmp_path):
                pass
    async with running_twin(tmp_path):
        pass


@pytest.mark.parametrize("fsync", [False, True])
def test_each_line_is_synced_before_its_answer_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    synced_bytes = []
    path = tmp_path / "twin.jsonl"
    monkeypatch.setattr(os, "fdatasync", lambda _: synced_bytes.append(path.stat().st_size))
    journal = Journal(tmp_path, fsync)
    assert list(journal.read()) == []
    sizes = [path.stat().st_size]
    for at_ms in range(3):
        journal.append(Line(at_ms))
        sizes.append(path.stat().st_size)
    journal.close()
    assert synced_bytes == (sizes if fsync else [])
