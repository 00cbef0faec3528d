"""The MCP server: prompts and tools for assistants and editors, over HTTP at `/mcp` and over stdio.

Only this package imports the MCP SDK. Begin with `server`, which lists what it offers.
"""
