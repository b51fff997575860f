"""The channels: what an address is, which parts a message has, what must not be in them. Pure; who sends is in
`actors/providers/`."""
