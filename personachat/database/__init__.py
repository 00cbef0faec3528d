"""The connection to SQLite or PostgreSQL, the version of the tables, and what happens when it fails.

Only this package opens connections. Every wait has a limit. Begin with `connection`, then `schema`.
"""
