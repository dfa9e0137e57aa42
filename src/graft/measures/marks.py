"""Marks: how answers point to their sources; what stands in them is neither word nor number.

Models write `[1]`, `【1†source】`, `(Source: 2)`, `<sup>1</sup>`, `¹`, and a list of sources
below all.
"""

from __future__ import annotations

import re

_N = r"\d{1,3}(?:\s?[-–]\s?\d{1,3})?"
_JOIN = r"\s*(?:[,;&、，]|\band\b)\s*"
_KIND = (
    r"(?:(?:source|src|document|doc|passage|context|chunk|excerpt|reference|ref|citation|cite|cit"
    r"|footnote|snippet|result|quelle|kontext|fuente|fonte|來源|来源|出典|文档|資料|资料|источник)s?|id)"
)
_NAMED = rf"{_KIND}\s*(?:no\.?|nr\.?|[#№:_.-])?\s*#?"
_POINTS = rf"[#№]?(?:{_NAMED})?{_N}(?:{_JOIN}(?:{_NAMED})?{_N})*"
_OPEN, _SHUT = r"[\[［【〔〖〚]", r"[\]］】〕〗〛]"
_SEE = r"(?:(?:see|cf\.?|per|from|siehe|vgl\.?|voir)\s+(?:also\s+)?)?"
_FILE = (
    r"[^\[\]()\n]{0,80}\.(?:md|pdf|docx?|html?|txt|csv|xlsx?|pptx?|json|xml|eml|rst|rtf|odt|epub)"
)
_LINK = r"(?:\((?:https?:|sandbox:|file:|[#/.])[^()\s]*\))"

_BRACKETED = (
    rf"{_OPEN}{{1,2}}{_SEE}{_POINTS}{_SHUT}{{1,2}}{_LINK}?",
    rf"{_OPEN}\d[\d:]*\s*[†‡][^\]］】\n]{{0,80}}{_SHUT}",
    rf"{_OPEN}oai_citation[^\]\n]{{0,80}}\]{_LINK}?",
    rf"{_OPEN}{_KIND}\s*[:：]\s*[^\]］】\n]{{1,80}}{_SHUT}",
    rf"{_OPEN}(?:[a-z]|ref|src)\d{{1,3}}{_SHUT}",
    rf"{_OPEN}cite_(?:start|end){_SHUT}",
    r"\[\^[^\]\s]{1,30}\](?!:)|\^\d{1,3}\^|\^\[\d{1,3}\]|(?<=[.!?])\^\d{1,3}",
    r"\[@[^\]\n]{1,80}\]",
    rf"\({_SEE}{_OPEN}[^\]\n]{{1,80}}\]{_LINK}\)",
    rf"\[{_KIND}\]{_LINK}",
    rf"\[{_FILE}(?:[,:#][^\]\n]{{0,40}})?\](?:\([^()\s]*\))?",
    rf"\({_SEE}{_FILE}(?:[,:#][^)\n]{{0,40}})?\)",
    r"\{\{?\s*" + rf"(?:{_POINTS})" + r"\s*\}?\}",
    r"\\cite[tp]?\{[^}\n]{1,80}\}",
)
_ROUND = (
    rf"[(（]{_SEE}(?:{_KIND}\s*[:：]\s*[^()（）\n]{{1,80}}|{_NAMED}\s*{_POINTS}"
    rf"|{_OPEN}{_POINTS}{_SHUT})[)）]"
)
# Counted words ("five (5) days") and clauses ("4(1)") are none: such a mark ends what it follows.
_ROUNDS = rf"(?:[(（]{_POINTS}[)）]\s?)+"
_ROUND_NUMBER = (
    rf"(?<=[^\W\d][.!?。！？,;:*_\"'”]){_ROUNDS}"
    rf"|(?<=[^\W\d]){_ROUNDS}(?=\s*(?:[.,;:!?。！？，；：)]|$|\n))"
    rf"|(?<=[.!?。！？\w%)])\s+{_ROUNDS}(?=[.,;:!?。！？，；：)]|$|\n)"
    rf"|(?<=[.!?。！？])\s+{_ROUNDS}"
)
_TAGS = (
    rf"<(?P<tag>sup|sub|cite|ref|citation|source|src|footnote)\b[^<>\n]{{0,80}}>\s*"
    rf"(?:{_OPEN}?{_POINTS}{_SHUT}?|[^<>\n]{{0,40}}\.\w{{2,4}})?\s*</(?P=tag)>",
    r"</?(?:cite|ref|citation|co|sup)\b(?::\s*[\d,:\s]+|\s[^<>\n]{0,120})?/?>",
)
_SIGNS = (
    # "m²", "10⁶" and "s⁻²" are units and powers, no marks.
    r"(?<![\d⁻)\]])(?<!\b[A-Za-zµμΩ]{1}(?=[²³]))(?<!\b[A-Za-zµμ]{2}(?=[²³]))(?<![²³¹⁰-⁹])"
    r"[⁽]?[¹²³⁰⁴-⁹]+(?:[,‚˒⁻–][¹²³⁰⁴-⁹]+)*[⁾]?",
    r"[①-⑳⑴-⒇❶-❿➀-➓]",
    "\ue200[^\ue201\n]{0,120}\ue201|cite(?:turn\\d+\\w+?\\d+)+",
    r":contentReference\[oaicite:\d+\](?:\{index=\d+\})?",
)
_SPOKEN = (
    rf"(?:\baccording to )?(?:\bthe )?\bpassages? [#№]?{_OPEN}?{_N}{_SHUT}?(?:{_JOIN}{_N})*",
    # "Document 3" points to one; "see document 7 days later" does not.
    rf"(?:\b(?:according to|per|as (?:stated|mentioned|noted|said|described|given) in) )"
    rf"(?:the )?(?:{_NAMED}\s?{_POINTS}|{_OPEN}{_POINTS}{_SHUT})",
    rf"(?-i:\b(?:Source|Document|Excerpt|Context|Reference)s?) [#№]?{_N}"
    rf"(?:{_JOIN}{_N})*(?= (?:says?|states?|notes?|and|mentions?|confirms?|gives?|shows?)\b|[:,)])",
)
# What leads in an answer and says nothing of it: "Based on the given passages, ...".
_GIVEN = (
    r"(?:(?:the|these|this|those|your|our|all|provided|given|retrieved|supplied|available"
    r"|above|following|relevant|attached) )+"
)
_DOCUMENTS = (
    r"(?:documents?|documentation|passages?|contexts?|text|information|sources?|excerpts?"
    r"|materials?|search results|knowledge base|snippets?)"
)
_AFTER = r"(?: (?:provided|given|above|you (?:have )?(?:provided|shared|gave)|available|shown))?"
_LEAD = re.compile(
    r"(?:based (?:solely |only )?on|according to|as per|per|going by|from"
    rf"|as (?:stated|mentioned|described|noted) in) {_GIVEN}{_DOCUMENTS}{_AFTER}"
    r"(?:,|，|:|(?=\.?\s*$))"
    rf"|(?:{_GIVEN})?\b{_DOCUMENTS}{_AFTER} (?:clearly |explicitly )?"
    r"(?:says?|states?|mentions?|indicates?|specif(?:y|ies)|explains?|notes?|tells? us) that\b",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+#.-]*[ \t]*$", re.MULTILINE)
_MARK = re.compile(
    "|".join((*_BRACKETED, _ROUND_NUMBER, _ROUND, *_TAGS, *_SIGNS, *_SPOKEN)), re.IGNORECASE
)

_HEAD = (
    r"(?:sources?|references?|citations?|footnotes?|bibliography|works cited|sources? used"
    r"|source documents?|quellen?|quellenangaben?|fuentes?|références|fonti|fontes?"
    r"|来源|來源|参考文献"
    r"|参考资料|出典|источники?)"
)
_LIST = re.compile(
    rf"(?:^|\n)[ \t]*(?:[-*_]{{3,}}[ \t]*\n\s*)?(?:[#>*_\-(\[][#>*_\-(\[ \t]*)?{_HEAD}"
    rf"[ \t*_]*(?:[:：][ \t*_]*(?P<rest>[^\n]*)|(?=\n|$))",
    re.IGNORECASE,
)
_TAIL = re.compile(
    rf"(?<=[.!?。！？)])\s+[(*_]*{_HEAD}[*_]*[:：]\s*[^\n.!?]{{1,80}}(?:\.\w{{2,4}})?\W*\Z",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\n[ \t]*(?:\[\^?\w{1,20}\]:|[¹²³⁰⁴-⁹]+ ?)[^\n]*(?=\n|\Z)")
_ITEM = re.compile(r"[ \t]*(?:[-*+•–>|]|\[|［|【|\(?\d{1,3}[.):]|[¹²³⁰⁴-⁹①-⑳]|\^|https?:|<)")
_SENTENCE = re.compile(r"[^\W\d_]{2,}[.!?]\s*$")


def masked(text: str) -> str:
    """Return the text with its marks as spaces, so that all else keeps its place.

    A text that is nothing but a mark ("[5]") is taken for what it says.

    >>> masked("Five days.【1†source】 It rains [2]."), masked("It holds 12 m² (see array[i]).")
    ('Five days.           It rains    .', 'It holds 12 m² (see array[i]).')
    """
    left = _blank(text, _sources(text), len(text))
    left = _NOTE.sub(_spaces, left)
    if tail := _TAIL.search(left):
        left = _blank(left, tail.start(), tail.end())
    for pattern in (_MARK, _LEAD, _FENCE):
        left = pattern.sub(_spaces, left)
    return left if any(map(str.isalnum, left)) else text


def _sources(text: str) -> int:
    """Where a closing list of sources begins; the text's end where there is none."""
    for match in _LIST.finditer(text):
        before = text[: match.start()]
        if any(map(str.isalnum, before)) and _is_list(text[match.end() :]):
            return match.start()
    return len(text)


def _is_list(rest: str) -> bool:
    """Whether lines name sources: items, or lines that are no sentences."""
    return all(
        _ITEM.match(line) or not _SENTENCE.search(line) for line in rest.split("\n") if line.strip()
    )


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]


def _spaces(match: re.Match[str]) -> str:
    # A line's end stays one: what stands on two lines are two sentences.
    return re.sub(r"\S", " ", match[0])
