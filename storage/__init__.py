"""The journal on SQLite: one file per partition."""
