"""Checks that need no judge: pure functions over one reply, each of which says what it found and where."""
