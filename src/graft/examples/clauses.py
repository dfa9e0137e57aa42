"""Clauses: a statement as a question, by word order and the verbs that are known alone.

English asks with an auxiliary before the subject: "the pod is evicted" becomes "is the pod
evicted", "csv.reader returns a row" "does csv.reader return a row". Where the verb stands is told
by auxiliaries and a list of common verbs; what fits neither is not asked about, since a question
that is not grammatical costs more than one that is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_BE = "is are was were"
_MODAL = "can could will would shall should may might must cannot"
_AUXILIARIES = frozenset(f"{_BE} {_MODAL}".split())
_PERFECT = frozenset(("has", "have", "had"))

_VERBS = (
    "accept access add affect allow answer appear apply ask assign assume attach avoid block build "
    "call cause change check choose claim clear close combine compare compile complete compute "
    "configure connect consist contain continue control convert copy cost count cover create "
    "damage decide declare decrease define delay delete depend describe destroy detect determine "
    "develop differ disable disappear display drop earn effect emit enable encourage end enforce "
    "ensure enter evaluate evict examine exist expect expire expose extend fail fetch fill filter "
    "finish fix follow force format function gain generate grant guarantee handle happen help hold "
    "ignore implement import improve include increase indicate inherit inject insert install "
    "interpret introduce involve issue join kill last lead learn let limit list live load lock "
    "log look lower maintain manage map match matter mean measure merge modify monitor mount move "
    "need note notice obtain occur offer open operate order own pass perform permit place play "
    "point prepare present preserve prevent print process produce prompt propose protect prove "
    "provide publish pull push raise reach receive recommend record recover reduce refer reflect "
    "register reject release rely remain remove rename render repeat replace report represent "
    "request require reserve reset resolve respond restart restore result retain retry return "
    "reuse rotate rule run save schedule search select send separate serve set share show shut "
    "signal skip slow sort specify spread stand start stay stop store suggest supply support take "
    "target tell tend terminate test throw touch track transfer treat trigger try turn update "
    "upgrade use validate vary verify view visit wait want warn watch work wrap write yield "
    "become begin break bring buy come do draw drive eat fall feel find form get give go grow have "
    "hear keep know leave lose make meet pay put read rise say see seem sell sleep speak spend "
    "collect flicker drain dim compose comprise flee dry refuse melt freeze leak rust flow "
    "understand win carry study identify dispatch append arrange "
    "classify compress construct decode decompress discard encode execute instantiate iterate "
    "parse retrieve simulate summarize translate"
)
_BASES = frozenset(_VERBS.split())
_IRREGULAR = {
    "became": "become", "began": "begin", "broke": "break", "brought": "bring", "bought": "buy",
    "came": "come", "did": "do", "drew": "draw", "drove": "drive", "ate": "eat", "fell": "fall",
    "felt": "feel", "found": "find", "got": "get", "gave": "give", "went": "go", "grew": "grow",
    "had": "have", "heard": "hear", "held": "hold", "kept": "keep", "knew": "know", "led": "lead",
    "left": "leave", "lost": "lose", "made": "make", "met": "meet", "meant": "mean", "paid": "pay",
    "ran": "run", "rose": "rise", "said": "say", "saw": "see", "sent": "send", "sold": "sell",
    "spoke": "speak", "spent": "spend", "stood": "stand", "took": "take", "told": "tell",
    "won": "win", "fled": "flee", "wrote": "write", "built": "build", "chose": "choose",
}  # fmt: skip
_INTRANSITIVE = frozenset(
    "fail happen occur appear disappear live remain end start stop work arrive belong expire exist".split()  # noqa: E501, SIM905
)
_NOUNS_TOO = frozenset(
    "access answer block build call cause change check claim copy cost count cover damage delay "  # noqa: SIM905
    "display drop effect end filter fix force form format function gain help hold import increase "
    "issue join kill last lead limit list live load lock log look map match measure move need note "
    "notice offer order pass place play point present print process prompt pull push raise reach "
    "read record release report request reserve reset result return rise rule run save schedule "
    "search set share show signal sort spread stand start stay stop store study supply support "
    "target test touch track transfer trigger try turn update upgrade use view visit wait want "
    "watch work wrap write yield drive sleep win".split()
)
_DETERMINERS = frozenset(
    "the a an this that these those each every any all some no its their his her your our my "  # noqa: SIM905
    "both either neither another other same such which what whose following new first second last "
    "next default several many few most more main current different of in on at by for with from "
    "to into and or as per via than about under over between".split()
)
_CLAUSE_WORDS = frozenset(
    "that which who whom whose where when while if because since although though whether unless "  # noqa: SIM905
    "until so but what how why than".split()
)
_AFTER_NOUN = _AUXILIARIES | frozenset(
    "of and or has have had which that who , does do did".split()  # noqa: SIM905
)
_PEOPLE = frozenset("you we people children women men patients users adults developers".split())  # noqa: SIM905
_ADVERBS = frozenset(
    "also then usually often always never only still just generally typically normally "  # noqa: SIM905
    "sometimes currently automatically simply already therefore thus rarely instead eventually "
    "immediately implicitly explicitly silently first not".split()
)
PRONOUNS = "it|this|that|these|those|they|he|she|which|there|we"
"""Alternatives of a pattern: words that name nothing without what they stand for."""

_WORD = re.compile(r"[\w./@'’()\[\]-]+$")


@dataclass(frozen=True)
class Clause:
    """A statement: who or what (`subject`), how it is asked (`auxiliary`), and the `rest`.

    `verb` is the main verb as the rest has it where it is known: "return" of "returns a row".
    """

    subject: str
    auxiliary: str
    rest: str
    verb: str = ""

    @property
    def asked(self) -> str:
        """The clause in the order of a question: "does csv.reader return a row"."""
        return " ".join(part for part in (self.auxiliary, self.subject, self.rest) if part)


def clause(text: str) -> Clause | None:
    """Return a statement's parts, or None where its verb cannot be told.

    >>> clause("the scheduler evicts every pod").asked
    'does the scheduler evict every pod'
    >>> clause("Most pods that fail are restarted"), clause("an ordinary sunny day")
    (None, None)
    """
    words = text.split()
    for place in range(1, min(len(words), 12)):
        if words[place - 1][-1] in ",;:" or words[place].lower() in _CLAUSE_WORDS:
            return None
        found = _at(words, place)
        if found is not None:
            return found if _is_subject(words[: _subject_end(words, place)]) else None
    return None


def clause_on(subject: str, text: str) -> Clause | None:
    """Return the parts of a statement on exactly this subject, or None.

    >>> clause_on("the pod", "the pod is evicted").auxiliary
    'is'
    >>> clause_on("the pod of a node that fails", "the pod of a node that fails is evicted")
    """
    parts = clause(text)
    return parts if parts is not None and parts.subject == subject else None


def _subject_end(words: list[str], place: int) -> int:
    while place > 1 and words[place - 1].lower() in _ADVERBS:
        place -= 1
    return place


def _at(words: list[str], place: int) -> Clause | None:
    """Return the clause whose verb stands at a place, or None where no verb stands there."""
    word = words[place]
    end = _subject_end(words, place)
    subject, between = " ".join(words[:end]), words[end:place]
    after = words[place + 1 :]
    low = word.lower()
    if not after and low in _AUXILIARIES:
        return None
    if low in _AUXILIARIES or (low in _PERFECT and after and _participle(after)):
        auxiliary = low
        rest = [*between, *after]
        # "are not" goes behind the subject as it stands
        return Clause(subject, auxiliary, " ".join(rest))
    if low in {"does", "do", "did"} and after[:1] == ["not"]:
        return Clause(subject, low, " ".join([*between, *after]), after[1] if after[1:] else "")
    base, auxiliary = _main(words, place, end)
    if not base:
        return None
    return Clause(subject, auxiliary, " ".join([*between, base, *after]), base)


def _participle(after: list[str]) -> bool:
    first = next((word for word in after if word.lower() not in _ADVERBS), "").lower()
    return first in {"been", "become", "made", "taken", "had"} or (
        first.endswith(("ed", "en")) and len(first) > 4
    )


def _main(words: list[str], place: int, end: int) -> tuple[str, str]:
    """Return the base of a main verb and the auxiliary that asks for it, ("", "") for no verb."""
    word, before = words[place].lower(), words[end - 1].lower()
    following = words[place + 1].lower() if place + 1 < len(words) else ""
    if (
        not (word.isalpha() and words[place].islower())
        or before in _DETERMINERS
        or following.rstrip(",") in _AFTER_NOUN
    ):
        return "", ""
    third = base_of(word)
    later = any(w.lower() in _AUXILIARIES | _PERFECT for w in words[place + 1 : place + 9])
    if (third or word) in _NOUNS_TOO and later:
        return "", ""
    if third:
        sure = third not in _NOUNS_TOO or not before.endswith("s") or _is_code(words[end - 1])
        many = "and" in words[:end] or (before.endswith("s") and third in _NOUNS_TOO)
        ends = not following and third in _NOUNS_TOO
        return (third, "does") if sure and not many and not ends else ("", "")
    plural = before in _PEOPLE or is_plural(before)
    if word in _BASES and plural and (following or word not in _NOUNS_TOO):
        return word, "do"
    past = _IRREGULAR.get(word) or _regular(word)
    passive = following in {"by", "in", "for", "to", "with", "from", "on", "as", "at", "using"}
    passive = passive and _regular(word) not in _INTRANSITIVE
    # "the maximum allowed time": without an article behind it the word may describe a noun.
    told = (
        following in _DETERMINERS or not words[place + 1 : place + 2][0].islower()
        if following
        else False
    )
    if past and told and not later and (word in _IRREGULAR or not passive):
        return past, "did"
    return "", ""


def base_of(word: str) -> str:
    """Return the base of a known verb in the third person, or "".

    >>> base_of("merges"), base_of("carries"), base_of("sunnies")
    ('merge', 'carry', '')
    """
    if word == "has":
        return "have"
    for ending, back in (("ies", "y"), ("es", ""), ("s", "")):
        base = word.removesuffix(ending) + back
        if word.endswith(ending) and base in _BASES and _s(base) == word:
            return base
    return ""


def _s(base: str) -> str:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def _regular(word: str) -> str:
    """Return the base of a regular past form, or ""."""
    if not word.endswith("ed"):
        return ""
    for base in (
        word[:-2],
        word[:-1],
        word[:-3] if word[-3:-2] == word[-4:-3] else "",
        word[:-3] + "y",
    ):
        if base in _BASES and (
            not base.endswith("y") or word.endswith("ied") or base[-2] in "aeiou"
        ):
            return base
    return ""


def _is_code(word: str) -> bool:
    return bool(re.search(r"[_().]|[a-z][A-Z]", word))


def _is_subject(words: list[str]) -> bool:
    """Whether words can be who or what a statement is about."""
    if not words or len(words) > 9:
        return False
    if not all(_WORD.match(word) for word in words):
        return False
    low = [word.lower() for word in words]
    first, last = low[0], low[-1]
    # "the address the server": a noun and the beginning of what is said of it.
    if any(b in {"the", "a", "an"} and a not in _JOINS for a, b in pairwise(low)):
        return False
    if first in _OPENS_NO_SUBJECT | _ADVERBS or last in _DETERMINERS - {"other", "same", "both"}:
        return False
    return len(words) == 1 or not first.endswith("ly")


_JOINS = frozenset(
    "of in on at by for with from to into and or as per via than about under over between within "  # noqa: SIM905
    "all both half during after before near using without through around along against".split()
)
_OPENS_NO_SUBJECT = frozenset(
    "in on at by for with from to into as of and or but if when while then there here not so also "  # noqa: SIM905
    "however thus hence like unlike during after before since because although what which who how "
    "why where do does did is are was were can could let please note see use don't per via under "
    "over between despite instead another".split()
)


def opens_clause(text: str) -> bool:
    """Whether a text begins as a clause does: with a determiner, a name, "you" or a verb.

    >>> opens_clause("the pod is evicted"), opens_clause("or memory")
    (True, False)
    """
    first = text.split(maxsplit=1)[0].lower() if text.split() else ""
    return first not in {"and", "or", "but", "which", "who", "that", "where", "such", "including"}


_IMPERATIVE = re.compile(
    r"(?:(?:please|simply|just|always|first|never|do not|don't|try to|make sure)\s+)?"
    r"(?:use|set|add|run|call|create|check|make|take|see|pass|specify|include|avoid|choose|"
    r"remove|write|put|replace|install|try|do|don't|consider|contact|ask|tell|talk|keep|get|give|"
    r"go|start|stop|delete|update|define|declare|enable|disable|configure|open|follow|apply|ensure|"
    r"provide|select|return|wait|read|seek)\b",
    re.IGNORECASE,
)


def is_imperative(text: str) -> bool:
    """Whether a clause tells what to do.

    >>> is_imperative("use a list"), is_imperative("the list is used")
    (True, False)
    """
    first, _, rest = text.partition(" ")
    told = rest.partition(" ")[0].lower()
    doing = first.lower() in _BASES and told in _DETERMINERS | _PEOPLE
    return doing or bool(_IMPERATIVE.match(text))


def is_verb(word: str) -> bool:
    """Whether a word may be the verb of a clause.

    >>> is_verb("may"), is_verb("returns"), is_verb("gout")
    (True, True, False)
    """
    return word in _AUXILIARIES | _PERFECT | _BASES | _IRREGULAR.keys() or bool(
        base_of(word) or _regular(word)
    )


def is_plural(word: str) -> bool:
    """Whether a noun names several by its ending.

    >>> is_plural("pods"), is_plural("class")
    (True, False)
    """
    return word.endswith("s") and not word.endswith(("ss", "us", "is"))


def participle_is_past(word: str) -> bool:
    """Whether a participle can stand for the past as it is: "founded", not "written".

    >>> participle_is_past("founded"), participle_is_past("written")
    (True, False)
    """
    return word.endswith("ed") or word in {"built", "made", "led", "found", "won", "held", "sold"}


def third_person(base: str) -> str:
    """Return a verb's form for one who does it: "merge" is "merges"; "" for no known verb.

    >>> third_person("Merge"), third_person("Copy"), third_person("Sunny")
    ('merges', 'copies', '')
    """
    low = base.lower()
    return _s(low) if low in _BASES else ""
