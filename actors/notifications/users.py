"""What happens to a user's own entity: set, wished, erased, addresses that die, deduplication keys that are used."""

from msgspec.structs import replace

from sagamore.actors.notifications.errors import UnknownUser
from sagamore.actors.notifications.messages import EraseUser, Notify, SetPreferences, SetUser
from sagamore.actors.notifications.notification import Delivery
from sagamore.actors.notifications.user import (
    DEAD_ADDRESSES_MAX,
    DEDUPE_KEYS_MAX,
    Dead,
    DeadAddress,
    Deduplication,
    Preference,
    User,
    user_key,
)
from sagamore.engine.turn import Turn


def duplicate(user: User, message: Notify, turn: Turn) -> str:
    """The notification that bore the key before; remembers it otherwise."""
    alive = tuple(known for known in user.deduplication if known.until_ms > turn.now_ms)
    for known in alive:
        if known.key == message.dedupe_key:
            return known.notification
    used = Deduplication(message.dedupe_key, message.notification_id, turn.now_ms + message.dedupe_ms)
    turn.save(user_key(user.id), replace(user, deduplication=(*alive, used)[-DEDUPE_KEYS_MAX:]))
    return ""


def save_dead(user_id: str, delivery: Delivery, why: Dead, turn: Turn) -> None:
    """Never write to that address again."""
    user: User | None = turn.load(user_key(user_id))
    if user is not None and delivery.address and user.why_dead(delivery.channel, delivery.address) is None:
        dead = DeadAddress(delivery.channel, delivery.address, why, turn.now_ms)
        turn.save(user_key(user_id), replace(user, dead=(*user.dead, dead)[-DEAD_ADDRESSES_MAX:]))


def set_user(user: User | None, message: SetUser, turn: Turn) -> User:
    """The user as it is from now on."""
    named = {(known.channel, known.address) for known in message.addresses}
    before = {(known.channel, known.address) for known in user.addresses} if user else set()
    dead = tuple(d for d in user.dead if (d.channel, d.address) in named & before) if user else ()
    after = User(
        message.user_id, message.addresses, message.locale, message.zone, message.preferences, message.quiet, dead,
        user.deduplication if user else (),
    )  # fmt: skip
    turn.reply(after, kept=User(after.id))
    return after


def set_preferences(user: User | None, message: SetPreferences, turn: Turn) -> User:
    """Some wishes changed. Raises UnknownUser."""
    if user is None:
        raise UnknownUser(message.user_id)
    changed: dict[tuple[str, str], Preference] = {
        (wish.category, wish.channel): wish for wish in (*user.preferences, *message.preferences)
    }
    after = replace(user, preferences=tuple(changed.values()))
    turn.reply(after, kept=User(after.id))
    return after


def erase_user(user: User | None, message: EraseUser, turn: Turn) -> None:
    """Nothing is left. Raises UnknownUser."""
    if user is None:
        raise UnknownUser(message.user_id)
    turn.reply(User(message.user_id))
