"""Character cards, versions 1 to 3, in PNG, WebP, JPEG, JSON and CHARX.

What a card holds beyond a persona's fields is kept and goes out again. Begin with `card`, then `mapping`.
"""
