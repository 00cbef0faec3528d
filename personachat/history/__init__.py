"""Past conversations: listing, search, export, import, sharing.

It reads and organizes what `personachat.conversations` stores, with its own SQL, and only writes turns in an
import. Begin with `library`.
"""
