"""What every journal does: a commit's rows come back as they were, before and after an unclean end."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.errors import CommitRefused, NotEncodable
from sagamore.engine.ports import ClientKeyRow, Commit, Journal
from tests.storage.conftest import MakeJournal
from tests.storage.samples import (
    BODY,
    NOW_MS,
    alert,
    client_key,
    commit_of,
    effect,
    everything,
    history,
    opened,
    parcel,
    retry,
    timer,
)

STREAM = ("payments/0", 0)
START = (-1, "")


@pytest.fixture
async def journal(make_journal: MakeJournal) -> AsyncIterator[Journal]:
    journal = make_journal()
    async with opened(journal):
        yield journal


async def test_a_new_journal_is_empty_and_clean(make_journal: MakeJournal) -> None:
    async with opened(make_journal()) as position:
        assert (position.turn, position.clean) == (0, True)
        assert not (position.inbox or position.next_numbers or position.acknowledged or position.backlog)
        assert not (position.alerts or position.deaths or position.effects or position.retries or position.timers)


async def test_states_come_back_byte_for_byte_and_none_removes_them(journal: Journal) -> None:
    old = b'{"type":"order/1","n":1}'
    await journal.commit(commit_of(1, {"ord_1": old, "ord_2": old, "ord_3": old}))
    await journal.commit(commit_of(2, {"ord_1": bytes(BODY), "ord_2": None}))
    assert await journal.load(["ord_1", "ord_2", "ord_3", "ord_4"]) == {"ord_1": bytes(BODY), "ord_3": old}


async def test_a_removed_state_may_be_made_again(journal: Journal) -> None:
    for turn, state in enumerate((b'{"a":1}', None, b'{"a":2}'), 1):
        await journal.commit(commit_of(turn, {"ord_1": state}))
    assert await journal.load(["ord_1"]) == {"ord_1": b'{"a":2}'}


@pytest.mark.parametrize(
    "key", ["", 'stock:10" x 4" \\u0041', "it's", "a\nb\x01\x7f", "\u00e9\U0001f600\u2028", "x" * 5_000]
)
async def test_a_state_is_kept_under_any_text(journal: Journal, key: str) -> None:
    await journal.commit(commit_of(1, {"a": bytes(BODY), key: b'{"n":[1,{}]}', "z": bytes(BODY)}))
    assert await journal.load([key]) == {key: b'{"n":[1,{}]}'}


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"null", b"true", b"0.5", b'"text"', b"[1,[2,[3]]]"])
async def test_any_json_answer_is_kept_as_it_is(journal: Journal, answer: bytes) -> None:
    await journal.commit(commit_of(1, {}, client_keys=[client_key("k", answer=answer)]))
    kept: Any = (await journal.load_client_keys(["k"]))["k"].answer
    assert bytes(kept) == answer


async def test_the_highest_key_of_a_prefix_is_found_among_others(journal: Journal) -> None:
    keys = ["MUG", "ord_01", "ord_02", "ord", "ordx_99", "pay_00", "order_9"]
    await journal.commit(commit_of(1, dict.fromkeys(keys, b"{}")))
    assert await journal.highest_key("ord") == "ord_02"
    assert await journal.highest_key("ref") == ""


async def test_the_inbox_keeps_the_last_number_of_each_sender_and_lane(make_journal: MakeJournal) -> None:
    journal = make_journal()
    async with opened(journal):
        await journal.commit(Commit(1, inbox={STREAM: 4, ("payments/0", 1): 2}))
        await journal.commit(Commit(2, inbox={STREAM: 7}))
    async with opened(make_journal()) as position:
        assert position.inbox == {STREAM: 7, ("payments/0", 1): 2}


async def test_parcels_come_back_in_order_from_a_number_on(journal: Journal) -> None:
    parcels = [parcel(1, 3), parcel(4, 4), parcel(5, 9), parcel(1, 1, lane=1), parcel(1, 1, "inventory/0")]
    await journal.commit(Commit(1, parcels=parcels))
    assert await journal.load_parcels(STREAM, 0, 10) == parcels[:3]
    assert await journal.load_parcels(STREAM, 2, 10) == parcels[:3], "a parcel that holds 3 is above 2"
    assert await journal.load_parcels(STREAM, 3, 1) == [parcels[1]]
    assert await journal.load_parcels(("payments/0", 1), 0, 10) == [parcels[3]]
    assert await journal.load_parcels(STREAM, 9, 10) == []


async def test_an_acknowledgement_deletes_whole_parcels_of_its_own_stream_only(make_journal: MakeJournal) -> None:
    journal = make_journal()
    async with opened(journal):
        parcels = [parcel(1, 3), parcel(4, 6), parcel(1, 2, lane=1)]
        await journal.commit(Commit(1, parcels=parcels))
        await journal.commit(Commit(2, acknowledged={STREAM: 5}))
        assert await journal.load_parcels(STREAM, 0, 10) == [parcels[1]], "of 4 to 6 number 6 is still needed"
    async with opened(make_journal()) as position:
        assert position.next_numbers == {STREAM: 7, ("payments/0", 1): 3}
        assert position.acknowledged == {STREAM: 3, ("payments/0", 1): 0}
        assert position.backlog == {STREAM: 3, ("payments/0", 1): 2}


async def test_numbers_go_on_after_everything_was_acknowledged(make_journal: MakeJournal) -> None:
    journal = make_journal()
    async with opened(journal):
        await journal.commit(Commit(1, parcels=[parcel(1, 5)]))
        await journal.commit(Commit(2, acknowledged={STREAM: 5}))
    async with opened(make_journal()) as position:
        assert (position.next_numbers, position.acknowledged, position.backlog) == ({STREAM: 6}, {STREAM: 5}, {})


async def test_timers_are_replaced_and_deleted_by_entity_and_name(journal: Journal) -> None:
    a, b, c = timer("ord_1", "expire", 30), timer("ord_1", "remind", 10), timer("ord_2", "expire", 10)
    await journal.commit(Commit(1, timers={("ord_1", "expire"): a, ("ord_1", "remind"): b, ("ord_2", "expire"): c}))
    assert await journal.load_timers(START, 10) == [b, c, a]
    assert await journal.load_timers((10, "ord_1/remind"), 1) == [c]
    sooner = timer("ord_1", "expire", 5)
    await journal.commit(Commit(2, timers={("ord_1", "expire"): sooner, ("ord_1", "remind"): None}))
    assert await journal.load_timers(START, 10) == [sooner, c]


async def test_retries_are_replaced_and_deleted_by_id(journal: Journal) -> None:
    await journal.commit(Commit(1, retries={r.id: r for r in (retry(1, 30), retry(2, 10), retry(3, 10))}))
    assert await journal.load_retries(START, 10) == [retry(2, 10), retry(3, 10), retry(1, 30)]
    assert await journal.load_retries((10, retry(2, 10).id), 1) == [retry(3, 10)]
    await journal.commit(Commit(2, retries={retry(1, 0).id: retry(1, 5), retry(2, 0).id: None}))
    assert await journal.load_retries(START, 10) == [retry(1, 5), retry(3, 10)]


async def test_effects_are_updated_parked_and_deleted(journal: Journal) -> None:
    await journal.commit(Commit(1, effects={n: effect(n, due) for n, due in (("a", 3), ("b", 1), ("c", 2))}))
    assert [e.id for e in await journal.load_effects("twin", NORMAL_LANE, START, 10)] == ["b", "c", "a"]
    assert await journal.load_effects("twin", NORMAL_LANE, (1, "b"), 1) == [effect("c", 2)]
    assert await journal.load_effects("mail", NORMAL_LANE, START, 10) == []
    assert await journal.load_effects("twin", BULK_LANE, START, 10) == []
    uncertain = effect("a", 9, attempts=2, state="uncertain", last_heard="timeout")
    parked = effect("b", 1, state="parked")
    await journal.commit(Commit(2, effects={"a": uncertain, "b": parked, "c": None}))
    assert await journal.load_effects("twin", NORMAL_LANE, START, 10) == [uncertain]
    assert await journal.load_effect("b") == parked
    assert await journal.load_effect("c") is None


async def test_client_keys_come_back_with_their_answer(journal: Journal) -> None:
    await journal.commit(Commit(1, client_keys=[client_key("k1"), client_key("k2", answer=bytes(BODY))]))
    found = await journal.load_client_keys(["k2", "k3"])
    assert found == {"k2": ClientKeyRow("k2", "hash", NOW_MS, BODY)}


async def test_old_client_keys_go_in_small_portions_and_young_ones_stay(journal: Journal) -> None:
    keys = [client_key(f"k{n}", at_ms=n) for n in range(10)]
    await journal.commit(Commit(1, client_keys=keys))
    assert [await journal.prune(7, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert sorted(await journal.load_client_keys([k.key for k in keys])) == ["k7", "k8", "k9"]


async def test_alerts_are_replaced_and_cleared(make_journal: MakeJournal) -> None:
    journal = make_journal()
    async with opened(journal):
        rows = [alert("stuck", "ord_1"), alert("stuck", "ord_2"), alert("breaker", "twin")]
        await journal.commit(Commit(1, alerts={(row.name, row.subject): row for row in rows}))
        changes = {("stuck", "ord_1"): alert("stuck", "ord_1", 2), ("breaker", "twin"): None}
        await journal.commit(Commit(2, alerts=changes))
    async with opened(make_journal()) as position:
        assert position.alerts == [alert("stuck", "ord_1", 2), alert("stuck", "ord_2")]


async def test_deaths_are_counted_by_message(make_journal: MakeJournal) -> None:
    journal = make_journal()
    async with opened(journal):
        for at_ms, message in enumerate(("a", "b", "c", "a")):
            await journal.count_death(message, at_ms)
    async with opened(make_journal()) as position:
        assert position.deaths == {"a": 2, "b": 1, "c": 1}


async def test_deaths_are_forgotten_a_while_after_the_last_of_a_message(make_journal: MakeJournal) -> None:
    journal = make_journal()
    async with opened(journal):
        for at_ms, message in enumerate(("a", "b", "c", "a")):
            await journal.count_death(message, at_ms)
        await journal.prune(2, 10)
    async with opened(make_journal()) as position:
        assert position.deaths == {"a": 2, "c": 1}


@pytest.mark.parametrize("clean", [True, False])
async def test_reopening_tells_everything_that_was_committed(make_journal: MakeJournal, clean: bool) -> None:
    journal = make_journal()
    async with opened(journal, clean=clean):
        await journal.commit(everything())
        parked = effect("fx_2", state="parked")
        await journal.commit(Commit(10, effects={"fx_2": parked}, history=[history("ord_1", 10)]))
    again = make_journal()
    async with opened(again) as position:
        assert (position.turn, position.clean) == (10, clean)
        assert (position.inbox, position.next_numbers) == ({STREAM: 3}, {STREAM: 3})
        assert (position.acknowledged, position.backlog) == ({STREAM: 0}, {STREAM: 2})
        assert (position.alerts, position.effects) == ([alert("stuck", "ord_1")], {"twin": 1})
        assert (position.retries, position.timers) == (1, 1)
        assert await again.load(["ord_1"]) == {"ord_1": bytes(BODY)}
        assert await again.load_timers(START, 9) == [timer("ord_1", "expire", 50)]
        assert await again.load_retries(START, 9) == [retry(3, 60)]
        assert await again.load_effects("twin", NORMAL_LANE, START, 9) == [effect("fx_1")]
        assert await again.load_client_keys(["k1"]) == {"k1": client_key("k1")}


@pytest.mark.parametrize(
    "culprit",
    [
        commit_of(10, {"ord_9": b"{}"}, client_keys=[client_key("k1")]),
        commit_of(10, {"ord_9": b"{}"}, history=[history("ord_1", 9)]),
        commit_of(10, {"ord_9": b"{}"}, parcels=[parcel(1, 2)]),
        commit_of(10, {"ord_9": b"{}", "ord_8": b"[" * 5_000 + b"]" * 5_000}),
        commit_of(10, {"ord_9": b"{}", "ord_\ud800": b"{}"}),
    ],
    ids=["a client key again", "a turn again", "a number again", "nested too deep", "a lone surrogate"],
)
async def test_a_refused_commit_leaves_nothing_and_the_journal_goes_on(
    make_journal: MakeJournal, culprit: Commit
) -> None:
    journal = make_journal()
    async with opened(journal):
        await journal.commit(everything())
        rest = Commit(
            10, {"ord_1": None}, [], {STREAM: 8}, [], {STREAM: 2}, {("ord_1", "expire"): None},
            {"payments/0:3.0": None}, {"fx_1": None}, [client_key("k7")], [], {("stuck", "ord_1"): None},
        )  # fmt: skip
        for field in Commit.__struct_fields__:
            if not getattr(culprit, field):
                setattr(culprit, field, getattr(rest, field))
        with pytest.raises((CommitRefused, NotEncodable)):
            await journal.commit(culprit)
        assert await journal.load(["ord_1", "ord_9"]) == {"ord_1": bytes(BODY)}
        assert await journal.load_parcels(STREAM, 0, 9) == [parcel(1, 2)]
        assert await journal.load_client_keys(["k7"]) == {}
        await journal.commit(commit_of(10, {"ord_3": b"{}"}))
    again = make_journal()
    async with opened(again) as position:
        assert (position.turn, position.inbox, position.retries, position.timers) == (10, {STREAM: 3}, 1, 1)
        assert (position.alerts, position.effects) == ([alert("stuck", "ord_1")], {"twin": 1})
        assert sorted(await again.load(["ord_1", "ord_2", "ord_3"])) == ["ord_1", "ord_2", "ord_3"]


async def test_a_thousand_entities_of_one_batch_are_loaded_together(journal: Journal) -> None:
    states = {f"ord_{n:04}": msgspec.json.encode({"n": n}) for n in range(1_001)}
    await journal.commit(commit_of(1, dict(states)))
    assert await journal.load(list(states)) == states


async def test_a_small_wal_is_left_alone(journal: Journal) -> None:
    await journal.commit(everything())
    size = await journal.checkpoint(1 << 30)
    assert await journal.checkpoint(1 << 30) == size
