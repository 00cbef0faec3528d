"""The endpoints under `/api/personas` and `/api/templates`.

Begin with `personas`; the others hold one part each: files, revisions, links, checks, lore, templates.
"""
