"""Reply: from a text as models write it to the answer in it, whatever it is wrapped in."""

from __future__ import annotations

import json
import re
from typing import Any

_ANSWER = r"(?:final |short |direct |brief |concise |my )?(?:answer|response)"
_ASKED = r"(?: to (?:this|the|your) question)?"
_LABEL = re.compile(
    rf"\A[#>*_\s]*(?:(?:the )?{_ANSWER}{_ASKED}(?: is)?|assistant|a(?![\s\S]*\nb\s?:)"
    r"|antwort|réponse|respuesta|risposta|resposta|ответ|答案|回答|答え|答)[*_]*\s?[:：](?!\S*//)[*_]*\s*",
    re.IGNORECASE,
)
_HEADING = re.compile(rf"\A\s*(?:#{{1,6}}\s+{_ANSWER}|\*\*{_ANSWER}\*\*)\s*\n+", re.IGNORECASE)
_PREAMBLE = re.compile(
    r"\A(?:sure|certainly|of course|absolutely|great question)[!,.]\s+|"
    rf"\A(?:sure[!,.] |certainly[!,.] )?here(?:'s|’s| is) (?:the|my|your) {_ANSWER}{_ASKED}"
    r"[^\n:]{0,60}:\s*",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\A[#>*_\s]*(?:q|question)[*_]*\s?:[^\n]*\n+(?=[#>*_\s]*(?:a|answer)\b)", re.IGNORECASE
)
_TOKENS = re.compile(
    r"\A\s*(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|start\|>)\s*"
    r"(?:assistant|model)(?:<\|end_header_id\|>|<\|message\|>)?\s*"
    r"|\A\s*<\|assistant\|>"
    r"|\s*(?:<\|im_end\|>|<\|eot_id\|>|<\|endoftext\|>|<\|return\|>|<\|end\|>|<end_of_turn>|</s>"
    r"|<\|END_RESPONSE\|>|<eos>|\[END FINAL RESPONSE\])+\s*\Z"
    r"|\A\s*(?:<s>|<\|START_RESPONSE\|>|\[BEGIN FINAL RESPONSE\])"
)
_TAGGED = re.compile(
    r"<(?P<tag>answer|final_?answer|response|final_?response|final|output|result|reply)>"
    r"\s*(?P<inside>[\s\S]*?)\s*(?:</(?P=tag)>|\Z)"
    r"|<\|begin_of_solution\|>\s*(?P<solved>[\s\S]*?)\s*(?:<\|end_of_solution\|>|\Z)",
    re.IGNORECASE,
)
# A fence of a programming language is an answer in code, and stays.
_FENCED = re.compile(
    r"\A(?:[^\n`]{0,120}:\s*)?(?P<fence>```|~~~)(?:json|text|txt|plain|plaintext|markdown|md|answer)?"
    r"[ \t]*\n(?P<inside>(?:(?!(?P=fence))[\s\S])*?)\s*(?:(?P=fence))?\s*\Z",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\$*\\boxed\{(?:\\text\{)?([^{}]*)\}{1,2}\$*")
_KEYS = (
    "answer", "final_answer", "finalanswer", "response", "reply", "result", "output", "text",
    "content", "message", "value",
)  # fmt: skip
_CUT_JSON = re.compile(
    r"\A\{\s*[\"'](?:final_?)?(?:answer|response)[\"']\s*:\s*"
    r"(?:\"((?:[^\"\\]|\\.)*)|'((?:[^'\\]|\\.)*))",
    re.IGNORECASE,
)
_TURNS = 6


def tidy(text: str) -> str:
    """Return a reply's answer: no label, fence, tag, JSON object or token of a chat around it.

    >>> tidy(" Answer: five days. "), tidy("The answer to this question is: 12")
    ('five days.', '12')
    >>> tidy('```json\\n{"answer": "Five days."}\\n```'), tidy("**Answer:** Five days.")
    ('Five days.', 'Five days.')
    """
    for _ in range(_TURNS):
        before = text
        text = _unwrapped(text.strip())
        if text == before:
            break
    return text.strip()


def _unwrapped(text: str) -> str:
    text = _TOKENS.sub("", text)
    for pattern in (_ASKS, _PREAMBLE, _HEADING, _LABEL):
        # A label that nothing follows is all there is.
        text = pattern.sub("", text, count=1) or text
    if (tagged := _TAGGED.search(text)) and not _is_quoted(text, tagged.start()):
        text = tagged["inside"] or tagged["solved"] or ""
    if fenced := _FENCED.match(text):
        text = fenced["inside"]
    if text.startswith(("{", "[")):
        text = _of_json(text)
    return _BOXED.sub(r"\1", text).strip()


def _is_quoted(text: str, place: int) -> bool:
    """Whether a tag stands in code or within a sentence, which speaks of it."""
    before = text[:place].rstrip(" \t")
    return text[:place].count("`") % 2 == 1 or bool(before and before[-1] not in "\n.:>!?")


def _of_json(text: str) -> str:
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        # Python's own quotes, or cut short by the limit of tokens.
        cut = _CUT_JSON.match(text)
        return _unescaped(cut[1] or cut[2] or "") if cut else text
    except RecursionError:
        return text
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        (value,) = value
    found = _answer_of(value)
    return text if found is None else found


def _answer_of(value: Any) -> str | None:
    """The answer in an object of JSON, or None where it holds none under a usual name."""
    if not isinstance(value, dict):
        return None
    named = {str(key).strip().lower().replace(" ", "_"): inner for key, inner in value.items()}
    key = next((key for key in _KEYS if key in named), None)
    if key is None:
        return None
    return _said(named[key])


def _said(value: Any) -> str | None:
    if isinstance(value, dict):
        return _answer_of(value)
    if isinstance(value, list):
        parts = [_said(part) for part in value]
        return None if None in parts else "\n".join(part for part in parts if part)
    if isinstance(value, bool):
        return "Yes." if value else "No."
    return "" if value is None else str(value)


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
