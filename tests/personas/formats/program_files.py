"""Personas as other programs write them, each with one prompt."""

from __future__ import annotations

import json
from typing import Any

from personachat.personas.formats.catalogue import ImportedPersona
from personachat.personas.formats.reading import read_file

PROMPT = "You are a harbour clerk."


def one(value: Any, *, filename: str = "") -> ImportedPersona:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    (found,) = read_file(content, filename=filename).arrivals
    return found


LOBECHAT = {
    "exportType": "agents",
    "version": 7,
    "state": {
        "sessionGroups": [],
        "sessions": [
            {
                "id": "s1",
                "type": "agent",
                "meta": {"avatar": "⚓", "title": "Harbour clerk", "description": "Berths", "tags": ["sea"]},
                "config": {
                    "systemRole": PROMPT,
                    "model": "gpt-4o",
                    "params": {"temperature": 0.3, "top_p": 1, "frequency_penalty": 0.5},
                    "openingMessage": "Ahoy.",
                    "openingQuestions": ["Is berth 3 free?"],
                    "plugins": ["search"],
                },
            }
        ],
    },
}

LIBRECHAT = {
    "id": "agent_x",
    "name": "Clerk",
    "description": "d",
    "instructions": PROMPT,
    "model": "gpt-4o",
    "provider": "openAI",
    "tools": ["code"],
    "conversation_starters": ["Hi?"],
    "model_parameters": {"temperature": 0.2},
}

ELIZA = {
    "name": "Clerk",
    "bio": ["Knows every berth.", "Works nights."],
    "lore": ["Never seen at sea."],
    "system": PROMPT,
    "messageExamples": [
        [
            {"name": "{{user1}}", "content": {"text": "Free berth?"}},
            {"name": "Clerk", "content": {"text": "Berth 3."}},
        ]
    ],
    "topics": ["boats"],
    "style": {"all": ["short"], "chat": ["dry"], "post": []},
    "adjectives": ["dry"],
    "settings": {"secrets": {"KEY": "sk-nobody-may-see"}},
}

TINY = {
    "type": "TinyPerson",
    "persona": {
        "name": "Lisa",
        "age": 28,
        "occupation": {"title": "Clerk", "description": "Keeps the berths."},
        "personality": {"traits": ["You are curious.", "You are precise."]},
    },
}

PYGMALION = {
    "char_name": "Clerk",
    "char_persona": "Knows <USER> well.",
    "world_scenario": "A harbour.",
    "char_greeting": "Ahoy.",
    "example_dialogue": "<START>\nYou: Free?\nClerk: Yes.",
}

AGNAI = {
    "kind": "character",
    "name": "Clerk",
    "description": "For tests",
    "persona": {"kind": "attributes", "attributes": {"Speech": ["dry", "short"], "Work": ["berths"]}},
    "sampleChat": "{{user}}: Free?\n{{char}}: Yes.",
    "scenario": "A harbour.",
    "greeting": "Ahoy.",
    "characterBook": {
        "name": "B",
        "entries": [{"keywords": ["pier"], "entry": "It is rotten.", "enabled": True}],
    },
}

MASK = {
    "avatar": "2693",
    "name": "Clerk",
    "context": [
        {"role": "system", "content": PROMPT},
        {"role": "user", "content": "Free?"},
        {"role": "assistant", "content": "Yes."},
    ],
    "modelConfig": {"model": "gpt-4", "temperature": 0.4, "top_p": 1, "max_tokens": 2000},
    "lang": "en",
    "builtin": False,
}

JAN = {
    "id": "jan",
    "name": "Jan",
    "avatar": "👋",
    "model": "*",
    "instructions": PROMPT,
    "object": "assistant",
    "thread_location": "",
    "parameters": {"temperature": 0.6, "stream": True},
    "tools": [],
}

ASSISTANT = {
    "id": "asst_1",
    "object": "assistant",
    "created_at": 1,
    "name": "Clerk",
    "description": None,
    "model": "gpt-4o",
    "instructions": PROMPT,
    "tools": [{"type": "file_search"}],
    "top_p": 1.0,
    "temperature": 0.9,
}

LM_STUDIO = {
    "identifier": "@local:clerk",
    "name": "Clerk",
    "operation": {
        "fields": [
            {"key": "llm.prediction.systemPrompt", "value": PROMPT},
            {"key": "llm.prediction.temperature", "value": 0.7},
            {"key": "llm.prediction.topPSampling", "value": {"checked": True, "value": 0.9}},
            {"key": "llm.prediction.maxPredictedTokens", "value": {"checked": False, "value": 5}},
            {"key": "llm.prediction.topKSampling", "value": 24},
        ]
    },
    "load": {"fields": []},
}

OLD_LM_STUDIO = {
    "name": "Clerk",
    "inference_params": {"pre_prompt": PROMPT, "temp": 0.2, "antiprompt": ["###"]},
}

OLD_WEBUI = [
    {
        "modelfile": {
            "tagName": "me/clerk:latest",
            "title": "Clerk",
            "desc": "Berths",
            "content": f'FROM llama2\nPARAMETER temperature 0.4\nSYSTEM """{PROMPT}"""',
            "suggestionPrompts": [{"content": "Free?"}],
            "categories": ["assistant"],
        }
    }
]

CREW = f"""
harbour_clerk:
  role: >
    Harbour clerk
  goal: >
    Give out berths on {{date}}
  backstory: >
    {PROMPT}
  llm: openai/gpt-4o
  allow_delegation: true
"""

TEXTGEN = f"name: Clerk\ngreeting: Ahoy.\ncontext: |\n  {PROMPT}\n"

PROMPTFOO = f"""
description: Clerk
prompts:
  - label: clerk
    raw: |-
      [{{"role": "system", "content": "{PROMPT}"}}, {{"role": "user", "content": "{{{{question}}}}"}}]
  - file://other.txt
providers:
  - id: openai:chat:gpt-4o
    config: {{temperature: 0.1, max_tokens: 50}}
tests:
  - vars: {{question: Is berth 3 free?}}
    assert: [{{type: contains, value: berth}}]
"""

LIBRECHAT_YAML = f"""
version: 1.2.1
endpoints: {{custom: []}}
modelSpecs:
  list:
    - name: clerk
      label: Harbour clerk
      description: Berths
      preset: {{endpoint: openAI, model: gpt-4o, promptPrefix: {PROMPT}, temperature: 0.3, greeting: Ahoy.}}
"""

KNOWN: dict[str, tuple[Any, str]] = {
    "lobechat": (LOBECHAT, "a LobeChat agent"),
    "lobechat index": (LOBECHAT["state"]["sessions"][0], "a LobeChat agent"),  # type: ignore[index]  # looser than the types on purpose
    "librechat agent": (LIBRECHAT, "a LibreChat agent"),
    "librechat preset": (
        {"presetId": "p", "title": "Clerk", "endpoint": "openAI", "promptPrefix": PROMPT},
        "a LibreChat preset",
    ),
    "librechat.yaml": (LIBRECHAT_YAML.encode(), "a LibreChat configuration"),
    "elizaos": (ELIZA, "an ElizaOS character"),
    "tinytroupe": (TINY, "a TinyTroupe agent"),
    "pygmalion": (PYGMALION, "a Pygmalion character"),
    "agnai": (AGNAI, "an Agnai character"),
    "nextchat": (MASK, "a NextChat mask"),
    "nextchat list": ([MASK], "a NextChat mask"),
    "nextchat store": ({"state": {"masks": {"a": MASK}}}, "a NextChat mask"),
    "jan": (JAN, "a Jan assistant"),
    "openai assistant": (ASSISTANT, "an OpenAI assistant"),
    "lm studio": (LM_STUDIO, "an LM Studio preset"),
    "lm studio 0.2": (OLD_LM_STUDIO, "an LM Studio preset"),
    "old open webui": (OLD_WEBUI, "a modelfile of an older Open WebUI"),
    "crewai": (CREW.encode(), "CrewAI's agents.yaml"),
    "textgen": (TEXTGEN.encode(), "a textgen (oobabooga) character"),
    "promptfoo": (PROMPTFOO.encode(), "a promptfoo configuration"),
    "chat request": (
        {"model": "gpt-4o", "messages": [{"role": "system", "content": PROMPT}], "temperature": 0.3},
        "a list of chat messages",
    ),
    "modelfile": (f"# mine\nfrom llama3.2\nSYSTEM {PROMPT}\n".encode(), "an Ollama Modelfile"),
    "claude agent": (
        "---\nname: harbour-clerk\ndescription: Use this: always. <example>x: y</example>\n"
        f"tools: Read\n---\n\n{PROMPT}".encode(),
        "an agent in Markdown with front matter",
    ),
    "cursor rules": (f"---\nglobs: '*.py'\nalwaysApply: true\n---\n{PROMPT}".encode(), "Cursor rules"),
    "plain": (f"{PROMPT} Answer in one line.".encode(), "a prompt in plain text"),
}
