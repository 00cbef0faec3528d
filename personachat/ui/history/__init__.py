"""The History page, the sidebar's actions on conversations, and shared conversations.

Begin with `page`.
"""
