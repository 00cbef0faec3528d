"""The form of a persona, which edits the same text as the JSON editor.

A field changes its own key in the text and nothing else. Begin with `form`, then `binding`.
"""
