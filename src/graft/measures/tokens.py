"""Tokens: what an answer is compared by, with the signs that carry meaning left on.

Ordinary English gives SQuAD's words (arXiv:1606.05250): lower case, no articles, no punctuation.
Beyond that, one line a kind:

- **signs on a name** stay: `C++`, `C#`, `A+`, `node.js`, `foo_bar`, `--flag`, `@property`, `.env`,
  `a/b`, `user@host`, `std::vector`, `a->b`. A `-` or `*` behind a word stays on one or two letters
  alone (`O-`, `Cl-`, `A*`), for "pre- and post-war" has one too;
- **signs in a number** stay: `3.11`, `v1.2.3`, `10:30`, `1990-2000`, `1e-5`, `-5`, `+5`, `3,14`.
  Separators of thousands go, however written: `1,000`, `1,00,000`, `1'000`, `1_000`, and a
  no-break or thin space;
- **signs of an amount** stay, and no space parts them: `50%` is `50 %`, `$3` is `3 $`, `5°C` is
  `5 °C`; the bare number is another token, and so is the number in words;
- **operators** stay as tokens: `x += 1`, `a == b`. A dash, bullet, `&` or `|` alone goes;
- **all else goes**: marks of a sentence, quotes, brackets (`print()` is `print`), Markdown's
  emphasis and backticks, an apostrophe or hyphen in a word, the dots of `U.S.`, `e.g.` and `Ph.D.`;
- **scripts without spaces** (Chinese, Japanese, Thai, Lao, Khmer, Burmese) give a token for each
  character, a letter with the marks on it, as MLQA does for Chinese (arXiv:1910.07475) and MKQA
  for Japanese, Thai and Khmer too (arXiv:2007.15207); what stands among them gives words;
- **punctuation of other scripts** goes, as in MLQA, and the articles of English alone are dropped:
  what language a text is in is not known.

A text of nothing but articles ("A", of a multiple choice) or signs ("+=") keeps them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ARTICLES = frozenset({"a", "an", "the"})

# A letter of a script without spaces, and the marks that such letters carry.
_LETTER = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af"
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf"
    "\u1780-\u17b3\u17d7\u17dc\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066"
    "\u106e-\u1070\u1075-\u1081\u108e\ua9e0-\ua9e4\ua9e6-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa76\uaa7a"
    "\uaa7e\uaa7f"
)
_MARK = (
    "\u3099\u309a\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u17b4-\u17d3"
    "\u17dd\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074"
    "\u1082-\u108d\u108f\u109a-\u109d\ua9e5\uaa7b-\uaa7d\ufe00-\ufe0f"
)
_CHARACTER = re.compile(f"[{_LETTER}][{_MARK}]*")

# What NFKC would make equal, or lose, that is not.
_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴-⁹⁺⁻]+")
_FRACTION = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞↉])")
_TRADEMARK = re.compile("[™®©℠]")
_SPACED = re.compile(r"(?<!\d)[1-9]\d{0,2}(?:[\u00a0\u2007\u2009\u202f]\d{3})+(?!\d)")
_SAME = {
    **dict.fromkeys("’‘‛ʼʻ′", "'"), **dict.fromkeys("⁄∕", "/"),
    "٫": ".", "٬": ",", "٪": "%", "♯": "#", "−": "-",
}  # fmt: skip
_DECIMAL_DOT = re.compile(r"(?<=\d)·(?=\d)")
_GONE = frozenset("·‧・ـ׳״")
_LONG_DASHES = frozenset("—―⸺⸻〜〰")

# What spans pieces: Markdown (and TeX's dollars), a tag, an amount, a comparison.
_BULLET = re.compile(r"^[ \t]*[*#]+[ \t]+(?=\S)", re.MULTILINE)
_EMPHASIS = re.compile(
    r"(?<![\w*])(\*{1,3})(?=[^\s*])([^\n]{1,300}?)(?<=[^\s*])\1(?![\w*])"
    r"|(?<!\w)_(?=[^\s_])([^\n_]{1,300}?)(?<=[^\s_])_(?!\w)"
    r"|(?<![\w$])\$(?=[^\s$])([^\n$]{1,300}?)(?<=[^\s$])\$(?![\w$])"
)
_TAG = re.compile(r"<(/?[^\W\d][^\s<>]*)>")
_THOUSANDS = re.compile(
    r"(?<![\w.,'])[1-9]\d{0,2}(?:(?:,\d{3})+|(?:,\d\d)+,\d{3}|(?:'\d{3})+|(?:_\d{3})+)"
    r"(?![,'_]?\d)"
)
_SYMBOL = "$¢-¥֏؋৲৳૱௹฿៛₠-₿"
_MONEY = re.compile(rf"(?<!\w)(-?)([^\W\d_]{{0,3}}[{_SYMBOL}] ?|%)(-?\d(?:[\w.,/-]*\w)?)")
_UNIT = re.compile(rf"(?<=\d) (?=[%‰°{_SYMBOL}])")
_COMPARED = re.compile(r"(?<!\S)([<>≤≥]=?|~) (?=\d)")

# A sign is one of ASCII but the underscore; those of other scripts were folded or are symbols.
_SIGN = r"!-/:-@\[-^`{-~"
_PIECE = re.compile(rf"([{_SIGN}]*)([^{_SIGN}](?:.*[^{_SIGN}])?)([{_SIGN}]*)")
_INSIDE = re.compile(rf"[{_SIGN}]+")
_INITIALS = re.compile(
    r"(?<![\w./:@])(?:[^\W\d_](?:\.[^\W\d_]+)+|[^\W\d_]{2}(?:\.[^\W\d_])+)(?!\w|\.\w)"
)
# What stays before a word, and behind one; behind a short one it may be a charge or a grade.
_BEFORE = re.compile(r"(?:\.{0,2}/|[-+*/\\<>=~^@#$%&]+[./]*|(?<!\.)\.)$")
_BEHIND = re.compile(r"[+#%$]+")
_BEHIND_SHORT = re.compile(r"[+#%$]+|\*+|-+")
# What makes a run of signs more than the end of a sentence.
_OPERATOR = re.compile(r"[+*/\\<>=~^@#$%]|&&|\|\||::")
_NOT_CODE = str.maketrans("", "", "\"'`()[]{}")


@lru_cache(maxsize=4096)
def answer_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of an answer; none for a blank one alone.

    >>> answer_tokens("The U.S. Congress's well-known act!")
    ('us', 'congresss', 'wellknown', 'act')
    >>> answer_tokens("C++, not C#: use `std::vector`.")
    ('c++', 'not', 'c#', 'use', 'std::vector')
    >>> answer_tokens("$1,000 or 3.5% in v3.11 (not -5)")
    ('1000$', 'or', '3.5%', 'in', 'v3.11', 'not', '-5')
    >>> answer_tokens("在1998年用iPhone。"), answer_tokens("ที่นี่")
    (('在', '1998', '年', '用', 'iphone'), ('ที่', 'นี่'))
    >>> answer_tokens("+="), answer_tokens("x += 1"), answer_tokens("The A"), answer_tokens(" ")
    (('+=',), ('x', '+=', '1'), ('the', 'a'), ())
    """
    pieces = _prepared(folded(text)).split()
    found = [token for token in map(_token, pieces) if token]
    words = [token for token in found if token not in _ARTICLES]
    signs = [_bare(piece) for piece in pieces if not _PIECE.fullmatch(piece)]
    # Brackets, a dash or marks of a sentence are an answer where there is no other.
    return tuple(words or signs or found or _visible(text.casefold()).split())


def folded(text: str) -> str:
    """Return a text in one form: NFKC, no case, digits and signs of other scripts as ASCII's.

    NFKC and not NFC, for a full-width digit, a ligature or a half-width kana is the same character
    typed otherwise. What it would make equal and is not is written out before: 10² and 102, 5½ and
    51/2. Punctuation without a counterpart in ASCII becomes a space; tatweel, middle dots and
    characters that cannot be seen go.

    >>> folded("Ｐｙｔｈｏｎ ３.１１ “٥٠٪”, 10² 5½ Straße")
    'python 3.11  50% , 10^2 5 1/2 strasse'
    """
    plain = _compatible(text)
    return plain if plain.isascii() else "".join(map(_folded_sign, plain))


def words_of_any_script(text: str) -> list[str]:
    """Return the runs of letters and digits of a text, and characters where there are no spaces.

    Of a text in ASCII they are those of `rouge-score`, which has none of other scripts.

    >>> words_of_any_script("The foo_bar isn't 1,000"), words_of_any_script("Ça va, हिन्दी 日本")
    (['the', 'foo', 'bar', 'isn', 't', '1', '000'], ['ça', 'va', 'हिन्दी', '日', '本'])
    """
    plain = folded(text)
    if plain.isascii():
        return _ASCII_WORD.findall(plain)
    spaced = _CHARACTER.sub(r" \g<0> ", plain)
    return "".join(c if _in_word(c) else " " for c in spaced).split()


_ASCII_WORD = re.compile("[a-z0-9]+")


def _in_word(c: str) -> bool:
    return c.isalnum() or unicodedata.category(c).startswith("M")


def _compatible(text: str) -> str:
    """Return a text in NFKC without case and without what cannot be seen."""
    if text.isascii():
        return text.lower()
    text = _SPACED.sub(lambda m: re.sub(r"\D", "", m[0]), _TRADEMARK.sub("", text))
    text = _DECIMAL_DOT.sub(".", _FRACTION.sub(" ", _SUPERSCRIPT.sub(r"^\g<0>", text)))
    # An accent typed for an apostrophe would become a space with an accent.
    plain = unicodedata.normalize("NFKC", re.sub("[´΄]", "'", text)).casefold()
    return _visible(unicodedata.normalize("NFKC", plain))


def _visible(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


@lru_cache(maxsize=4096)
def _folded_sign(c: str) -> str:
    """Return what stands for one character of a text that is in NFKC."""
    if c.isascii() or c == "‰":
        return c
    if c in _SAME or c in _GONE:
        return _SAME.get(c, "")
    kind = unicodedata.category(c)
    if kind == "Nd":
        return str(unicodedata.decimal(c))
    if kind == "Pd" and c not in _LONG_DASHES:
        return "-"
    return " " if kind.startswith("P") or c in _LONG_DASHES else c


def _prepared(plain: str) -> str:
    """Return a folded text with what spans several tokens resolved, so that spaces part them."""
    plain = _EMPHASIS.sub(lambda m: m[2] or m[3] or m[4], _BULLET.sub("", plain))
    plain = _THOUSANDS.sub(lambda m: re.sub(r"\D", "", m[0]), _TAG.sub(r" \1 ", plain))
    # An amount is its number and then its sign, whichever came first.
    plain = _COMPARED.sub(
        r"\1", _UNIT.sub("", _MONEY.sub(lambda m: m[1] + m[3] + m[2].rstrip(), plain))
    )
    return plain if plain.isascii() else _CHARACTER.sub(r" \g<0> ", plain)


def _token(piece: str) -> str:
    """Return what of a piece between spaces is compared, "" for nothing."""
    parts = _PIECE.fullmatch(piece)
    if parts is None:
        bare = _bare(piece)
        return bare if _OPERATOR.search(bare) else ""
    before, word, behind = parts.groups()
    word = _INITIALS.sub(lambda m: m[0].replace(".", ""), word)
    sign = _BEFORE.search(before)
    short = len(word) <= 2 and word.isalpha()
    tail = (_BEHIND_SHORT if short else _BEHIND).match(behind)
    return (sign[0] if sign else "") + _INSIDE.sub(_inside, word) + (tail[0] if tail else "")


def _inside(found: re.Match[str]) -> str:
    """Return what stays of the signs between two characters of a word."""
    run, word = found[0], found.string
    left, right = word[found.start() - 1], word[found.end()]
    if left.isdigit() and right.isdigit() and not set(run) - set(".,:-'"):
        return run
    if run == "." and left.isascii() and right.isascii():
        return run
    if run == "-" and right.isdigit() and re.search(r"\de$", word[: found.start()]):
        return run
    code = run.translate(_NOT_CODE)
    return code if _OPERATOR.search(code) or code == "|" else ""


def _bare(signs: str) -> str:
    """Return signs without the quotes, the brackets and the end of a sentence about them."""
    for strip, marks in (
        (str.strip, "\"'`"), (str.rstrip, ".,;?"), (str.strip, "()[]{}"), (str.rstrip, ".,;?"),
    ):  # fmt: skip
        signs = strip(signs, marks) or signs
    return signs
