"""Backups: everything that people made, in one file, and back into any database.

A backup shows the database at one moment, even while people write. Making or restoring one either happens
completely or not at all, even if the process is killed. It contains no settings, and so no secrets.
"""
