"""Titles made from a conversation's first messages: the first words of the person that say something."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from personachat.messages import ChatMessage

MOST_CHARACTERS = 60

MOST_READ_MESSAGES = 12
"""Characters of a conversation's first messages that are read for its title."""

_MOST_READ = 4_000
"""Characters of one message; a title comes from its beginning."""

_SMALL_TALK = frozenset(
    """
    hi hello hey hiya heya yo sup howdy greetings morning afternoon evening night good day there again
    all everyone everybody folks friend buddy ok okay k kk yes yep yeah no nope sure fine thanks thank
    you thx ty much very so lot please bye goodbye test testing ping hm hmm well um uh oh cool nice
    great how are doing what's whats up is it going
    hallo servus moin grüß grüezi dich euch gott guten tag morgen abend ja nein danke schön dankeschön
    bitte tschüss wie geht's gehts geht dir es bonjour bonsoir salut coucou merci beaucoup oui non ça ca
    va d'accord hola buenos buenas días dias tardes noches gracias sí si adiós olá ola oi bom boa dia
    tarde noite obrigado obrigada ciao salve buongiorno buonasera grazie bene prego qué que tal hoi
    goedemorgen dank je wel hej hallå tack tak takk cześć dzień dobry dziękuję merhaba selam
    teşekkürler привет здравствуйте спасибо да нет γεια σας ευχαριστώ مرحبا السلام عليكم شكرا שלום תודה
    你好 您好 谢谢 謝謝 嗨 好的 こんにちは こんばんは おはよう おはようございます ありがとう はい
    안녕 안녕하세요 감사합니다 네
    """.split()  # noqa: SIM905  # as a list it would be as long as the module
)

_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>")
_LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|>\s*|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,3}[.)]\s+)+")
_RULE = re.compile(r"^[\s*_=|:-]+$")
_EMPHASIS = re.compile(r"(\*\*|__|\*|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_SENTENCE_END = re.compile(r"(?<=\w{3}\.)\s+(?=[^a-z])|(?<=[!?…])\s+|(?<=[。！？])")  # noqa: RUF001  # these signs are meant
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001  # these signs are meant


def title_of(messages: Sequence[ChatMessage]) -> str:
    """A line of at most 60 characters; "" only if nothing was said.

    It comes from the first user's message that says more than "hi", or else from any user's, or else from a
    reply.
    """
    messages_of_user = [message.content for message in messages if message.role == "user"]
    replied = [message.content for message in messages if message.role == "assistant"]
    telling = (line for text in messages_of_user for line in _sentences(text) if _tells(line))
    return _cut(next(telling, "") or _first(messages_of_user) or _first(replied))


def retitled(title: str, earlier: Sequence[ChatMessage], added: Sequence[ChatMessage]) -> str:
    """The title after more messages; a new one only while the first ones say nothing."""
    if title and (len(earlier) >= MOST_READ_MESSAGES or _is_telling(earlier)):
        return title
    return title_of([*earlier, *added][:MOST_READ_MESSAGES]) or title


def _is_telling(messages: Iterable[ChatMessage]) -> bool:
    texts = (message.content for message in messages if message.role == "user")
    return any(_tells(line) for text in texts for line in _sentences(text))


def _tells(line: str) -> bool:
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(line)]  # noqa: RUF001  # these signs are meant
    if not words:
        return False
    return any(word not in _SMALL_TALK for word in words)


def _first(texts: Iterable[str]) -> str:
    """The first line that isn't blank, even if it is a single sign."""
    for text in texts:
        for line in (*_sentences(text), *text[:_MOST_READ].splitlines()):
            if first_line := _plain_line(line):
                return first_line
    return ""


def _sentences(text: str) -> Iterable[str]:
    """The sentences of the prose; those of the code if there is no prose."""
    text = text[:_MOST_READ]
    prose = _FENCED.sub("\n", text)
    for part in (prose, _FENCE.sub("", text)):
        lines = [_plain(line) for line in part.splitlines()]
        sentences = [_plain_line(piece) for line in lines for piece in _SENTENCE_END.split(line)]
        if with_words := [sentence for sentence in sentences if _WORD.search(sentence)]:
            return with_words
    return []


def _plain(line: str) -> str:
    """A line without its Markdown."""
    if _RULE.match(line):
        return ""
    line = _TAG.sub("", _LINK.sub(r"\1", _LINE_START.sub("", line)))
    for _ in range(3):  # nested, as in ***both***
        line = _EMPHASIS.sub(r"\2", line)
    return line


def _plain_line(line: str) -> str:
    """One line of printable characters, single spaces between its words."""
    printable = (" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in line)
    return " ".join("".join(printable).split())


def _cut(line: str) -> str:
    if len(line) <= MOST_CHARACTERS:
        return line
    head = line[:MOST_CHARACTERS]
    at = head.rfind(" ")
    if at < MOST_CHARACTERS // 3:  # a script without spaces, or an address: any place will do
        at = MOST_CHARACTERS - 1
    return head[:at].rstrip(" ,;:.-–—") + "…"  # noqa: RUF001  # these signs are meant
