"""The personas page: the list, the editor and its tabs, Try out, bulk actions, import.

Typed text is in a draft at once; only Save changes a persona. Begin with `desk`, which holds what is open,
then `view`.
"""
