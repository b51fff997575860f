"""All laws of one audit, by name, in the order in which they are told."""

from sagamore.audit.law import Check, Law


class Verdicts:
    """One check a law."""

    def __init__(self) -> None:
        self.files = Check("files", "SQLite finds every page of every file sound, and every index like its table")
        self.readable = Check("readable", "every order, payment, hold, stock, notification and dead letter can be read")
        self.ledger = Check("ledger", "each product's ledger, replayed, gives its stock")
        self.on_hand = Check("on hand", "on_hand = received + adjusted + set - shipped + returned")
        self.holds = Check("holds", "what is reserved = what live holds hold, order by order")
        self.stock = Check("stock", "0 <= reserved <= on_hand of every product")
        self.money = Check("money", "captured - refunded of each payment = what its ledger moved, in minor units")
        self.bounds = Check("bounds", "refunded <= captured <= amount of each payment")
        self.confirmed = Check("confirmed", "a CONFIRMED order is paid in full, and each of its lines held or shipped")
        self.cancelled = Check("cancelled", "a settled CANCELLED order has net 0 and holds nothing")
        self.owned = Check("owned", "every order is at rest, or a timer, effect, retry, message or person owns it")
        self.effects = Check("effects", "what a payment waits for is there")
        self.orphans = Check("orphans", "every payment and hold has its order")
        self.notified = Check("notified", "every notification has ended, or each delivery of it has what moves it on")
        self.letters = Check("letters", "every DEAD delivery has its dead letter, and no other has one that waits")
        self.places = Check("places", "the places that users hold = their deliveries being sent or called")
        self.messages = Check("messages", "the numbers of every pair fit; nothing that was taken is left behind")
        self.indexes = Check("indexes", "every index row says what its entity says, and none is missing")

    def laws(self) -> list[Law]:
        """How each fared."""
        return [check.law() for check in vars(self).values()]
