"""Text within a paragraph of Word: runs, symbols, fields, notes, equations, drawings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graft.library.readers.archives import attribute, local
from graft.library.readers.omml import latex
from graft.library.readers.scripts import superscript
from graft.library.readers.symbols import BOXES, CHECKED, UNCHECKED, is_symbol_font, symbol
from graft.library.readers.wordfile import WordFile, on, run_properties
from graft.library.readers.wordstyles import Style

MAX_DEPTH = 40
_SKIPPED = ("pPr", "rPr", "instrText", "moveFrom", "delText", "rt", "sdtPr", "fldData")


def inline(
    element: Any, document: WordFile, boxes: list[Any], style: Style, depth: int = 0
) -> Iterator[str]:
    """Yield the text within an element; `boxes` gathers its text boxes, charts and diagrams.

    Hidden text and tracked deletions are no text: they are counted.
    """
    if depth > MAX_DEPTH:
        return
    for child in element:
        name = local(child)
        if name == "r":
            yield _run(child, document, boxes, style, depth)
        elif name == "t":
            yield child.text or ""
        elif name in ("tab", "ptab"):
            yield "\t"
        elif name in ("br", "cr"):
            yield "" if attribute(child, "type") in ("page", "column") else "\n"
        elif name == "noBreakHyphen":
            yield "-"
        elif name == "sym":
            yield _sign(child, document)
        elif name == "oMathPara":
            yield "\n" + " ".join(f"$${latex(m)}$$" for m in child if local(m) == "oMath") + "\n"
        elif name == "oMath":
            yield f" ${latex(child)}$ "
        elif name in ("footnoteReference", "endnoteReference"):
            yield _note(child, name.removesuffix("Reference"), document)
        elif name == "commentReference":
            comment = document.notes.get("comment" + attribute(child, "id"))
            if comment is not None and (text := _flat(comment, document)):
                document.comments.append(f"Comment: {text}")
        elif name == "AlternateContent":
            yield from inline(alternative(child), document, boxes, style, depth + 1)
        elif name in ("drawing", "pict", "object"):
            boxes += _boxes(child)
        elif name == "sdt":
            yield from _control(child, document, boxes, style, depth)
        elif name == "ffData":
            yield from _field(child)
        elif name == "del":
            document.left_out["tracked deletions"] += any(
                local(e) == "delText" for e in child.iter()
            )
        elif name not in _SKIPPED:
            yield from inline(child, document, boxes, style, depth + 1)


def _run(run: Any, document: WordFile, boxes: list[Any], style: Style, depth: int) -> str:
    hidden, raised, font = style.hidden, False, ""
    for e in run_properties(run):
        name = local(e)
        if name == "rStyle":
            hidden |= document.styles.get(attribute(e, "val"), Style()).hidden
        elif name == "vanish":
            hidden = on(e)
        elif name == "vertAlign":
            raised = attribute(e, "val") == "superscript"
        elif name == "rFonts":
            font = attribute(e, "ascii")
    if hidden:
        document.left_out["hidden texts"] += any(local(e) == "t" and e.text for e in run)
        return ""
    text = "".join(inline(run, document, boxes, style, depth + 1))
    if font and is_symbol_font(font):
        signs = [sign if sign.isspace() else symbol(font, ord(sign)) for sign in text]
        document.left_out["symbols"] += signs.count("")
        text = "".join(signs)
    return superscript(text) if raised else text


def _sign(element: Any, document: WordFile) -> str:
    code = attribute(element, "char")
    shown = symbol(attribute(element, "font"), int(code, 16)) if code.isalnum() else ""
    document.left_out["symbols"] += not shown
    return shown


def _control(
    control: Any, document: WordFile, boxes: list[Any], style: Style, depth: int
) -> Iterator[str]:
    """A content control; a check box shows its mark in place of the sign that draws it."""
    text = "".join(inline(control, document, boxes, style, depth + 1))
    box = next(
        (e for p in control if local(p) == "sdtPr" for e in p if local(e) == "checkbox"), None
    )
    if box is not None:
        checked = any(local(e) == "checked" and on(e) for e in box)
        text = (CHECKED if checked else UNCHECKED) + text.lstrip("".join(BOXES) + "✓✔✗✘ ")
    yield text


def _field(data: Any) -> Iterator[str]:
    """A check box or list of an old form: its state stands in its data alone."""
    for part in data:
        values = {local(e): e for e in part}
        if local(part) == "checkBox":
            state = values.get("checked", values.get("default"))
            yield CHECKED if state is not None and on(state) else UNCHECKED
        elif local(part) == "ddList":
            entries = [attribute(e, "val") for e in part if local(e) == "listEntry"]
            chosen = values.get("result", values.get("default"))
            number = attribute(chosen, "val") if chosen is not None else "0"
            yield entries[int(number)] if number.isdigit() and int(number) < len(entries) else ""


def alternative(element: Any) -> Any:
    """Return the first of the ways in which a file shows the same thing."""
    choices = {local(child): child for child in reversed(element)}
    return choices.get("Choice", choices.get("Fallback", element))


def _boxes(drawing: Any) -> list[Any]:
    """Return the text boxes, charts and diagrams of a drawing; of two alternatives the first."""
    found: list[Any] = []
    for child in drawing:
        name = local(child)
        if name in ("txbxContent", "chart", "relIds", "textpath"):
            found.append(child)
        elif name == "AlternateContent":
            found += _boxes(alternative(child))
        elif name:
            found += _boxes(child)
    return found


def _note(reference: Any, kind: str, document: WordFile) -> str:
    note = document.notes.get(kind + attribute(reference, "id"))
    text = _flat(note, document) if note is not None else ""
    if not text:
        return ""
    document.shown.append(f"[{len(document.shown) + 1}] {text}")
    return f" [{len(document.shown)}]"


def _flat(note: Any, document: WordFile) -> str:
    return " ".join(" ".join(document.blocks(note, document, MAX_DEPTH - 3)).split())
