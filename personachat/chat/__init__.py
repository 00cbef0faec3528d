"""Talking to personas: sending, stopping, branches, retries, Try out.

Everything here belongs to one owner and ends in a reply that `personachat.replies` runs. Nothing waits for a
reply: callers follow it. Begin with `service`, then `starter`, which plans and starts a reply.
"""
