"""The chat page: transcript, live reply, message box, controls and dialogs.

Begin with `transcript`, then `live_turn`, then `composer`.
"""
