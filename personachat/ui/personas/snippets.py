"""Code that calls a persona from other programs: complete, ready to paste, for this server. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"curl": "bash", "Python": "python", "JavaScript": "javascript"}
"""The names people choose from, and the language an editor colours them as."""

_CURL = """curl -N {address}/chat \\
  -H 'Content-Type: application/json' \\
  -H "Authorization: Bearer $PERSONACHAT_TOKEN" \\
  -d {body}"""

_PYTHON = """import json
import os
import urllib.request

request = urllib.request.Request(
    "{address}/chat",
    data=json.dumps({body}).encode(),
    headers={{
        "Content-Type": "application/json",
        "Authorization": "Bearer " + os.environ.get("PERSONACHAT_TOKEN", ""),
    }},
)
with urllib.request.urlopen(request) as stream:
    event = ""
    for line in stream:
        name, _, value = line.decode().strip().partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "delta":
            print(json.loads(value)["content"], end="", flush=True)
        elif name == "data" and event == "error":
            raise SystemExit(json.loads(value)["message"])
"""

_JAVASCRIPT = """const answer = await fetch("{address}/chat", {{
  method: "POST",
  headers: {{
    "Content-Type": "application/json",
    Authorization: `Bearer ${{process.env.PERSONACHAT_TOKEN ?? ""}}`,
  }},
  body: JSON.stringify({body}),
}});
if (!answer.ok) throw new Error((await answer.json()).detail);

let rest = "";
for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {{
  const events = (rest + chunk).split("\\n\\n");
  rest = events.pop();
  for (const event of events) {{
    const fields = Object.fromEntries(event.split("\\n").map((line) => line.split(/: (.*)/s)));
    if (fields.event === "delta") process.stdout.write(JSON.parse(fields.data).content);
    if (fields.event === "error") throw new Error(JSON.parse(fields.data).message);
  }}
}}
"""

_TEMPLATES = {"curl": _CURL, "Python": _PYTHON, "JavaScript": _JAVASCRIPT}


def snippet(language: str, *, address: str, persona_id: str, message: str) -> str:
    """A program in one of LANGUAGES that sends the persona `message` and prints the streaming reply."""
    body = json.dumps({"personaId": persona_id, "message": message}, ensure_ascii=True)
    if language == "curl":
        body = "'" + body.replace("'", "\\u0027") + "'"
    return _TEMPLATES[language].format(address=address, body=body)
