"""Writing personas: the library of them, import, drafting by a model, and the linter.

Every change of a persona goes through `library`, so that rights, revisions and undo hold everywhere.
Begin there, then read `imports`.
"""
