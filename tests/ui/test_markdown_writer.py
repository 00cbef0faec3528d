"""What a reply's Markdown means is written so that Streamlit draws just that."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from personachat.ui.chat.markdown_parser import DEEPEST
from personachat.ui.chat.markdown_writer import JOINER, written, written_anew
from tests.nasty_markdown import TEXTS, words_of


def meant(text: str) -> list[Token]:
    """All tokens of a text as CommonMark with tables has them, inline ones too."""
    tokens: list[Token] = []
    waiting = MarkdownIt("commonmark", {"maxNesting": 200}).enable("table").parse(text)
    while waiting:
        token, *waiting = waiting
        tokens.append(token)
        waiting = [*(token.children or []), *waiting]
    return tokens


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.one_of(st.none(), st.integers(0, 300)))
def test_no_text_cut_anywhere_becomes_an_image(text: str, cut: int | None) -> None:
    tokens = meant(written(text[:cut], growing=cut is not None))
    assert "image" not in {token.type for token in tokens}
    addresses = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert all(re.match(r"https?://|mailto:|#", address) for address in addresses)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_no_word_is_lost(text: str) -> None:
    shown = written(text).replace("\\", "").replace(JOINER, "")
    assert [word for word in words_of(text) if word not in shown] == []


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (r"so \(x^2\) is", "so $$x^2$$ is"),
        (r"\[x^2\]", "$$\nx^2\n$$"),
        ("text:\n\\[\nx\n\n= y\n\\]\nmore", "text\\:\n\n$$\nx\n\n= y\n$$\n\nmore"),
        ("$$x$$", "$$\nx\n$$"),
        (r"in a line \[x\], then", "in a line \n\n$$\nx\n$$\n\n, then"),
        (r"`\(x\)`", r"`\(x\)`"),
        ("```\n\\(x\\) costs $5\n```\n\\(y\\)", "```\n\\(x\\) costs $5\n```\n\n$$y$$"),
        ("from $5 to $10.", r"from \$5 to \$10."),
        ("about $1,000.50, or $20k", r"about \$1,000.50, or \$20k"),
        ("$2^n$ and $x$", "$$2^n$$ and $$x$$"),
        (r"$a = \$5$ or $HOME and $PATH", r"$$a = \$5$$ or \$HOME and \$PATH"),
        (r"a \\(literal\\) bracket", r"a \\(literal\\) bracket"),
        ("~~~\n\\(x\\)\n~~~\n", "```\n\\(x\\)\n```"),
        ("| a |\n|---|\n| $|x|$ and \\(\\|y\\|\\) |\n", "| a |\n|---|\n| \\$ |"),
        ("| a |\n|---|\n| $\\|x\\|$ |\n", "| a |\n|---|\n| $$\\vert x\\vert $$ |"),
    ],
)
def test_formulas_are_drawn_and_prices_are_not_formulas(text: str, markdown: str) -> None:
    assert written(text) == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("![a](https://x.example/?q=secret)!", "[a](<https://x.example/?q=secret>)\\!"),
        ("`![a](b)`", "`![a](b)`"),
        ("a stray ` and ![a](http://x.example/)", "a stray \\` and [a](<http://x.example/>)"),
        ("a stray $ and ![a](http://x.example/)", "a stray \\$ and [a](<http://x.example/>)"),
        ("    ```\n![a](b)", "````\n```\n````\n\na"),
        ("```a`b\n![a](b)\n```", None),
        ("[![a](http://i.example/)](http://l.example/)", "[a](<http://l.example/>)"),
        ("![a][r]\n\n[r]: http://x.example/", "[a](<http://x.example/>)"),
        ("![a][r]\n\n[s]: http://x.example/", "!\\[a\\]\\[r\\]\n\n\\[s\\]\\: http\\://x.example/"),
        ("$![a](http://x.example/)$", "$$! [a] (http://x.example/)$$"),
        ("wow!![a](http://x.example/)", "wow\\![a](<http://x.example/>)"),
        ("![1. a](b)", "1\\. a"),
        ("![](http://x.example/)", "[http\\://x.example/](<http://x.example/>)"),
    ],
)
def test_an_image_is_a_link_wherever_it_stands(text: str, markdown: str | None) -> None:
    assert markdown is None or written(text) == markdown
    assert "image" not in {token.type for token in meant(written(text))}


@pytest.mark.parametrize(
    "address",
    [
        *(
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "vbscript:x",
            "data:text/html,x",
            "file:///etc/passwd",
        ),
        *(
            "/personas?share=x",
            "//host.example/x",
            "\\\\host\\x",
            "blob:x",
            "ws://x.example",
            "?a=b",
            "&#106;avascript:x",
        ),
        *("http:", "http:///x", "https:x", "%6Aavascript:x", " javascript:x"),
    ],
)
def test_what_leads_neither_to_the_web_nor_to_mail_leads_nowhere(address: str) -> None:
    for text in (f"[words]({address})", f"[words](<{address}>)", f"[words][r]\n\n[r]: {address}"):
        shown = written(text)
        assert "words" in shown
        assert "link_open" not in {token.type for token in meant(shown)}


def test_what_leads_to_the_web_or_to_mail_stays_a_link() -> None:
    for address in ("http://x.example/a_b?c=d&e=f", "https://x.example/(a)", "mailto:a@x.example", "#part"):
        (link,) = [
            token for token in meant(written(f'[words](<{address}> "more")')) if token.type == "link_open"
        ]
        assert link.attrs == {"href": address, "title": "more"}


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("config:list[0], a[:n[0]]", r"config\:list\[0\], a\[\:n\[0\]\]"),
        ("::before", r"\:\:before"),
        (":smile:", r":color[\:]smile\:"),
        (":material/home:", r"\:material\/home\:"),
        ("a -> b <-> c--d", r"a -:color[\>] b \<:color[\-]\> c--d"),
        ("**a**->**b**", r"**a**-:color[\>]**b**"),
        ("&lt;- &colon;x&colon;", r"\<:color[\-] :color[\:]x\:"),
        ("- [x] done", r"-   \[x\] done"),
        ("~~a~~ [^1]", r"\~\~a\~\~ \[\^1\]"),
        ("www.x.example/a_b", r"www\.x.example/a\_b"),
        ("&#10;&#10;    ![x](y)", "&#10;&#10;    x"),
        ("```mermaid\nA\n```", "```\nA\n```"),
        ("```python\nA\n```", "```python\nA\n```"),
        ("~~~&#109;ermaid\nA\n~~~", "```\nA\n```"),
        ("`:material/home:`", f"`:{JOINER}material/home:`"),
    ],
)
def test_what_only_streamlit_would_read_is_written_as_words(text: str, markdown: str) -> None:
    assert written(text) == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("- a\n- b\n  1. c\n\n     d\n", "-   a\n-   b\n    1.  c\n\n        d"),
        ("> a\nlazy\n> - b\nc", "> a\n> lazy\n>\n> -   b\n>     c"),
        ("9. a\n10. b", "9.  a\n10. b"),
        ("Head\nmore\n===", "# Head more"),
        ("a\\\nb  \nc", "a\\\nb\\\nc"),
        ("1986\\. A -b\n\\+ c\n\\=", "1986\\. A -b\n\\+ c\n\\="),
        ("| a | b |\n|:-|-:|\n| `x\\|y` | c", "| a | b |\n|:--|--:|\n| `x\\|y` | c |"),
        ("- ```\n  x\n  ```", "-   ```\n    x\n    ```"),
        ("``` `` ```", "``` `` ```"),
        ("<div>\n*a*\n</div>", "\\<div\\>\n\\*a\\*\n\\</div\\>"),
    ],
)
def test_what_is_meant_is_laid_out_anew(text: str, markdown: str) -> None:
    assert written_anew(text) == markdown


def test_what_is_nested_too_deep_to_be_laid_out_is_still_said() -> None:
    assert "word" in written("> " * 3 * DEEPEST + "word")
    assert "word" in written(
        "".join("  " * depth + f"- {depth}\n" for depth in range(DEEPEST)) + "  " * DEEPEST + "- word"
    )


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Some **bold wor", "Some **bold wor**"),
        ("**bold *both", "**bold *both***"),
        ("a **", "a "),
        ("so `code", "so `code`"),
        ("see [the page](http://x.exa", "see the page"),
        ("see ![the picture](http://x.exa", "see the picture"),
        ("```py\nx = `", "```py\nx = `\n```"),
        ("$$\nx +", "$$\nx +\n$$"),
        ("| a | b |\n|---|---|\n| **c", "| a | b |\n|---|---|\n| **c** |  |"),
        ("- one\n- **two", "-   one\n-   **two**"),
    ],
)
def test_what_is_open_in_a_text_that_grows_is_drawn_as_if_it_were_closed(text: str, markdown: str) -> None:
    assert written(text, growing=True) == markdown


FRAGMENTS = (
    *(
        "word ",
        "word\n",
        "word\n\n",
        "\n",
        "- ",
        "  - ",
        "1. ",
        "2) ",
        "   ",
        "> ",
        "# ",
        "    ",
        "```\n",
        "`code` ",
        "**",
    ),
    *(
        "*",
        "---\n",
        "\\\n",
        "[a](http://x.example/)",
        "a.b:c",
        "~~~\n",
        "***\n",
        "word",
        "+ ",
        "===\n",
        "1",
        ". ",
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_what_is_laid_out_anew_means_the_same(text: str) -> None:
    def picture(markdown: str) -> str:
        return re.sub(
            r"</?(?:p|em|strong)>|<br />|\*|\s+",
            "",
            MarkdownIt("commonmark", {"maxNesting": 200}).render(markdown),
        )

    assert picture(written_anew(text)) == picture(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_what_is_left_as_it_is_holds_nothing_but_words_and_plain_markdown(text: str) -> None:
    if written(text) != written_anew(text):
        assert not re.search(r"[\[\]<>$\\&|~{}@_]|:[^\s*]|->|```|--", written(text))
