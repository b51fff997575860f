"""What a user wishes: which categories on which channels, and when to be left alone. Pure.

most specific first      (category, channel), (category, *), (*, channel), (*, *); nothing said is yes
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sagamore.actors.notifications.user import QuietHours, User

ANY = "*"
MINUTES_OF_A_DAY = 24 * 60
ZONES_CACHED_MAX = 600  # all that there are


def wish_against(user: User, category: str, channel: str) -> str:
    """The opt-out that forbids it, as `category/channel`; empty if it is allowed."""
    wishes = {(wish.category, wish.channel): wish.allowed for wish in user.preferences}
    for key in ((category, channel), (category, ANY), (ANY, channel), (ANY, ANY)):
        if key in wishes:
            return "" if wishes[key] else "/".join(key)
    return ""


def quiet_until_ms(quiet: QuietHours | None, zone: str, now_ms: int) -> int:
    """When the quiet hours end in which `now_ms` lies, in Unix ms; 0 if it lies in none.

    The end is a local time of day. If a change to summer time skips it, the first instant after the gap is meant; if a
    change back repeats it, its first occurrence after now.
    """
    if quiet is None or quiet.begin_minute == quiet.end_minute:
        return 0
    tz = _zone(zone)
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(tz)
    minute = local.hour * 60 + local.minute
    length = (quiet.end_minute - quiet.begin_minute) % MINUTES_OF_A_DAY
    if (minute - quiet.begin_minute) % MINUTES_OF_A_DAY >= length:
        return 0
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = 1 if quiet.end_minute <= minute else 0
    end = midnight + timedelta(days=days, minutes=quiet.end_minute)
    at_ms = min(_instants_ms(end, tz), key=lambda instant: (instant <= now_ms, instant))
    return max(at_ms, now_ms + 1)


def _instants_ms(wall: datetime, tz: ZoneInfo) -> tuple[int, ...]:
    """The instants that a wall clock may show as that time: two when it is repeated, the gap's end when skipped."""
    first, second = (int(wall.replace(tzinfo=tz, fold=fold).timestamp()) for fold in (0, 1))
    if first <= second:
        return first * 1000, second * 1000
    before, after = second, first  # a gap: its end is where the offset of `second` ends
    while after - before > 1:
        middle = (before + after) // 2
        shown = datetime.fromtimestamp(middle, tz).replace(tzinfo=None)
        before, after = (middle, after) if shown < wall else (before, middle)
    return (after * 1000,)


@lru_cache(ZONES_CACHED_MAX)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or "UTC")
