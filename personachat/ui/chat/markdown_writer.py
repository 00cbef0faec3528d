r"""Writes a reply's Markdown so that Streamlit can't misread it.

Streamlit reads another dialect. Images are fetched from anywhere, `:red[...]`, `:smile:`, `->` and `::name`
are changed or dropped, diagrams are drawn, and code or formulas may begin and end elsewhere than in
CommonMark. So nothing of the source is passed on. Text is escaped sign by sign, code gets fences longer than
any in it, and lists, quotes and tables are laid out again. The result contains no image, no HTML, no
definition and no link except to the web or to mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from markdown_it.token import Token

from personachat.history.markdown import fence
from personachat.ui.chat.markdown_parser import leads_somewhere, parse

JOINER = "\u2060"
"""Word joiner: has no width. Put into code where Streamlit would rewrite even that."""

SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|$:~&^@]|!\Z|(?<=:material)/|(?<=www)\.", re.IGNORECASE)
SIGN = re.compile(
    r"""
      (?P<name>:)(?=[\w+-]+:)                                          # an emoji's name or an icon's
    | (?<![^\s\ufeff])(?P<left>[-<>~])(?P<right>[-=>])(?P<rest>>?)(?![^\s\ufeff])  # an arrow, a comparison
    """,
    re.VERBOSE,
)
APART = r":color[\{}]"
"""A sign in no colour of Streamlit's, to separate it from neighbours that would change its meaning."""

LINE_START = re.compile(r"(?P<number>\d{1,9})(?=[.)])|(?=[-+=])|(?P<blank>[ \t])")
PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
IN_ADDRESS = re.compile(r"[\\<>&|]|(?<=:material)/")
LANGUAGE = re.compile(r"[\w+#.-]{1,40}\Z")
IN_FORMULA = re.compile(r"(?<=!)(?=\[)|(?<=\])(?=[(:\[])")
"""Replaces an image, a link or a definition that looks like a formula. A space means nothing there."""

TELLING = re.compile(r"\A[ ]|[\x00-\x09\x0b-\x1f\x7f\\_\[\]{}<>=|$~&^@]|:(?![\s*]|\Z)|--|```")
"""Text that Streamlit could misread contains one of these. Other text, most prose, stays as it is."""

ALONE = frozenset({"heading", "fence", "hr", "math"})
"""Blocks that another one may follow on the next line."""


def written(text: str, *, growing: bool = False) -> str:
    """Markdown for `st.markdown` that shows what `text` means; see `markdown_parser.parse` for `growing`."""
    if not TELLING.search(text) and not (growing and _is_half_marked(text)):
        return text.strip()
    return written_anew(text, growing=growing)


def written_anew(text: str, *, growing: bool = False) -> str:
    return "\n".join(_joined(list(_blocks(parse(text, growing=growing))), tight=False))


def _is_half_marked(text: str) -> bool:
    last = text[text.rfind("\n\n") + 1 :]
    return bool(last.count("`") % 2 or last.replace("**", "").count("*") or last.count("**") % 2)


BREAKS = frozenset({"softbreak", "hardbreak"})

Block = tuple[str, list[str]]
"""The block's kind and its lines."""


def _joined(blocks: Sequence[Block], *, tight: bool) -> list[str]:
    lines: list[str] = []
    before = ""
    for kind, own in blocks:
        near = before in ALONE or (before == "paragraph" and kind not in {"paragraph", "table", "math"})
        if before and not (tight and near):
            lines.append("")
        lines += own
        before = kind
    return lines


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        yield from _block(tokens[at], tokens[at + 1 : end])
        at = end + 1


def _block(token: Token, inner: Sequence[Token]) -> Iterator[Block]:
    kind = token.type.removesuffix("_open")
    if kind == "paragraph":
        yield from _paragraph(inner[0].children or [])
    elif kind == "html_block":  # plain text: nothing draws it
        for paragraph in re.split(r"\n[ \t]*\n", token.content.strip("\n")):
            yield "paragraph", [_text(line.strip(" \t"), begins=True) for line in paragraph.split("\n")]
    else:
        written_as, lines = LINES[kind]
        yield written_as, lines(token, inner)


def _heading(token: Token, inner: Sequence[Token]) -> list[str]:
    return [f"{'#' * int(token.tag[1])} {_inline(inner[0].children or [], one_line=True)}"]


def _quote(_: Token, inner: Sequence[Token]) -> list[str]:
    own = _joined(list(_blocks(inner)), tight=False) or [""]
    return [f"> {line}" if line else ">" for line in own]


def _end(tokens: Sequence[Token], at: int) -> int:
    """Where the block ends that begins at `at`."""
    opening = tokens[at]
    if opening.nesting <= 0:
        return at
    return next(
        number
        for number in range(at + 1, len(tokens))
        if tokens[number].level == opening.level and tokens[number].nesting < 0
    )


def _paragraph(children: Sequence[Token]) -> Iterator[Block]:
    """A paragraph, and the formulas in it that become blocks of their own."""
    words: list[Token] = []
    is_formula = len(children) == 1
    for child in children:
        if child.type == "math_display" and child.level == 0 and (is_formula or child.markup != "$$"):
            yield from _words(words)
            yield "math", _formula_block(child.content.strip())
            words = []
        else:
            words.append(child)
    yield from _words(words)


def _words(children: list[Token]) -> Iterator[Block]:
    while children and children[0].type in BREAKS:
        children = children[1:]
    while children and children[-1].type in BREAKS:
        children = children[:-1]
    lines = [line for line in _inline(children).split("\n") if line.strip()]
    if lines:
        yield "paragraph", lines


def _list(token: Token, tokens: Sequence[Token]) -> list[str]:
    """Items are indented by at least four spaces, where Streamlit doesn't look for fences."""
    level = token.level + 1
    starts = [
        at for at, token in enumerate(tokens) if token.type == "list_item_open" and token.level == level
    ]
    tight = not any(
        token.type == "paragraph_open" and token.level == level + 1 and not token.hidden for token in tokens
    )
    lines: list[str] = []
    first = tokens[0].info if starts else ""
    for number, at in enumerate(starts):
        opening = tokens[at]
        mark = f"{min(int(first) + number, 999_999_999)}{opening.markup}" if first else opening.markup
        indent = " " * max(4, len(mark) + 1)
        own = _joined(list(_blocks(tokens[at + 1 : _end(tokens, at)])), tight=tight) or [""]
        if lines and not tight:
            lines.append("")
        lines.append(mark.ljust(len(indent)) + own[0] if own[0] else mark)
        lines += [indent + line if line else "" for line in own[1:]]
    return lines


def _table(_: Token, tokens: Sequence[Token]) -> list[str]:
    rows: list[list[str]] = []
    rule: list[str] = []
    for at, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in {"th_open", "td_open"}:
            rows[-1].append(_inline(tokens[at + 1].children or [], one_line=True, in_table=True))
            if token.type == "th_open":
                rule.append(_alignment(str(token.attrs.get("style", ""))))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], f"|{'|'.join(rule)}|", *lines[1:]]


def _alignment(style: str) -> str:
    return {"text-align:left": ":--", "text-align:center": ":-:", "text-align:right": "--:"}.get(style, "---")


def _fence(token: Token, _: Sequence[Token]) -> list[str]:
    content = token.content.removesuffix("\n")
    language = token.info.strip().split(" ")[0] if token.info.strip() else ""
    if not LANGUAGE.match(language) or "mermaid" in language.lower():
        language = ""
    mark = fence(content)
    return [f"{mark}{language}", *_code(content).split("\n"), mark]


def _code(content: str) -> str:
    return content.replace(":material/", f":{JOINER}material/")


def _formula_block(content: str) -> list[str]:
    mark = fence(content, sign="$", least=2)
    return [mark, *_formula(content).split("\n"), mark]


def _formula(content: str) -> str:
    return IN_FORMULA.sub(" ", _code(content))


def _inline(children: Sequence[Token], *, one_line: bool = False, in_table: bool = False) -> str:
    out: list[str] = []
    links: list[tuple[str, int]] = []
    words: list[str] = []
    for token in (*children, END):
        if token.type in {"text", "text_special", "html_inline"}:
            words.append(token.content)
            continue
        if words:
            out.append(_text("".join(words), begins=not out or out[-1].endswith("\n")))
            words = []
        if token.type in BREAKS:
            out.append(" " if one_line else "\n" if token.type == "softbreak" else "\\\n")
        elif token.type == "code_inline":
            out.append(_code_span(token.content, in_table=in_table))
        elif token.type in {"math_inline", "math_display"}:
            out.append(_formula_span(token.content, in_table=in_table))
        elif token.type == "link_open":
            links.append((_target(token, "href"), len(out)))
            out.append("[" if links[-1][0] else "")
        elif token.type == "link_close":
            target, opened = links.pop()
            empty = target and not "".join(out[opened + 1 :]).strip()
            out.append((_address(target) if empty else "") + target)
        elif token.type == "image":
            out.append(_picture(token, in_table=in_table, linked=any(target for target, _ in links)))
        else:
            out.append(token.markup)
    return "".join(out)


END = Token("end", "", 0)


def _picture(image: Token, *, in_table: bool, linked: bool) -> str:
    """An image is never fetched unasked: its description becomes a link to it."""
    target = "" if linked else _target(image, "src")
    parts = [child for child in image.children or [] if child.type not in {"link_open", "link_close"}]
    words = _inline(parts, one_line=True, in_table=in_table)
    return f"[{words or _address(target)}{target}" if target else words


def _target(token: Token, attribute: str) -> str:
    """The end of a link; nothing if it leads neither to the web nor to mail nor up or down the page."""
    url = re.sub(r"\s", "%20", str(token.attrs.get(attribute, "")))
    if not leads_somewhere(url):
        return ""
    title = " ".join(str(token.attrs.get("title", "")).split())
    title_part = f' "{PUNCTUATION.sub(_escape, title)}"' if title else ""
    return f"](<{IN_ADDRESS.sub(_escape, url)}>{title_part})"


def _address(target: str) -> str:
    """A link's address as text."""
    return _text(re.sub(r"\\(.)", r"\1", target[3 : target.index(">")]), begins=False)


def _escape(sign: re.Match[str]) -> str:
    return f"\\{sign.group()}"


def _code_span(content: str, *, in_table: bool) -> str:
    mark = fence(content, least=1)
    code = _code(content)
    if in_table:
        code = code.replace("\\|", f"\\{JOINER}|").replace("|", "\\|")
    needs_room = (
        code.startswith("`") or code.endswith("`") or (code[:1] == code[-1:] == " " and code.strip(" "))
    )
    room = " " if needs_room else ""
    return f"{mark}{room}{code}{room}{mark}"


def _formula_span(content: str, *, in_table: bool) -> str:
    r"""Between at least two dollar signs, so that the dollars of `\$` don't end it."""
    formula = " ".join(_formula(content).split("\n")).strip()
    if in_table:
        formula = formula.replace("\\|", "\\Vert ").replace("|", "\\vert ")
    mark = fence(formula, sign="$", least=2)
    room = " " if formula.startswith("$") or formula.endswith("$") else ""
    return f"{mark}{room}{formula}{room}{mark}"


@lru_cache(maxsize=2_000)
def _text(words: str, *, begins: bool) -> str:
    """Text as Markdown that shows exactly that; `begins` if a line begins with it."""
    out: list[str] = []
    at = 0
    for sign in SIGN.finditer(words):
        out.append(_escaped(words[at : sign.start()]))
        if sign["name"]:
            out.append(APART.format(":"))
        elif sign.group() in ARROWS:
            out.append(_escaped(sign["left"]) + APART.format(sign["right"]) + _escaped(sign["rest"]))
        else:
            out.append(_escaped(sign.group()))
        at = sign.end()
    out.append(_escaped(words[at:]))
    text = "".join(out)
    if begins:
        text = LINE_START.sub(_disarmed, text, count=1) if LINE_START.match(text) else text
    return text


ARROWS = frozenset({"<->", "->", "<-", "--", ">=", "<=", "~="})


LINES: dict[str, tuple[str, Callable[[Token, Sequence[Token]], list[str]]]] = {
    "heading": ("heading", _heading),
    "fence": ("fence", _fence),
    "code_block": ("fence", _fence),
    "blockquote": ("quote", _quote),
    "bullet_list": ("list", _list),
    "ordered_list": ("list", _list),
    "table": ("table", _table),
    "math_block": ("math", lambda token, _: _formula_block(token.content)),
    "hr": ("hr", lambda *_: ["___"]),
}
"""How to write each kind of block that the parser returns."""


def _escaped(words: str) -> str:
    return SPECIAL.sub(_escape, words).replace("\n", "&#10;").replace("\r", "&#13;")


def _disarmed(start: re.Match[str]) -> str:
    if start["blank"]:
        return f"&#{ord(start['blank'])};"
    return f"{start['number'] or ''}\\"
