"""What receivers write down of each request, and the fullest sliding windows of such a log."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable

from msgspec import Struct


class Arrival(Struct, gc=False):
    """One request, by a monotonic clock of the judge's own."""

    at_ms: float
    user: str
    delivery: str


def most_in_a_window(times_ms: Iterable[float], window_ms: int) -> int:
    """The most arrivals in any window that is open at one end."""
    recent: deque[float] = deque()
    most = 0
    for at_ms in times_ms:
        recent.append(at_ms)
        while recent[0] <= at_ms - window_ms:
            recent.popleft()
        most = max(most, len(recent))
    return most


def most_of_a_user(arrivals: Iterable[Arrival], window_ms: int) -> int:
    """The most different deliveries of one user in any window: further attempts at one are not counted against it."""
    users: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        users[arrival.user].append(arrival)
    return max((_most_deliveries(own, window_ms) for own in users.values()), default=0)


def _most_deliveries(arrivals: list[Arrival], window_ms: int) -> int:
    recent: deque[Arrival] = deque()
    inside: Counter[str] = Counter()
    most = 0
    for arrival in sorted(arrivals, key=lambda arrival: arrival.at_ms):
        recent.append(arrival)
        inside[arrival.delivery] += 1
        while recent[0].at_ms <= arrival.at_ms - window_ms:
            gone = recent.popleft().delivery
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
        most = max(most, len(inside))
    return most
