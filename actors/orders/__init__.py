"""The orders actor and its saga."""
