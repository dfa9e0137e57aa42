"""Thought: what a model writes before its answer, told apart from the answer.

Models that reason write it into their text, each family in its own way: `<think>…</think>`, often
without the opening tag (a chat template has written that), `[THINK]…[/THINK]`, `◁think▷…◁/think▷`,
`<|channel|>analysis…<|channel|>final…`. It is no answer and never shown as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAMES = (
    r"(?:seed:|ant:?|antml:|internal_|inner_)?"
    r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ion)?|scratch_?pad|monologue|analysis|cot"
    r"|chain_of_thought|deliberation|planning)"
)
_OPEN = re.compile(
    rf"<{_NAMES}(?:\s[^<>\n]{{0,80}})?>|\[think(?:ing)?\](?!\()|◁{_NAMES}▷|<\|{_NAMES}\|>"
    rf"|<\|begin_of_thought\|>|<\|start_{_NAMES}\|>|<\|channel>thought\b"
    r"|<unused94>(?:thought)?",
    re.IGNORECASE,
)
_CLOSE = re.compile(
    rf"</{_NAMES}>|\[/think(?:ing)?\]|◁/{_NAMES}▷|<\|/{_NAMES}\|>|<\|end_of_thought\|>"
    rf"|<\|end_{_NAMES}\|>|<channel\|>|<unused95>",
    re.IGNORECASE,
)
_FOLDED = re.compile(r"<details type=\"reasoning\"[^<>\n]*>([\s\S]*?)</details>", re.IGNORECASE)
_CHANNEL = re.compile(
    r"(?:<\|start\|>\s*\w+\s*)?<\|channel\|>\s*(\w+)[^<]{0,80}?(?:<\|constrain\|>[^<]{0,20})?"
    r"<\|message\|>"
)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>[\s\S]*\Z")
# The same where a decoder has left the special tokens out.
_BARE_CHANNEL = re.compile(r"\A\s*analysis(?=[A-Z\"'])([\s\S]*?)(?:assistantfinal|\Z)")
_CODE = re.compile(r"```[\s\S]*?```|`[^`\n]+`")
_STEPS = re.compile(
    r"\A\s*(?:here (?:is|are) my (?:thought process|reasoning steps):"
    r"|[*_#\s]*(?:thoughts?|reasoning|thinking|chain of thought)[*_]*\s*:"
    r"|(?:okay, )?let(?:'s|’s| us| me) (?:think|reason)\b)",
    re.IGNORECASE,
)
_AFTER_STEPS = re.compile(
    r"\[BEGIN FINAL RESPONSE\]|here is my response:"
    r"|(?:^|\n)[*_#\s]*(?:final )?(?:answer|response)[*_]*\s*:[*_]*",
    re.IGNORECASE,
)
_STARTS = ("<", "[", "◁", "analysis")
_MARK_END = re.compile(r"[>\]▷]")
_LONGEST_MARK = 120
"""Characters after which a text that began like a thought's mark is known for none."""


@dataclass(frozen=True)
class Told:
    """A reply's `answer` and the `thought` before it; `ended` is False where it never ends."""

    answer: str
    thought: str = ""
    ended: bool = True


def set_aside(text: str) -> Told:
    """Return a model's reply with its thought apart.

    What stands in code (`` `<think>` ``) is no thought's mark. A closing mark without an opening
    one ends a thought that began with the text.

    >>> set_aside("<think>Ten? No.</think> Five days.")
    Told(answer='Five days.', thought='Ten? No.', ended=True)
    >>> set_aside("Ten? No.</think> Five days.").answer, set_aside("<think>Ten").ended
    ('Five days.', False)
    """
    if told := _channels(text) or _steps(text):
        return told
    text = _FOLDED.sub(r"<think>\1</think>", text)
    answer, thoughts, inside, at = "", list[str](), False, 0
    for start, end, opens in _tags(text):
        between, at = text[at:start], end
        if inside:
            thoughts.append(between)
            if opens:
                thoughts.append(text[start:end])
        elif opens:
            answer += between
        else:
            thoughts.append(answer + between)
            answer = ""
        inside = opens
    rest = text[at:]
    if not thoughts and not inside:
        return Told(text)
    if inside:
        thoughts.append(rest)
    else:
        answer += rest
    thought = "\n".join(filter(None, (part.strip() for part in thoughts)))
    return Told(answer.strip(), thought, ended=not inside or bool(answer.strip()))


def _tags(text: str) -> Iterator[tuple[int, int, bool]]:
    """The marks of thoughts in order: where each begins and ends, and whether it opens one."""
    code = [match.span() for match in _CODE.finditer(text)]
    marks = sorted(
        (match.start(), match.end(), pattern is _OPEN)
        for pattern in (_OPEN, _CLOSE)
        for match in pattern.finditer(text)
    )
    last = max((end for _, end, opens in marks if not opens), default=0)
    inside, before = False, 0
    for start, end, opens in marks:
        # Thoughts hold code, and a fence in one may stay open: only answers quote marks.
        if not inside and any(a <= start < b for a, b in code):
            continue
        # "The <analysis> element" opens nothing.
        if opens and start >= last and text[before:start].rstrip(" \t")[-1:].strip():
            continue
        inside, before = opens, end
        yield start, end, opens


def _channels(text: str) -> Told | None:
    """The channels of gpt-oss's harmony format."""
    if bare := _BARE_CHANNEL.match(text):
        answer = text[bare.end() :].strip()
        return Told(answer, bare[1].strip(), ended=bool(answer))
    marks = list(_CHANNEL.finditer(text))
    if not marks:
        return None
    answer, thoughts = text[: marks[0].start()].strip(), list[str]()
    for mark, end in zip(marks, [*(m.start() for m in marks[1:]), len(text)], strict=True):
        said = _CHANNEL_END.sub("", text[mark.end() : end]).strip()
        if mark[1].lower() == "final":
            answer = said
        else:
            thoughts.append(said)
    final = any(mark[1].lower() == "final" for mark in marks)
    return Told(answer, "\n".join(thoughts), ended=final or bool(answer))


def _steps(text: str) -> Told | None:
    """Thought that is announced in words, with an answer that is too."""
    if not _STEPS.match(text):
        return None
    ends = list(_AFTER_STEPS.finditer(text))
    if not ends:
        return None
    answer = text[ends[-1].end() :].replace("[END FINAL RESPONSE]", "").strip(" \n*")
    return Told(answer, text[: ends[-1].start()].strip()) if answer else None


@dataclass
class Shown:
    """What of a text that comes in pieces may be shown: nothing while it may be thought."""

    _text: str = ""
    _shown: str = ""

    def add(self, piece: str) -> str:
        """Take one more piece and return what is new to show.

        >>> shown = Shown()
        >>> [shown.add(piece) for piece in ("<thi", "nk>Ten?", "</think>", "Five", " days.")]
        ['', '', '', 'Five', ' days.']
        """
        self._text += piece
        begun = self._text.lstrip()
        if not begun.startswith(_STARTS) and not "analysis".startswith(begun):
            return self._new(self._text)
        told = set_aside(self._text)
        open_yet = begun.startswith(("<|", "<d", "a")) or not _MARK_END.search(begun)
        waits = not told.thought and open_yet and len(begun) < _LONGEST_MARK
        if waits or not told.ended or not told.answer.startswith(self._shown):
            return ""
        return self._new(told.answer)

    def _new(self, text: str) -> str:
        new = text[len(self._shown) :]
        self._shown += new
        return new
