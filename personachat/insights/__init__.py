"""What calls and conversations say together: what is liked, what fails, what deserves a look.

Nothing here writes, and nobody gets to see a conversation of somebody else. Begin with `service`.
"""
