"""What the histories of notifications say happened: rows that are kept, never sent."""

from sagamore.engine.message import Record


class Told(Record, frozen=True, tag="notifications.told", version=1):
    """An event of a story led to a notification, whose own story goes on from here."""

    story: str
