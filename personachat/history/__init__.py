"""The conversations one has had: listing, search, export, import, sharing.

It reads and organizes what `personachat.conversations` keeps, with SQL of its own, and never writes a
turn except by import. Begin with `library`.
"""
