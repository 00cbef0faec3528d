"""What calls and conversations show together: what people like, what fails, what needs a look.

Nothing here writes, and nobody sees another person's conversation. Begin with `service`.
"""
