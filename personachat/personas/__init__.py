"""What a persona is: its fields and their limits, its problems, its prompt, its differences.

A persona is valid or it is no `Persona`. Nothing here does input or output; stores and file formats are
in packages of their own. Begin with `persona`, then `prompt`.
"""
