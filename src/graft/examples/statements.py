"""Statements: sentences of a document as rules ask about them, and the drafts that come of it.

A rule is given a statement and yields questions with their answers, which are parts of it. What is
the same for all of them is here: markup goes, a pronoun never stands in a question without what it
stands for, a question names what it is about (with its page's name before it, where its own words
do not), and an answer is a part of the sentence, found in the text as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from graft.core.document import Document, Passage
from graft.examples.candidates import named
from graft.examples.clauses import is_verb
from graft.examples.drafts import Draft, draft_about
from graft.examples.filters import ANY_QUESTION, copied
from graft.examples.holding import answer_words, holds
from graft.examples.maker import Drafting
from graft.examples.sentences import is_prose
from graft.measures.sentences import sentences
from graft.measures.words import STOP_WORDS, content

MOST_OF_SENTENCE = 0.7
"""Share of a sentence's words up to which a part of it is an answer, and not the sentence."""

LONGEST_ANSWER = 22
MOST_WORDS = 26
FEWEST_TELLING = 2
"""Words that a question must have beside those that any question may have."""


@dataclass(frozen=True)
class Statement:
    """A sentence in one line, without markup, list marker and full stop.

    `topic` is what its page or section is called, "" where that says nothing; `named` is its
    innermost heading where that is a name in code, for which "it" and "the function" stand.
    `around` is the text of its document, which tells a name from a word that begins a sentence.
    """

    text: str
    topic: str = ""
    named: str = ""
    around: str = ""

    def lowered(self, part: str) -> str:
        """Return a part as it stands in mid-sentence: without the capital of its beginning.

        >>> Statement("", around="The pod runs. Use Python.").lowered("The pod")
        'the pod'
        """
        first = part.split(maxsplit=1)[0] if part.split() else ""
        bare = first.strip("\"“”'’(,")
        if not bare[:1].isupper() or not (bare == "A" or bare[1:].islower()):
            return part
        low = bare.lower()
        as_name, as_word = _uses(bare, self.around)
        as_name += bool(re.search(rf"(?<=[\w,;] ){re.escape(bare)}\b", self.topic))
        second = part.split()[1] if " " in part else ""
        describes = second.isalpha() and second.islower() and not is_verb(second)
        common = as_word > as_name or (not as_name and (describes or _COMMON_NOUN.search(low)))
        if low in STOP_WORDS | _FUNCTION_WORDS or (common and not re.match(r"\S+ v?\d", part)):
            return part[:1].lower() + part[1:]
        return part


@lru_cache(maxsize=4096)
def _uses(word: str, text: str) -> tuple[int, int]:
    """How often a text has a word as a name, amid a sentence with its capital, and without it.

    Kept, since most sentences of a document begin with the same few words.
    """
    as_name = re.findall(rf"(?<=[\w,;] ){re.escape(word)}\b", text)
    return len(as_name), len(re.findall(rf"\b{re.escape(word.lower())}\b", text))


Rule = Callable[[Statement], Iterator[tuple[str, str]]]
"""Yields (question, answer) for what a sentence says; the answer is a part of it."""

_FUNCTION_WORDS = frozenset(
    "within without unlike despite among along across upon using unless whether several certain "  # noqa: SIM905
    "multiple various different everyone everything anyone someone nobody valid external internal "
    "higher lower newer older additional individual typical".split()
)
_COMMON_NOUN = re.compile(r"(?:ing|tions?|ments?|ity|ness|ers|ors|ables?|ects?|ults?|[a-z]{3}s)$")
_MARKUP = (
    (re.compile(r":pep:`(\d+)`"), r"PEP \1"),
    (re.compile(r"!?\[([^\]\n]+)\](?:\([^()\n]*\)|\[[^\]\n]*\])"), r"\1"),
    (re.compile(r"\[\^?[\d,]+\]_?|\{[:#%.][^{}\n]*\}"), ""),
    (re.compile(r":(?:[a-z]+:)*[a-z]+:`([^`<\n]+?)(?: <[^>`]*>)?`"), r"\1"),
    (re.compile(r"`([^`<\n]+?)(?: <[^>`]*>)?`__?(?!\w)"), r"\1"),
    (re.compile(r"</?\w+(?: [^<>]*)?>"), ""),
    (re.compile(r"`+([^`]+)`+"), r"\1"),
    (re.compile(r"(?<![\w*])(\*{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r"(?<!\w)_(?=[^\s_])([^_]+?)_(?!\w)"), r"\1"),
)
_MARKER = re.compile(r"^(?:[-*+•>]|\d{1,3}[.)])\s+")
_LEADING = re.compile(
    r"^(?:note that|please note that|also|additionally|in addition|furthermore|moreover|"
    r"however|therefore|thus|in general|generally|finally|similarly|of course|"
    r"as a result|consequently|in fact|in particular),? (?=\S)",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"^(?:for (?:example|instance)|e\.g\.|i\.e\.|in this (?:case|example))\b", re.I
)
_DANGLING = re.compile(
    r"\b(?:it|this|these|those|they|them|he|she|him|her|his|such|here|above|below|following|former|"
    r"latter|aforementioned|same|another|otherwise|then|now|later|still|there(?! (?:is|are|was|"
    r"were|exists?)\b)|"
    r"the (?:method|function|class|module|parameter|argument|flag|field|value|option|command|"
    r"feature|tool|"
    r"change|proposal|approach|result|example|study|problem|process|latest)(?= (?:is|are|was|"
    r"were|will|can|has|should|must|may|does|"
    r"returns?|fails?|takes?|return|fail|take)\b|$)|therefore|however|also|i|we|us|our|my|"
    r"as follows|previous|previously|earlier|so far|later on|tutorial|chapter|section|page|article|"
    r"the other|the others|none|(?:the|a) (?:new|old|last|next|right|wrong) ones?|the second|"
    r"the first one|above-mentioned|herself|himself|one of them|"
    r"that(?= (?:case|way|type|function|method|time|point|is|was|would|will|can)\b))\b",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"\b(?:its|their|itself|themselves)\b", re.IGNORECASE)
_LOOSE_ANSWER = re.compile(
    r"\b(?:this|these|those|following|above|below|here|as follows|aforementioned|former|latter)\b|"
    r"[:;]$|\.\.\.|^(?:and|or|but|which|who)\b|\b(?:and|or|but|the|a|an|of|to|in|with|that|as|"
    r"for|by|"
    r"from|on|at|is|are|e\.g|i\.e)$|^first\b|\bread (?:about|more)\b",
    re.IGNORECASE,
)
_NO_QUESTION = re.compile(r"[:;?!\"“”…]|\.\.|—|--|\s[-–]\s")
_OPEN_END = re.compile(r"\b(?:an?|the|and|or|is|are|was|were|not|that|which)$", re.IGNORECASE)
_ELSEWHERE = re.compile(
    r"(?:please )?(?:see|read|check out|refer|follow|visit|learn|take a look|look at|consult|"
    r"have a look)\b|"
    r".*\b(?:documentation|docs for|docs$|see also|tutorial)\b|also\b",
    re.IGNORECASE,
)
_SAYS_NOTHING = re.compile(
    r"(?:introduction|options|reference|index|faq|general|welcome|getting started|overview|"
    r"notes?|examples?|usage|summary|abstract|rationale|motivation|"
    r"description|parameters?|arguments?|returns?|see also|background|details|history|references?|"
    r"support|what'?s next|.*\?|.*:|\d.*|step .*)$",
    re.IGNORECASE,
)
_NAME_IN_CODE = re.compile(r"[A-Za-z_]\w*(?:[._]\w+)+|[a-z]+_\w+|\w+\(\)|[A-Z][a-z]+[A-Z]\w+")
_ITS_SUBJECT = re.compile(
    r"^(?:it|(?:this|the) (?:function|method|class|module|option|decorator))\b", re.I
)


def plain(text: str) -> str:
    """Return a sentence in one line without markup, list marker and the marks at its end.

    >>> plain("- See the [guide](x.md): **use** ``csv.reader``.")
    'See the guide: use csv.reader'
    """
    line = " ".join(text.split())
    for pattern, instead in _MARKUP:
        line = pattern.sub(instead, line)
    return _MARKER.sub("", line).rstrip(" .!")


def by_rule(rule: Rule) -> Drafting:
    """Return what a rule makes of documents: one question a sentence at most, in random order."""

    def drafts(document: Document, passages: Sequence[Passage], draw: Random) -> Iterator[Draft]:
        order = list(passages)
        draw.shuffle(order)
        around = "\n".join(passage.text for passage in passages)
        for passage in order:
            for span in sentences(passage.text):
                found = list(_asked(rule, passage, span, around))
                if found:
                    question, answer = draw.choice(found)
                    yield draft_about(document, passage, span, question=question, answer=answer)

    return drafts


def _asked(
    rule: Rule, passage: Passage, span: tuple[int, int], around: str
) -> Iterator[tuple[str, str]]:
    raw = passage.text[slice(*span)]
    statement = statement_of(raw, passage, around)
    if statement is None:
        return
    for question, answer in rule(statement):
        told = statement.lowered(answer.strip(" ,;."))
        asked = finished(question, told, statement)
        if asked and holds(raw, told):
            yield asked, told


def statement_of(raw: str, passage: Passage, around: str = "") -> Statement | None:
    """Return a sentence of a passage as a statement, or None for what is no prose.

    `around` is the document's text, the passage's where none is given.
    """
    text = plain(raw)
    if not is_prose(f"{text}.") or raw.rstrip()[-1:] in "?:" or _EXAMPLE.match(text):
        return None
    text = _capital(_LEADING.sub("", text))
    inner = passage.headings[-1] if passage.headings else passage.title
    name = in_code(inner)
    if name:
        text = _ITS_SUBJECT.sub(lambda _: name, text)
    return Statement(text, topic_of(passage), name, around or passage.text)


def in_code(heading: str) -> str:
    """Return a heading that is a name in code, without markup; "" for any other.

    >>> in_code("`csv.reader`"), in_code("Leave days")
    ('csv.reader', '')
    """
    name = plain(heading)
    return name if _NAME_IN_CODE.fullmatch(name) else ""


def topic_of(passage: Passage) -> str:
    """Return what a passage's section or page is called, "" where that says nothing.

    >>> shown = Passage("", "", 0, 0, "", "", "PEP 5 - Language Evolution", ("Abstract",))
    >>> topic_of(shown)
    'PEP 5'
    """
    if passage.headings and (name := in_code(passage.headings[-1])):
        return name
    outer = plain(passage.title or (passage.headings[0] if passage.headings else ""))
    outer = re.split(r"\s[-–—|]\s|: ", outer)[0]
    return "" if _SAYS_NOTHING.match(outer) or len(outer.split()) > 6 else outer


def finished(question: str, answer: str, statement: Statement) -> str:
    """Return a question as it is asked, or "" where its answer or its words do not do.

    >>> finished("What happens if the file is empty", "nothing is read from it",
    ...     Statement("If the file is empty, nothing is read from it", topic="csv.reader"))
    'With csv.reader, what happens if the file is empty?'
    """
    question = sound(question, answer, statement)
    if question and not _names(question, statement):
        question = framed(question, statement.topic) if statement.topic else ""
        question = "" if copied(question, answer) else question
    if not question:
        return ""
    return f"{_capital(question)}?"


def sound(question: str, answer: str, statement: Statement) -> str:
    """Return a question without what stands in brackets, or "" where something is wrong with it."""
    if _bad_answer(answer, statement) or not _balanced(question):
        return ""
    question = re.sub(r" \([^()]*\)", "", question).strip(" ,;.")
    if _DANGLING.search(question) or _loose_possessive(question) or _OPEN_END.search(question):
        return ""
    if _NO_QUESTION.search(question) or len(question.split()) > MOST_WORDS:
        return ""
    told, topic = content(question) - ANY_QUESTION, content(statement.topic)
    # "What is metformin used for" on the page of that name is enough.
    few = len(told) < FEWEST_TELLING and not (topic and topic <= told)
    return "" if few or copied(question, answer) else question


def framed(question: str, topic: str) -> str:
    """Return a question with what it is about before it.

    >>> framed("When is a pod evicted", "Node pressure")
    'For Node pressure, when is a pod evicted'
    """
    topic = re.sub(r"^(?:The|A|An) ", lambda found: found[0].lower(), topic)
    lead = "With" if _NAME_IN_CODE.fullmatch(topic) else "In" if re.search(r"\d", topic) else "For"
    return f"{lead} {topic}, {question[:1].lower()}{question[1:]}"


def _names(question: str, statement: Statement) -> bool:
    """Whether a question says by itself what it is about."""
    if statement.named and statement.named not in question:
        return False
    topic = content(statement.topic)
    if topic and topic <= content(question):
        return True
    body = question.partition(" ")[2]
    return any(len(name) > 3 for name, _ in named(f"x {body}"))


def _bad_answer(answer: str, statement: Statement) -> bool:
    said, whole = answer_words(answer), answer_words(statement.text)
    return (
        not said
        or (not content(answer) and not re.search(r"\d", answer))
        or len(said) > min(LONGEST_ANSWER, MOST_OF_SENTENCE * len(whole))
        or bool(_LOOSE_ANSWER.search(answer) or _ELSEWHERE.match(answer))
        or not _balanced(answer)
    )


def _balanced(text: str) -> bool:
    pairs = all(text.count(a) == text.count(b) for a, b in ("()", "[]", "“”"))
    return pairs and text.count('"') % 2 == 0


def _loose_possessive(question: str) -> bool:
    """Whether "its" or "their" stands before anything that it could stand for."""
    found = _POSSESSIVE.search(question)
    if not found:
        return False
    return not re.search(
        r"\b(?:an?|the|each|every|any) \w+|\b[A-Z]\w+ ", question[: found.start()][5:]
    )


def _capital(text: str) -> str:
    first = text.split(" ", 1)[0]
    return text if _NAME_IN_CODE.match(first) else text[:1].upper() + text[1:]
