"""Word's paragraph styles: which are headings, lists or monospaced."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from graft.library.readers.archives import attribute, local

MONO = re.compile(r"courier|consolas|menlo|monaco|mono\b|lucida console", re.IGNORECASE)


@dataclass(frozen=True)
class Style:
    """What a style says: its name, heading level (0 for none), list, font, whether it is hidden."""

    name: str = ""
    level: int = 0
    list: tuple[str, int] = ("", 0)
    mono: bool = False
    hidden: bool = False


def read_styles(root: Any | None) -> tuple[dict[str, Style], str]:
    """Return the styles of a styles part by id, and the id of the default paragraph style."""
    raw = (
        {attribute(e, "styleId"): e for e in root if local(e) == "style"}
        if root is not None
        else {}
    )
    found: dict[str, Style] = {}

    def resolve(name: str, depth: int) -> Style:
        if name in found or name not in raw or depth > 20:
            return found.get(name, Style())
        element = raw[name]
        values = {local(child): attribute(child, "val") for child in element}
        base = resolve(values.get("basedOn", ""), depth + 1)
        title = values.get("name", "").lower()
        level, listed, hidden = base.level, base.list, base.hidden
        for child in element.iter():
            kind, value = local(child), attribute(child, "val")
            if kind == "outlineLvl":
                level = int(value) + 1 if value.isdigit() and int(value) < 9 else 0
            elif kind == "vanish":
                hidden = value not in ("0", "false", "off")
            elif kind == "numId":
                listed = (value, listed[1])
            elif kind == "ilvl" and value.isdigit():
                listed = (listed[0], int(value))
        named = re.fullmatch(r"heading (\d)", title)
        level = int(named.group(1)) if named else level
        fonts = [attribute(f, "ascii") for f in element.iter() if local(f) == "rFonts"]
        mono = any(map(MONO.search, fonts)) or (base.mono and not fonts)
        found[name] = Style(title, level, listed, mono, hidden)
        return found[name]

    for name in raw:
        resolve(name, 0)
    default = next(
        (
            n
            for n, e in raw.items()
            if attribute(e, "default") in ("1", "true") and attribute(e, "type") == "paragraph"
        ),
        "",
    )
    return found, default
