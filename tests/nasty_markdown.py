"""Texts of fragments that Markdown's readers disagree about, made by hypothesis or from a seed.

Words such as w123 stand only where they are to be seen: never in an address, nor behind a fence.
"""

from __future__ import annotations

import random
import re

from hypothesis import strategies as st

ELSEWHERE = "http://elsewhere.example"
"""Stands for another host; a test puts its own in."""

IMAGES = (
    *(
        f"![alt]({ELSEWHERE}/1) ",
        f"![alt](<{ELSEWHERE}/2>)",
        "![alt][r]",
        "![r]",
        f"[![alt]({ELSEWHERE}/3)](b)",
    ),
    *(
        f"<img src={ELSEWHERE}/4>",
        f"![alt\n]({ELSEWHERE}/5)",
        f"!\\[alt]({ELSEWHERE}/6)",
        f"\\![alt]({ELSEWHERE}/7)",
    ),
    *(f"\\\\![alt]({ELSEWHERE}/8)", f"&#33;[alt]({ELSEWHERE}/9)", f"!&#91;alt]({ELSEWHERE}/10)"),
    *(
        f'![alt]({ELSEWHERE}/11 "t")',
        f"![alt]({ELSEWHERE}/12 ",
        f"\n[r]: {ELSEWHERE}/13\n",
        "[a](data:text/html,x)",
    ),
    *(f"\n| ![a]({ELSEWHERE}/14) | b |\n|---|---|\n", f"# ![a]({ELSEWHERE}/15)", "[a](javascript:alert(1))"),
)
MARKS = (
    *(
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\n    ",
        "\n\t",
        "\n> ",
        "\n- ",
        "\n1. ",
        "\n2) ",
        "\n  ",
        "\f",
        "\u00a0",
        "\u2028",
    ),
    *(
        "\n```\n",
        "\n~~~\n",
        "\n````\n",
        "\n   ```\n",
        "\n    ```\n",
        "\n\t```\n",
        "\n```a`b\n",
        "`",
        "``",
        "```x```",
    ),
    *(
        "$",
        "$$",
        "\n$$\n",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\n\\[\n",
        "\n\\]\n",
        "*",
        "**",
        "_",
        "|",
        "\n|---|---|\n",
        "\n| ",
    ),
    *(
        "---",
        "\n---\n",
        "\n===\n",
        "\n# ",
        "<",
        "<!--",
        "-->",
        "\n<div>\n",
        "</div>",
        "<![CDATA[",
        "<?",
        "<pre>\n",
    ),
    *(
        "\n:::x\n",
        "\n::y\n",
        ":color[",
        ":red[",
        "]",
        "[",
        "(",
        ")",
        "{",
        "}",
        "\\",
        "\\\n",
        "  \n",
        "[^1]",
        "\n[^1]: ",
    ),
    *(
        "\n- [ ] ",
        "\n- [x] ",
        "&",
        "&#10;",
        "&#96;",
        "&lt;",
        ":smile:",
        ":material/",
        "->",
        " -- ",
        "~",
        "~~",
        "@",
        ".",
    ),
    *(
        "http://",
        "www.",
        "!",
        "]:",
        "](",
        "\0",
        "\ufeff",
        "\x0b",
        "\u200b",
        "10",
        "\n* * *\n",
        "\n+ ",
        "\n-",
        "\n\\",
    ),
)
WORDS = tuple(f"w{number}{end}" for number in range(100, 140) for end in (" ", "", "."))


def texts(count: int, *, seed: int) -> list[str]:
    """The same ones for the same seed."""
    chosen = random.Random(seed)
    return [
        _apart(
            [
                chosen.choice(chosen.choice((IMAGES, MARKS, MARKS, WORDS)))
                for _ in range(chosen.randint(2, 24))
            ]
        )
        for _ in range(count)
    ]


def _apart(fragments: list[str]) -> str:
    """No word behind what may be a fence, on whose line all words are about the code and none is shown."""
    return re.sub(r"((?:`{3}|~{3})[^\n\r]*?)w\d", r"\1\n", "".join(fragments))


def words_of(text: str) -> list[str]:
    return re.findall(r"w1\d\d", text)


TEXTS = st.lists(st.one_of(*map(st.sampled_from, (IMAGES, MARKS, MARKS, WORDS))), max_size=40).map(_apart)
