"""The personas page: the list, the editor and its tabs, Try out, bulk actions, import.

What you type is in a draft at once; only Save changes a persona. Begin with `desk`, which says what is open,
then `view`.
"""
