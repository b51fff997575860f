"""The codec: what it writes comes back equal, even by way of SQLite's JSON; what would not is refused by name."""

import json
import math
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagamore.engine.errors import NotEncodable
from sagamore.engine.message import INTEGER_MAX, Codec, Message, Record, State, encode


class Inner(Record, tag="test.inner", version=1):
    share: float | None = None
    note: str = ""


class Everything(State, tag="test.everything", version=1):
    text: str
    whole: int
    flag: bool
    share: float
    maybe: int | None
    texts: tuple[str, ...]
    inner: Inner
    inners: tuple[Inner, ...]


class Plain(Message, tag="test.plain", version=1):
    """No number here may be a NaN, so nobody looks at its nulls."""

    text: str
    whole: int
    texts: tuple[str, ...] = ()
    maybe: int | None = None


class Visited(Message, tag="test.visited", version=3):
    """Version 1 had `who`; version 2 had `customer`; version 3 adds `points`."""

    customer: str
    points: int

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        if version == 1:
            fields = {"customer": fields["who"]}
        return fields | {"points": 0}


class Vague(Message, tag="test.vague"):
    """No type says whether there is a number in it."""

    anything: Any
    by_name: dict[str, Any]


codec = Codec((Everything, Plain, Visited))
texts = st.text(max_size=20) | st.sampled_from(["\0", "a\0b", "\ud800", "\\u0000", "9999999999999999999,", "null"])
integers = st.integers() | st.sampled_from([INTEGER_MAX, INTEGER_MAX + 1, -INTEGER_MAX - 1, -INTEGER_MAX - 2])
floats = st.floats()
inners = st.builds(Inner, share=st.none() | floats, note=texts)
records = st.builds(
    Everything, text=texts, whole=integers, flag=st.booleans(), share=floats, maybe=st.none() | integers,
    texts=st.lists(texts, max_size=3).map(tuple), inner=inners, inners=st.lists(inners, max_size=3).map(tuple),
)  # fmt: skip

plain = st.builds(
    Plain, text=texts, whole=integers, texts=st.lists(texts, max_size=3).map(tuple), maybe=st.none() | integers
)


def leaves(value: Any) -> list[Any]:
    """Every number, text and None in a record."""
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in leaves(item)]
    if isinstance(value, Record):
        return [leaf for field in value.__struct_fields__ for leaf in leaves(getattr(value, field))]
    return [value]


def storable(leaf: Any) -> bool:
    """What SQLite's JSON keeps as it is."""
    if isinstance(leaf, str):
        return "\0" not in leaf and not any("\ud800" <= character <= "\udfff" for character in leaf)
    if isinstance(leaf, float):
        return math.isfinite(leaf)
    return not isinstance(leaf, int) or -(2**63) <= leaf < 2**63


@settings(max_examples=300)
@given(records | plain)
def test_a_record_is_refused_or_comes_back_equal_by_way_of_sqlite(record: Everything | Plain) -> None:
    if not all(map(storable, leaves(record))):
        with pytest.raises(NotEncodable):
            encode(record)
        return
    encoded = encode(record)
    assert codec.decode(encoded) == record
    assert encode(codec.decode(encoded)) == encoded
    sqlite = sqlite3.connect(":memory:")
    try:
        ((stored,),) = sqlite.execute("SELECT value -> '$[0]' FROM json_each(?)", (f"[[{encoded.decode()}]]",))
    finally:
        sqlite.close()
    assert codec.decode(stored) == record


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("text", "a\0b", "U\\+0000"),
        ("text", "\udc80", "lone surrogate"),
        ("whole", 2**63, "63 bits"),
        ("whole", -(2**63) - 1, "63 bits"),
        ("whole", 10**30, "63 bits"),
        ("share", math.nan, "finite"),
        ("share", math.inf, "finite"),
        ("share", -math.inf, "finite"),
    ],
)
def test_a_refusal_names_the_field_and_what_would_be_right(field: str, value: Any, wanted: str) -> None:
    fine: dict[str, Any] = {
        "text": "", "whole": 0, "flag": True, "share": 0.0, "maybe": None, "texts": (), "inner": Inner(), "inners": (),
    }  # fmt: skip
    with pytest.raises(NotEncodable, match=wanted) as refusal:
        encode(Everything(**fine | {field: value}))
    assert f"Everything.{field}" in str(refusal.value)


@pytest.mark.parametrize("record", [Plain("\0", 0), Plain("\ud800", 0), Plain("", 2**63), Plain("", 0, ("", "\0"))])
def test_the_same_for_a_record_of_text_and_integers_only(record: Plain) -> None:
    with pytest.raises(NotEncodable, match=r"Plain\.(text|whole|texts\[1\])"):
        encode(record)


@pytest.mark.parametrize("value", [2**63, math.nan])
@pytest.mark.parametrize("field", ["anything", "by_name"])
def test_a_number_is_found_where_a_type_does_not_say_that_there_is_one(field: str, value: float) -> None:
    encode(Vague("first, so that the type is known", {}))
    with pytest.raises(NotEncodable, match=rf"Vague\.{field}"):
        encode(Vague(value, {}) if field == "anything" else Vague("", {"n": value}))


@pytest.mark.parametrize("whole", [2**63 - 1, -(2**63), 10**18, -(10**18)])
def test_the_largest_integers_pass(whole: int) -> None:
    assert codec.decode(encode(Plain(":9223372036854775808", whole))).whole == whole


def test_a_nested_value_is_named_by_its_path() -> None:
    record = Everything("", 0, True, 0.0, None, (), Inner(), (Inner(), Inner(note="\0")))
    with pytest.raises(NotEncodable, match=r"Everything\.inners\[1\]\.note"):
        encode(record)


@pytest.mark.parametrize(
    "stored",
    [
        {"type": "test.visited/1", "who": "ann"},
        {"type": "test.visited/2", "customer": "ann"},
        {"type": "test.visited/3", "customer": "ann", "points": 0},
    ],
)
def test_every_older_version_is_read_as_the_newest(stored: dict[str, Any]) -> None:
    assert codec.decode(json.dumps(stored)) == Visited("ann", 0)


@pytest.mark.parametrize(
    "stored",
    [
        '{"type":"test.visited/4","customer":"ann","points":0}',
        '{"type":"test.visited/x","customer":"ann"}',
        '{"type":"test.unheard/1"}',
        '{"type":"test.visited/3","customer":1,"points":0}',
        '{"customer":"ann"}',
        '{"type":"test.visited/3"',
        "",
    ],
)
def test_what_is_newer_unknown_or_damaged_is_refused(stored: str) -> None:
    with pytest.raises(ValueError):
        codec.decode(stored)


def test_a_version_without_a_way_up_says_so() -> None:
    class Changed(Message, tag="test.changed", version=2):
        name: str

    with pytest.raises(ValueError, match="no way from version 1 to 2"):
        Codec((Changed,)).decode('{"type":"test.changed/1"}')


def test_two_types_of_one_tag_and_a_type_without_one_are_refused() -> None:
    class Other(Message, tag="test.visited", version=1):
        pass

    class Nameless(Message):
        pass

    with pytest.raises(TypeError, match="have one tag"):
        Codec((Visited, Other))
    with pytest.raises(TypeError, match="needs a tag"):
        Codec((Nameless,))
