"""Checks that need no judge: pure functions of one reply, each of which reports what it found and where."""
