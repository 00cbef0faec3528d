"""Where personas, their revisions, drafts, links and favourites are stored: files or a database.

Both stores guarantee the same (`base`): complete files, no lost updates (ETags), every save a revision. Begin
with `base`, then `files` or `sql`.
"""
