"""Office equations (OMML) as LaTeX."""

from __future__ import annotations

from typing import Any

from graft.library.readers.archives import attribute, local
from graft.library.readers.vocabulary import vocabulary

_FUNCTIONS = vocabulary(
    "sin cos tan cot sec csc sinh cosh tanh log ln exp lim max min sup inf det gcd arg dim ker"
)
_NARY = {"∑": "\\sum", "∏": "\\prod", "∫": "\\int", "∬": "\\iint", "∮": "\\oint", "⋃": "\\bigcup"}
_NARY |= {"⋂": "\\bigcap", "∐": "\\coprod", "": "\\int"}
_ACCENTS = {"̂": "hat", "̃": "tilde", "̄": "bar", "⃗": "vec", "̇": "dot", "̈": "ddot", "̅": "overline"}
MAX_DEPTH = 60


def latex(element: Any, depth: int = 0) -> str:
    """Return an `m:oMath` element as LaTeX; what has no rule gives its parts in order."""
    if depth > MAX_DEPTH:
        return "".join(element.itertext())
    name = local(element)
    rule = _RULES.get(name)
    if rule is not None:
        return rule(element, depth + 1)
    if name.endswith("Pr"):
        return ""
    return _all(element, depth)


def _all(element: Any, depth: int) -> str:
    return "".join(latex(child, depth + 1) for child in element)


def _part(element: Any, name: str, depth: int) -> str:
    return "".join(latex(child, depth) for child in element if local(child) == name)


def _property(element: Any, name: str, default: str = "") -> str:
    for child in element.iter():
        if local(child) == name:
            return attribute(child, "val")
        if local(child) == "e":
            break
    return default


def _run(element: Any, depth: int) -> str:
    return "".join(t.text or "" for t in element.iter() if local(t) == "t")


def _fraction(element: Any, depth: int) -> str:
    return f"\\frac{{{_part(element, 'num', depth)}}}{{{_part(element, 'den', depth)}}}"


def _script(element: Any, depth: int) -> str:
    text = _part(element, "e", depth)
    below, above = _part(element, "sub", depth), _part(element, "sup", depth)
    return text + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def _root(element: Any, depth: int) -> str:
    degree = _part(element, "deg", depth)
    return "\\sqrt" + (f"[{degree}]" if degree else "") + f"{{{_part(element, 'e', depth)}}}"


def _nary(element: Any, depth: int) -> str:
    sign = _property(element, "chr")
    below, above = _part(element, "sub", depth), _part(element, "sup", depth)
    limits = (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")
    return f"{_NARY.get(sign, sign)}{limits}{{{_part(element, 'e', depth)}}}"


def _delimited(element: Any, depth: int) -> str:
    inside = [latex(child, depth) for child in element if local(child) == "e"]
    opening, closing = _property(element, "begChr", "("), _property(element, "endChr", ")")
    body = ", ".join(inside)
    braces = {"{": "\\{", "}": "\\}", "": "."}
    return f"\\left{braces.get(opening, opening)}{body}\\right{braces.get(closing, closing)}"


def _function(element: Any, depth: int) -> str:
    name, body = _part(element, "fName", depth), _part(element, "e", depth)
    return (f"\\{name}" if name in _FUNCTIONS else name) + f"({body})" if body else name


def _rows(element: Any, depth: int) -> str:
    rows = [child for child in element if local(child) in ("mr", "e")]
    lines = [
        " & ".join(latex(e, depth) for e in row if local(e) == "e")
        if local(row) == "mr"
        else latex(row, depth)
        for row in rows
    ]
    return "\\begin{matrix}" + " \\\\ ".join(lines) + "\\end{matrix}"


def _accent(element: Any, depth: int) -> str:
    name = _ACCENTS.get(_property(element, "chr", "̂"), "hat")
    return f"\\{name}{{{_part(element, 'e', depth)}}}"


def _bar(element: Any, depth: int) -> str:
    return f"\\overline{{{_part(element, 'e', depth)}}}"


def _limit(element: Any, depth: int) -> str:
    mark = "_" if local(element) == "limLow" else "^"
    name = _part(element, "e", depth)
    return (
        f"\\{name}" if name in _FUNCTIONS else name
    ) + f"{mark}{{{_part(element, 'lim', depth)}}}"


_RULES = {
    "r": _run, "f": _fraction, "sSup": _script, "sSub": _script, "sSubSup": _script, "rad": _root,
    "nary": _nary, "d": _delimited, "func": _function, "m": _rows, "eqArr": _rows, "acc": _accent,
    "bar": _bar, "limLow": _limit, "limUpp": _limit,
}  # fmt: skip
