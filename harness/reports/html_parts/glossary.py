"""Special words on the page: explained where they are first used, and listed at its end."""

from __future__ import annotations

import re

from harness.reports.html_parts.markup import clean
from harness.reports.words.glossary import FORMS, WORDS

TITLE = "Words"
_TOKENS = re.compile(r"<[^>]*>|[^<]+")
_INSIDE = {"p", "li", "small"}  # where a word is explained
_NEVER = {
    "a",
    "code",
    "svg",
    "script",
    "style",
    "summary",
    "h1",
    "h2",
    "h3",
    "h4",
    "button",
    "strong",
}
_FORM_OF = {form: word for word in WORDS for form in (word, *FORMS.get(word, ()))}
# "Masked: ..." and "A control shows ...": the sentence itself explains it
_DEFINES, _SAYS_ITSELF = re.compile(r"(?:^|[.] )$"), re.compile(r"(?:^|[.:] )An? $")
_FORM = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, _FORM_OF), key=len, reverse=True)) + r")\b(?!_)(:?)",
    re.IGNORECASE,
)


def explained(page: str) -> tuple[str, str]:
    """Return the page with each special word explained once, and the list of those in it.

    Only sentences are touched: no name, heading, code or drawing.

    Args:
        page: HTML that nests.
    """
    seen: set[str] = set()
    opened: list[str] = []
    parts = [_part(token, opened, seen) for token in _TOKENS.findall(page)]
    listed = "".join(
        f'<dt id="{_address(word)}">{clean(word)}</dt><dd>{clean(WORDS[word].says)}</dd>\n'
        for word in sorted(seen)
    )
    return "".join(parts), f"<dl>{listed}</dl>" if listed else ""


def _part(token: str, opened: list[str], seen: set[str]) -> str:
    if token.startswith("<"):
        _follow(token, opened)
        return token
    if not _INSIDE & set(opened) or _NEVER & set(opened) or "question" in opened:
        return token
    return _FORM.sub(lambda found: _told(found, seen), token)


def _follow(tag: str, opened: list[str]) -> None:
    name = re.match(r"</?([a-z0-9]+)", tag)
    if name is None or tag.endswith("/>") or name[1] in ("br", "input", "meta"):
        return
    if tag.startswith("</"):
        opened.pop()
    else:  # what people ask stays as they wrote it
        opened.append("question" if 'class="question"' in tag else name[1])


def _told(found: re.Match[str], seen: set[str]) -> str:
    word = _FORM_OF[found[1].lower()]
    if word in seen:
        return found[0]
    seen.add(word)
    link = f'<a class="word" href="#{_address(word)}">{found[1]}</a>'
    before, after = found.string[: found.start()], found.string[found.end() :]
    itself = (found[2] and _DEFINES.search(before)) or _SAYS_ITSELF.search(before)
    if itself or after.startswith(("&#x27;", "-")):
        return f"{link}{found[2]}"
    briefly = WORDS[word].briefly
    return f"{link} ({clean(briefly)}){found[2]}" if briefly else f"{link}{found[2]}"


def _address(word: str) -> str:
    return f"word-{word.replace(' ', '-')}"
