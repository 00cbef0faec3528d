"""Every text of PersonaChat that a person may read, gathered from its source.

`uv run python tests/strings.py` writes them to docs/strings.md, one section per file; with `--lines` it
prints them with their places instead. Any literal that reads like words is taken, whoever shows it in the
end, so that a new page or command needs no entry here. Only what nobody is shown is left out: docstrings
that neither the API's description nor `--help` repeats, SQL, styles, programs and regular expressions.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
REVIEW = ROOT / "docs" / "strings.md"
INTRODUCTION = """# Every text a person may read

Generated for review by `uv run python tests/strings.py`; a test fails if it is out of date. `{...}` stands
for a value that is filled in.
"""

_WORDS = re.compile(
    r"[^\W\d_]{2,}[,;:.'\u2019]?\s+(?:[^\W\d_]+|\{)|\}[,;:.]?\s+[^\W\d_]{2,}|^[A-Z][a-z]+[.:…]?$"
)
_SQL = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE (UNIQUE )?(TABLE|INDEX|VIRTUAL|TRIGGER|EXTENSION)|"
    r"ALTER TABLE|DROP (TABLE|INDEX|TRIGGER)|PRAGMA|ORDER BY|WHERE|LISTEN|NOTIFY|VACUUM|BEGIN|COALESCE)\b"
)
_CODE = re.compile(r"^[\w./-]+/[\w+.-]+(;.*)?$|^\S*[<>{}=()\[\]]\S*$|^[\[(].*[\])]$|^(?:[A-Z][a-z]+)-[A-Z]")
_PROGRAM = re.compile(r"export default|@keyframes|^\s*<style|^import |^const |font-src|\(\?:|display: none")
_UNSHOWN_CALLS = {"compile", "getLogger", "TypeVar", "NewType", "cast", "text", "sub", "fullmatch", "search"}
_SCRIPT_TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`|^\s*(?://|\*|/\*).*$', re.MULTILINE)
_UNSEEN_FOLDERS = {"migrations"}

Text = tuple[int, str]


def _reads_like_words(text: str) -> bool:
    return bool(_WORDS.search(text)) and not any(unshown.search(text) for unshown in (_SQL, _CODE, _PROGRAM))


class _Literals(ast.NodeVisitor):
    """The texts of one module with their lines; docstrings only where they are shown."""

    def __init__(self, *, shows_docstrings: bool) -> None:
        self.texts: list[Text] = []
        self._shows_docstrings = shows_docstrings

    def _body(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        shown = self._shows_docstrings and (
            isinstance(node, ast.ClassDef)
            or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and bool(node.decorator_list))
            or getattr(node, "name", "") == "_callback"
        )
        docstring = ast.get_docstring(node)
        if shown and docstring:
            self.texts.append((node.body[0].lineno, docstring))
        if isinstance(node, ast.Module):
            decorations: list[ast.AST] = []
        elif isinstance(node, ast.ClassDef):
            decorations = [*node.decorator_list, *node.keywords]
        else:
            decorations = [*node.decorator_list, node.args]
        for child in (*decorations, *node.body):
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
                self.visit(child)

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _body  # noqa: N815  # ast's names

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in _UNSHOWN_CALLS:
            self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> None:
        if isinstance(node.annotation, ast.Subscript):  # Annotated[str, Query(description="...")]
            self.visit(node.annotation)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if getattr(node.value, "id", "") != "Literal":
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and _reads_like_words(node.value):
            self.texts.append((node.lineno, node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
            elif isinstance(part, ast.FormattedValue):
                parts.append("{" + ast.unparse(part.value) + "}")
                self.visit(part.value)
        text = "".join(parts)
        if _reads_like_words(text):
            self.texts.append((node.lineno, text))


def _texts_of_module(path: Path) -> list[Text]:
    shown = path.is_relative_to(ROOT / "personachat" / "api") or path.is_relative_to(
        ROOT / "personachat" / "cli"
    )
    literals = _Literals(shows_docstrings=shown)
    literals.visit(ast.parse(path.read_text("utf-8")))
    return sorted(literals.texts, key=lambda text: text[0])


def _texts_of_script(source: str) -> list[Text]:
    found = (
        (source.count("\n", 0, match.start()) + 1, match[1] or match[2] or "")
        for match in _SCRIPT_TEXT.finditer(source)
    )
    return [(line, text) for line, text in found if _reads_like_words(text) and "[data-" not in text]


class _HtmlTexts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[Text] = []
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        for name, value in attrs:
            if name in {"alt", "aria-label", "content", "placeholder", "title"} and value:
                self._take(value)

    def handle_data(self, data: str) -> None:
        if self._tag == "script":
            first = self.getpos()[0]
            self.texts += [(first + line - 1, text) for line, text in _texts_of_script(data)]
        elif self._tag != "style":
            self._take(data)

    def _take(self, text: str) -> None:
        if _reads_like_words(text.strip()):
            self.texts.append((self.getpos()[0], text.strip()))


def _texts_of_html(path: Path) -> list[Text]:
    parser = _HtmlTexts()
    parser.feed(path.read_text("utf-8"))
    return parser.texts


def sources() -> Iterator[Path]:
    """The files whose texts are shown, in the order of the review."""
    yield ROOT / "Home.py"
    for folder in ("pages", "personachat"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".js", ".html"} and not _UNSEEN_FOLDERS & {*path.parts}:
                yield path


def texts(path: Path) -> list[Text]:
    """Each text that `path` can show, with its line, in the order of the file."""
    if path.suffix == ".js":
        return _texts_of_script(path.read_text("utf-8"))
    return _texts_of_html(path) if path.suffix == ".html" else _texts_of_module(path)


def review() -> str:
    """What docs/strings.md holds: each file's texts, each once."""
    parts = [INTRODUCTION]
    for path in sources():
        shown = (text.strip().replace("\n", "\n  ").replace("\0", "\\0") for _, text in texts(path))
        lines = dict.fromkeys(f"- {text}" for text in shown)
        if lines:
            listed = "\n".join(["````text", *lines, "````"])
            parts.append(f"## {path.relative_to(ROOT).as_posix()}\n\n{listed}\n")
    return "\n".join(parts)


def main(*, with_lines: bool) -> None:
    if not with_lines:
        REVIEW.write_text(review(), "utf-8")
        return
    for path in sources():
        for line, text in texts(path):
            sys.stdout.write(f"{path.relative_to(ROOT)}:{line}: {text!r}\n")


if __name__ == "__main__":
    main(with_lines="--lines" in sys.argv)
