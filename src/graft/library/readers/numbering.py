"""Word's automatic numbering: the label that each numbered paragraph shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graft.library.readers.archives import attribute, local

_ROMAN = ("m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i")


@dataclass(frozen=True)
class Level:
    """How one level of a list is numbered; `text` is a pattern such as "%1.%2."."""

    kind: str
    text: str
    start: int


@dataclass
class Numbering:
    """The lists of a document, and how far each was counted."""

    levels: Mapping[str, Mapping[int, Level]]
    lists: Mapping[str, str]
    counts: dict[str, dict[int, int]] = field(default_factory=dict)

    def label(self, number: str, level: int) -> str | None:
        """Count a paragraph of list `number`; return its label, "" for a bullet, None for none."""
        shape = self.levels.get(number, {}).get(level)
        if shape is None or shape.kind == "none":
            return None
        if shape.kind == "bullet":
            return ""
        counts = self.counts.setdefault(self.lists.get(number, number), {})
        counts[level] = counts.get(level, shape.start - 1) + 1
        for deeper in [key for key in counts if key > level]:
            del counts[deeper]
        text = shape.text
        for place in range(level + 1):
            above = self.levels[number].get(place, shape)
            count = counts.setdefault(place, above.start)
            text = text.replace(f"%{place + 1}", spelled(count, above.kind))
        return text.strip()


def read_numbering(root: Any | None) -> Numbering:
    """Return the lists of a numbering part (`word/numbering.xml`); None has none."""
    shapes: dict[str, dict[int, Level]] = {}
    levels: dict[str, dict[int, Level]] = {}
    lists: dict[str, str] = {}
    for element in root if root is not None else ():
        if local(element) == "abstractNum":
            shapes[attribute(element, "abstractNumId")] = _levels(element)
    for element in root if root is not None else ():
        if local(element) != "num":
            continue
        number = attribute(element, "numId")
        shape = next((attribute(c, "val") for c in element if local(c) == "abstractNumId"), "")
        over = [child for child in element if local(child) == "lvlOverride"]
        levels[number] = dict(shapes.get(shape, {}))
        # Lists of one shape count on together, but for one that restarts on its own.
        lists[number] = f"own {number}" if over else f"shape {shape}"
        for child in over:
            levels[number] |= _levels(child)
            for start in child:
                if local(start) == "startOverride":
                    place = _int(attribute(child, "ilvl"))
                    old = levels[number].get(place, Level("decimal", "%1.", 1))
                    levels[number][place] = Level(
                        old.kind, old.text, _int(attribute(start, "val"), 1)
                    )
    return Numbering(levels, lists)


def spelled(count: int, kind: str) -> str:
    """Return a count as a list's format writes it.

    >>> spelled(4, "lowerRoman"), spelled(28, "upperLetter"), spelled(3, "decimal")
    ('iv', 'BB', '3')
    """
    if "Roman" in kind and 0 < count < 4000:
        text = ""
        for value, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            _ROMAN,
            strict=True,
        ):
            text += sign * (count // value)
            count %= value
        return text.upper() if kind.startswith("upper") else text
    if "Letter" in kind and 0 < count < 1000:
        text = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return text.upper() if kind.startswith("upper") else text
    return f"{count:02d}" if kind == "decimalZero" else str(count)


def _levels(element: Any) -> dict[int, Level]:
    found = {}
    for level in element:
        if local(level) == "lvl":
            values = {local(child): attribute(child, "val") for child in level}
            found[_int(attribute(level, "ilvl"))] = Level(
                values.get("numFmt", "decimal"),
                values.get("lvlText", ""),
                _int(values.get("start"), 1),
            )
    return found


def _int(text: str | None, default: int = 0) -> int:
    return int(text) if text and text.lstrip("-").isdigit() and len(text) < 9 else default
