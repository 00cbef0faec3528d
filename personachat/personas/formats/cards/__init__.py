"""Character cards, versions 1 to 3, in PNG, WebP, JPEG, JSON and CHARX.

Anything in a card that a persona has no field for is stored and exported again. Begin with `card`, then
`mapping`.
"""
