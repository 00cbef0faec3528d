"""Where personas, their revisions, drafts, links and favourites are kept: files or a database.

Both stores promise the same (`base`): whole files, no lost update (ETags), every save a revision. Begin
with `base`, then `files` or `sql`.
"""
