"""The durable actor engine."""
