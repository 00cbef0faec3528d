"""Backups: everything that people made, in one file, and back into any database.

A backup shows the database at one moment, whoever writes meanwhile. Making one and restoring one happen
completely or not at all, whenever the process is killed. Settings, and so their secrets, are in none.
"""
