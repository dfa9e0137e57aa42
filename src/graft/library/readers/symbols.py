"""Signs of symbol fonts (Symbol, Wingdings, Webdings) as characters that every font has."""

from __future__ import annotations

CHECKED, UNCHECKED = "[x] ", "[ ] "
BOXES = {"☐": UNCHECKED, "☑": CHECKED, "☒": CHECKED}

# Adobe's encoding of the font Symbol, from 0x20 and from 0xA1.
_SYMBOL = dict(
    enumerate(
        " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"
        "‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
        0x20,
    )
) | dict(
    enumerate(
        "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑",
        0xA1,
    )
)
_WINGDINGS = {
    0x22: "✂", 0x28: "☎", 0x29: "✆", 0x2A: "✉", 0x4A: "☺", 0x4B: "😐", 0x4C: "☹", 0x46: "☞",
    0x6C: "•", 0x6E: "■", 0x6F: UNCHECKED, 0x71: UNCHECKED, 0x72: UNCHECKED, 0x76: "❖",
    0x77: "◆", 0x9F: "•", 0xA7: "▪", 0xA8: UNCHECKED, 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑",
    0xE2: "↓", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩", 0xF3: "⇔", 0xFB: "✗",
    0xFC: "✓", 0xFD: CHECKED, 0xFE: CHECKED, 0xAB: "★", 0xB6: "☆", 0x54: "❄",
    **{0x80 + i: sign for i, sign in enumerate("⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿")},
}  # fmt: skip
_WINGDINGS_2 = {
    0x4F: "✗", 0x50: "✓", 0x51: CHECKED, 0x52: CHECKED, 0x53: CHECKED, 0x54: CHECKED,
    0x2A: UNCHECKED, 0x30: UNCHECKED, 0x98: "•", 0xA2: "■", 0xA3: UNCHECKED, 0xA4: UNCHECKED,
}  # fmt: skip
_WEBDINGS = {0x61: "✓", 0x63: UNCHECKED, 0x67: "■", 0x72: "✗", 0x69: "ℹ", 0x6E: "●"}
_FONTS = {
    "symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2,
    "webdings": _WEBDINGS,
}  # fmt: skip
_OTHER = {"wingdings 3": "", "marlett": ""}


def is_symbol_font(font: str) -> bool:
    """Return whether the letters of a font are signs."""
    return font.lower() in _FONTS or font.lower() in _OTHER


def symbol(font: str, code: int) -> str:
    """Return the character that a symbol font shows for a code, check boxes as in Markdown.

    "" stands for signs that are not known.

    >>> symbol("Wingdings", 0xF0FE), symbol("Symbol", 0xF061), symbol("Symbol", ord("m"))
    ('[x] ', 'α', 'μ')
    """
    # Word moves the 256 codes of such fonts to U+F000.
    low = code - 0xF000 if 0xF000 <= code <= 0xF0FF else code
    table = _FONTS.get(font.lower())
    if table is not None and low < 256:
        return table.get(low, " " if low == 0x20 else "")
    shown = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xF900 else ""
    return "" if font.lower() in _OTHER else BOXES.get(shown, shown)
