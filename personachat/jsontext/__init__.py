"""JSON as people write it: read with the place of every fault, changed without touching the rest.

It knows nothing of personas. Edits keep indent, line ends, order and unknown keys. Begin with `reader`,
then `edits`.
"""
