"""Files of personas: what may come in, and what can go out.

A reader never trusts its file: sizes, depths and names are bounded before they are used, and what gets
lost is reported. Begin with `reading` for imports, `writing` for exports, `catalogue` for the list of
formats.
"""
