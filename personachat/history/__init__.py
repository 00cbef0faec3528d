"""Past conversations: listing, search, export, import, sharing.

It reads and organizes what `personachat.conversations` stores, with its own SQL, and never writes a turn
except by import. Begin with `library`.
"""
