"""The format of a partition's file, and the one statement that writes it.

A commit is ONE statement: an INSERT into the view `batch`, whose trigger spreads JSON arrays over the tables, and one
object, of states by key: its values are the text to be stored, which SQLite need not take apart once more. Every
statement that a thread runs gives up the GIL and may wait 5 ms to get it back, so one statement a commit is what lets
a busy event loop and SQLite work side by side (measured: 250,000 rows a second; `executemany` 1,500 to 15,000).
The statement is atomic by itself, so there is no BEGIN, and no transaction that a cancellation could leave open.

Numbers per (sender, receiver, lane) run without a gap; a parcel holds the messages `first` to `last` of one batch.
States are JSON text that says its own type. History is in the order of turns, at the end of its table always; with
(correlation, turn) as its key the same rows cost half as much again to write, for random correlations five times as
much.
"""

import sqlite3

if sqlite3.sqlite_version_info < (3, 38, 0):  # the operator `->`
    raise ImportError(f"Sagamore needs SQLite 3.38 or newer; this Python has {sqlite3.sqlite_version}")

FORMAT = 1
APPLICATION_ID = 0x5A6A3012  # "ours" in the file's header, so that another program's database is recognised

CORRELATION_IS_ID = "substr(correlation, -33, 1) = '_'"
"""Stories are found by index where ids rise with time, so that inserts into it stay local. For other correlations, a
customer's name perhaps, every turn would touch a page of its own (measured: 3.5 ms a batch against 0.7); the few who
ask for such a story read the file from end to end."""

TABLES = f"""
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entity(key TEXT NOT NULL UNIQUE, state TEXT NOT NULL);
CREATE TABLE entity_index(field TEXT, value TEXT, key TEXT, PRIMARY KEY(field, value, key)) WITHOUT ROWID;
CREATE TABLE inbox(sender TEXT, lane INTEGER, last INTEGER NOT NULL, PRIMARY KEY(sender, lane)) WITHOUT ROWID;
CREATE TABLE stream(receiver TEXT, lane INTEGER, next INTEGER NOT NULL, undeliverable INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(receiver, lane)) WITHOUT ROWID;
CREATE TABLE outbox(receiver TEXT NOT NULL, lane INTEGER NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, envelopes TEXT NOT NULL, UNIQUE(receiver, lane, last));
CREATE TABLE timer(entity TEXT, name TEXT, due_ms INTEGER NOT NULL, correlation TEXT NOT NULL, cause TEXT NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY(entity, name)) WITHOUT ROWID;
CREATE INDEX timer_due ON timer(due_ms, entity || char(31) || name);
CREATE TABLE retry(id TEXT PRIMARY KEY, due_ms INTEGER NOT NULL, row TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX retry_due ON retry(due_ms, id);
CREATE TABLE effect(id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, lane INTEGER NOT NULL, due_ms INTEGER NOT NULL,
    parked INTEGER NOT NULL, row TEXT NOT NULL);
CREATE INDEX effect_due ON effect(provider, parked, lane, due_ms, id);
CREATE TABLE client_key(key TEXT NOT NULL UNIQUE, body_hash TEXT NOT NULL, at_ms INTEGER NOT NULL,
    answer TEXT NOT NULL);
CREATE TABLE history(turn INTEGER PRIMARY KEY, correlation TEXT NOT NULL, row TEXT NOT NULL);
CREATE INDEX story ON history(correlation) WHERE {CORRELATION_IS_ID};
CREATE TABLE alert(name TEXT, subject TEXT, row TEXT NOT NULL, PRIMARY KEY(name, subject)) WITHOUT ROWID;
CREATE TABLE death(message TEXT PRIMARY KEY, count INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('turn', 0), ('generation', 0), ('clean', 1), ('taken_turn', 0);
"""

COLUMNS = (
    "turn", "states", "removed", "unindexed", "indexed", "inbox", "streams", "parcels", "acknowledged", "timers",
    "timers_gone", "retries", "retries_gone", "effects", "effects_gone", "client_keys", "history", "alerts",
    "alerts_gone", "undeliverable",
)  # fmt: skip


def _spread(column: str, places: int) -> str:
    """SELECT the first places of each array in a column of the batch."""
    return f"SELECT {_places(places)} FROM json_each(NEW.{column}) WHERE true"


def _spread_json(column: str, places: int) -> str:
    """The same, with the last place as JSON text, whatever it is: an object, text, `true`, `null`."""
    return f"SELECT {_places(places - 1)}, value -> '$[{places - 1}]' FROM json_each(NEW.{column}) WHERE true"


def _places(count: int) -> str:
    return ", ".join(f"json_extract(value, '$[{i}]')" for i in range(count))


BATCH = f"""
CREATE TEMP VIEW batch AS SELECT {", ".join(f"NULL AS {column}" for column in COLUMNS)};
CREATE TEMP TRIGGER spread INSTEAD OF INSERT ON batch BEGIN
    UPDATE meta SET value = NEW.turn WHERE name = 'turn';
    INSERT INTO entity(key, state) SELECT key, value FROM json_each(NEW.states) WHERE true
        ON CONFLICT(key) DO UPDATE SET state = excluded.state;
    DELETE FROM entity WHERE key IN (SELECT value FROM json_each(NEW.removed));
    DELETE FROM entity_index WHERE (field, value, key) IN ({_spread("unindexed", 3)});
    INSERT OR REPLACE INTO entity_index {_spread("indexed", 3)};
    INSERT OR REPLACE INTO inbox {_spread("inbox", 3)};
    INSERT INTO stream(receiver, lane, next) {_spread("streams", 3)}
        ON CONFLICT DO UPDATE SET next = excluded.next;
    INSERT INTO outbox(receiver, lane, first, last, at_ms, envelopes)
        {_spread_json("parcels", 6)};
    DELETE FROM outbox WHERE rowid IN (SELECT outbox.rowid FROM json_each(NEW.acknowledged) AS done
        JOIN main.outbox ON receiver = json_extract(done.value, '$[0]') AND lane = json_extract(done.value, '$[1]')
        AND last <= json_extract(done.value, '$[2]'));
    DELETE FROM timer WHERE (entity, name) IN ({_spread("timers_gone", 2)});
    INSERT OR REPLACE INTO timer {_spread_json("timers", 6)};
    DELETE FROM retry WHERE id IN (SELECT value FROM json_each(NEW.retries_gone));
    INSERT OR REPLACE INTO retry {_spread_json("retries", 3)};
    DELETE FROM effect WHERE id IN (SELECT value FROM json_each(NEW.effects_gone));
    INSERT INTO effect(id, provider, lane, due_ms, parked, row) {_spread_json("effects", 6)}
        ON CONFLICT(id) DO UPDATE SET due_ms = excluded.due_ms, parked = excluded.parked, row = excluded.row;
    INSERT INTO client_key(key, body_hash, at_ms, answer) {_spread_json("client_keys", 4)};
    INSERT INTO history(turn, correlation, row) {_spread("history", 3)};
    DELETE FROM alert WHERE (name, subject) IN ({_spread("alerts_gone", 2)});
    INSERT OR REPLACE INTO alert SELECT {_places(2)}, value FROM json_each(NEW.alerts);
    INSERT INTO stream(receiver, lane, next, undeliverable)
        SELECT {_places(2)}, 1, json_extract(value, '$[2]') FROM json_each(NEW.undeliverable) WHERE true
        ON CONFLICT DO UPDATE SET undeliverable = excluded.undeliverable;
END;
"""

INSERT_BATCH = f"INSERT INTO batch VALUES ({', '.join('?' * len(COLUMNS))})"
