"""The REST API, `/v1` for programs that speak to OpenAI, and MCP.

An endpoint reads a request, calls one method of the caller's workspace (`personachat.services`) and
writes the answer; it decides nothing about personas or replies. Every error is an RFC 9457 problem,
written in `errors`. Begin with `app`, which puts the routers together, then `chat`.
"""
