"""What a persona is: its fields and their limits, its problems, its prompt, its differences.

A `Persona` is always valid. Nothing here does input or output: stores and file formats are packages of their
own. Begin with `persona`, then `prompt`.
"""
