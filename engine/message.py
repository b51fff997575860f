"""Messages and states: immutable, versioned records, and the one codec that writes and reads them.

A record is stored as JSON that says what it is, so that any SQLite tool can read it:

    {"type": "loyalty.visit/1", "customer": "ann", "points": 3}
             tag ──────────┘ └─ version

Records are frozen to the bottom: fields are numbers, text, booleans, None, tuples and other records. A new version of
a record raises `version` and says in `upcast` how the fields of an older one become its own.

SQLite's JSON cuts text at U+0000, turns 2^63 into a float and stores a lone surrogate that it can never read again
(measured); NaN and infinities are no JSON at all. The encoder refuses them all.
"""

from collections.abc import Collection, Iterable
from math import isfinite
from typing import Any, ClassVar, dataclass_transform

import msgspec

from sagamore.engine.errors import NotEncodable

INTEGER_MAX = 2**63 - 1  # SQLite's integers are 64 bits, signed


class _RecordType(msgspec.StructMeta):
    """Adds `version=` to a struct's keywords and folds it into the stored tag."""

    __version__: int
    __tag__: str
    __type__: str
    """Tag and version, as stored."""

    def __new__(mcs, name: str, bases: Any, namespace: Any, *, version: int = 1, tag: str = "", **config: Any) -> Any:
        if tag:
            config["tag"] = f"{tag}/{version}"
        return super().__new__(mcs, name, bases, namespace, **config)

    def __init__(cls, name: str, bases: Any, namespace: Any, *, version: int = 1, tag: str = "", **config: Any) -> None:
        cls.__tag__, cls.__version__, cls.__type__ = tag, version, f"{tag}/{version}"


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, metaclass=_RecordType, frozen=True, gc=False):
    """What messages and states have in common."""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        """The fields of this version made from those of an older `version`; called for stored records only."""
        raise ValueError(f"{cls.__tag__} has no way from version {version} to {cls.__version__}")


class Message(Record, frozen=True, gc=False):
    """Something to do (imperative: `ReserveStock`) or something that happened (past tense: `StockReserved`)."""


class State(Record, frozen=True, gc=False):
    """What one entity is between two turns."""


Body = Message | msgspec.Raw
"""A message until its batch is written, its JSON when it was read."""


_encode = msgspec.json.Encoder().encode
ENCODING_ERRORS = (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError)
_LOOKS = bytes.maketrans(b"012345678,]}", b"999999999:::")  # every digit as 9, what may stand after a number as :
ROW = "row"  # what a culprit outside every record is found in
_LONG_NUMBER = b"9" * 19 + b":"  # the shortest that may not fit 63 bits; in an id a letter or quote stands after it


def encode(record: object) -> bytes:
    """The JSON of a record. Raises NotEncodable, naming the field, for a value that would come back changed."""
    return encode_rows(record, (record,))


def encode_rows(rows: object, records: Collection[object]) -> bytes:
    """The JSON of rows, written and looked through at once: that costs little more for a thousand than for one.
    `records` are those in them, or rows, whose numbers may be any. Raises NotEncodable as `encode` does."""
    try:
        encoded = _encode(rows)
    except ENCODING_ERRORS as error:
        _find_culprit(rows, _name_of(rows))
        raise NotEncodable(_name_of(rows), rows, f"it cannot be written as JSON: {error}") from error
    if (
        (b"\\" in encoded and b"\\u0000" in encoded)  # one byte is found ten times as fast, and an escape is rare
        or (not _numberless.issuperset(map(type, records)) and _LONG_NUMBER in encoded.translate(_LOOKS))
        or (not _floatless.issuperset(map(type, records)) and _may_hide_nan(encoded, records))
    ):
        _find_culprit(rows, _name_of(rows))
    return encoded


def size_of(row: object) -> int:
    """The bytes of a row's JSON, roughly: 0 if it cannot be written, which is for the commit to find."""
    try:
        return len(_encode(row))
    except ENCODING_ERRORS:
        return 0


def written(body: Body) -> bytes:
    """A message's JSON."""
    return bytes(body) if isinstance(body, msgspec.Raw) else encode(body)


def _name_of(rows: object) -> str:
    return type(rows).__name__ if isinstance(rows, msgspec.Struct) else ROW


_floatless: set[type] = set()
_numberless: set[type] = set()
"""Those of them that hold no integer either."""


def _may_hide_nan(encoded: bytes, records: Collection[object]) -> bool:
    """Whether a null in the JSON may be a NaN: msgspec writes one so."""
    kinds = set(map(type, records))
    for kind in kinds - _floatless:
        fields = repr(msgspec.inspect.type_info(kind))
        if "FloatType" not in fields and "AnyType" not in fields:
            _floatless.add(kind)
            if "IntType" not in fields:
                _numberless.add(kind)
    return b"null" in encoded and not _floatless.issuperset(kinds)


def _find_culprit(value: object, path: str) -> None:
    """Walk rows or a record and raise NotEncodable for the first value that JSON or SQLite would change."""
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
            raise NotEncodable(path, value, "an integer must fit 63 bits and a sign")
    elif isinstance(value, float):
        if not isfinite(value):
            raise NotEncodable(path, value, "a number must be finite")
    elif isinstance(value, msgspec.Struct):
        if isinstance(value, Record) and path.startswith(ROW):
            path = _name_of(value)
        for field in value.__struct_fields__:
            _find_culprit(getattr(value, field), f"{path}.{field}")
    elif isinstance(value, tuple | list):
        for i, item in enumerate(value):
            _find_culprit(item, f"{path}[{i}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            _find_culprit(key, f"{path} key")
            _find_culprit(item, f"{path}[{key!r}]")


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        raise NotEncodable(path, text, "text must not contain U+0000")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise NotEncodable(path, text, "text must not contain a lone surrogate")


class _Head(msgspec.Struct):
    type: str


class Codec:
    """Reads the records of a known set of types, older versions included."""

    def __init__(self, types: Iterable[type[Record]]) -> None:
        self.types: dict[str, type[Record]] = {}
        for record_type in types:
            if not record_type.__tag__:
                raise TypeError(f"{record_type.__name__} needs a tag, as in class {record_type.__name__}(…, tag='…')")
            other = self.types.setdefault(record_type.__tag__, record_type)
            if other is not record_type:
                raise TypeError(f"{other.__name__} and {record_type.__name__} have one tag, {record_type.__tag__!r}")
        union: Any = _union(self.types.values())
        self._decode = msgspec.json.Decoder(union).decode if self.types else None

    _head: ClassVar[Any] = msgspec.json.Decoder(_Head)

    def decode(self, encoded: bytes | str) -> Any:
        """The record. Raises ValueError if the type is unknown or the fields do not fit it."""
        try:
            if self._decode is not None:
                return self._decode(encoded)
        except msgspec.ValidationError:
            older = self._upcast(encoded)
            if older is not None:
                return older
            raise
        raise ValueError(f"no record type is known here; the stored one is {tag_of(encoded)!r}")

    def _upcast(self, encoded: bytes | str) -> Record | None:
        tag, _, version = tag_of(encoded).rpartition("/")
        newer = self.types.get(tag)
        if newer is None or not version.isdigit() or int(version) >= newer.__version__:
            return None
        fields: dict[str, Any] = msgspec.json.decode(encoded)
        fields.pop("type")
        return msgspec.convert(newer.upcast(fields, int(version)) | {"type": newer.__type__}, newer)


def tag_of(encoded: bytes | str) -> str:
    """The stored type of a record, version included. Raises ValueError if it has none."""
    head: _Head = Codec._head.decode(encoded)
    return head.type


def _union(types: Iterable[type[Record]]) -> Any:
    union: Any = None
    for record_type in types:
        union = record_type if union is None else union | record_type
    return union
