"""LaTeX sources: sections, lists, tables and mathematics as Markdown; commands fall away."""

from __future__ import annotations

import re

from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.reader import Reader
from graft.library.readers.spans import replace_spans
from graft.library.readers.tables import pipe_table
from graft.library.readers.text import fenced

_LEVELS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
}
_ARGUMENT = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]{0,500}\}){0,500}\}){0,2000})\}"
_MATH = re.compile(
    r"\\begin\{((?:equation|align|gather|multline|eqnarray|displaymath|math|"
    r"alignat|flalign)\*?)\}"
)
_VERBATIM = re.compile(
    r"\\begin\{((?:verbatim|lstlisting|minted|Verbatim|alltt)\*?)\}"
    r"(?:\[[^\]\n]*\])?(?:\{[^}\n]*\})?"
)
_TABULAR = re.compile(r"\\begin\{((?:tabular|tabularx|longtable|array)\*?)\}")
_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "c": "\u0327",
}
_SIGNS = {"\\&": "&", "\\%": "%", "\\$": "$", "\\#": "#", "\\_": "_", "\\{": "{", "\\}": "}",
          "~": " ", "``": "“", "''": "”", "\\ldots": "…", "\\dots": "…",
          "\\ss": "ß", "\\o": "ø", "\\ae": "æ", "\\LaTeX": "LaTeX", "\\TeX": "TeX"}  # fmt: skip


def read_latex(blob: Blob) -> list[Extracted]:
    """Return a LaTeX document's body; mathematics and code stay as written."""
    text = decode(blob.data).replace("\r\n", "\n")
    text = re.sub(r"(?<!\\)%[^\n]*", "", text).replace("\ue000", "").replace("\ue001", "")
    title = re.search(r"\\title" + _ARGUMENT, text)
    author = re.search(r"\\author" + _ARGUMENT, text)
    body = re.search(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", text, re.DOTALL)
    kept: list[str] = []
    main = _kept_apart(body.group(1) if body else text, kept)
    main = _structure(main)
    heads = [_plain(m.group(1)) if m else "" for m in (title, author)]
    main = _plain(main)
    main = re.sub(r"(?m)^[ \t]+(?![\s-]|\d+\. )", "", main)
    main = re.sub("\ue000(\\d+)\ue001", lambda m: kept[int(m.group(1))], main)
    top = [f"# {' '.join(heads[0].split())}" if heads[0] else "", " ".join(heads[1].split())]
    return [
        joined([*top, main], " ".join(heads[0].split()), author=" ".join(heads[1].split())[:500])
    ]


def _kept_apart(text: str, kept: list[str]) -> str:
    """Put mathematics and code aside, so that nothing in them is taken for a command."""

    def keep(value: str) -> str:
        kept.append(value)
        return f"\ue000{len(kept) - 1}\ue001"

    text = replace_spans(
        text, _VERBATIM, _ending, lambda m, inside: f"\n\n{keep(fenced(inside))}\n\n"
    )
    for opening in (_MATH, re.compile(r"\$\$"), re.compile(r"\\\[")):
        text = replace_spans(
            text, opening, _ending, lambda m, inside: f"\n\n{keep(_display(inside))}\n\n"
        )
    text = replace_spans(
        text, re.compile(r"\\\("), _ending, lambda m, inside: keep(f"${inside.strip()}$")
    )
    text = re.sub(r"(?<!\\)\$([^$]{1,1000}?)(?<!\\)\$", lambda m: keep(f"${m.group(1)}$"), text)
    return re.sub(r"\\verb\*?([^\sA-Za-z])(.*?)\1", lambda m: keep(f"`{m.group(2)}`"), text)


def _ending(opening: re.Match[str]) -> str:
    if opening.lastindex:
        return f"\\end{{{opening.group(1)}}}"
    return {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}[opening.group()]


def _display(body: str) -> str:
    return "$$" + " ".join(re.sub(r"\\label\{[^}]*\}", "", body).split()) + "$$"


def _structure(text: str) -> str:
    for name, level in _LEVELS.items():
        text = re.sub(
            rf"\\{name}\*?(?:\[[^\]\n]*\])?" + _ARGUMENT,
            lambda m, level=level: f"\n\n{'#' * level} {' '.join(m.group(1).split())}\n\n",  # type: ignore[misc]
            text,
        )
    text = replace_spans(text, _TABULAR, _ending, lambda m, inside: f"\n\n{_table(inside)}\n\n")
    text = re.sub(r"\\begin\{abstract\}", "\n\n## Abstract\n\n", text)
    text = re.sub(r"\\caption(?:\[[^\]\n]*\])?" + _ARGUMENT, r"\n\n\1\n\n", text)
    return _items(text)


def _items(text: str) -> str:
    lines, stack = [], []
    for piece in re.split(r"(\\begin\{\w+\*?\}|\\end\{\w+\*?\}|\\item\b(?:\[[^\]\n]*\])?)", text):
        named = re.match(r"\\(begin|end)\{(\w+)", piece)
        if named and named.group(2) in ("itemize", "enumerate", "description"):
            if named.group(1) == "begin":
                stack.append([named.group(2), 0])
            elif stack:
                stack.pop()
            lines.append("\n\n" if not stack else "\n")
        elif piece.startswith("\\item") and stack:
            stack[-1][1] += 1  # type: ignore[operator]
            label = re.search(r"\[(.*)\]", piece)
            mark = f"{stack[-1][1]}. " if stack[-1][0] == "enumerate" else "- "
            lines.append(
                "\n" + "    " * (len(stack) - 1) + mark + (f"{label.group(1)}: " if label else "")
            )
        elif not named:
            lines.append(" ".join(piece.split()) if stack else piece)
    return "".join(lines)


def _table(body: str) -> str:
    body = re.sub(r"^\s*(?:\[[^\]]*\])?(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}){1,2}", "", body)
    body = re.sub(
        r"\\(?:hline|toprule|midrule|bottomrule|cline\{[^}]*\}|"
        r"cmidrule(?:\([^)]*\))?\{[^}]*\})",
        "",
        body,
    )
    body = re.sub(r"\\multi(?:column|row)\{[^{}]*\}\{[^{}]*\}" + _ARGUMENT, r"\1", body)
    rows = [re.split(r"(?<!\\)&", row) for row in re.split(r"\\\\(?:\[[^\]]*\])?", body)]
    return pipe_table([[_plain(cell) for cell in row] for row in rows if "".join(row).strip()])


def _plain(text: str) -> str:
    for _ in range(3):
        text = re.sub(
            r"\\([`'^\"~]|c(?=\s|\{))\s*\{?([A-Za-z])\}?",
            lambda m: m.group(2) + _ACCENTS[m.group(1)],
            text,
        )
    text = re.sub(r"\\footnote" + _ARGUMENT, r" (\1)", text)
    text = re.sub(r"\\href\{[^}]*\}" + _ARGUMENT, r"\1", text)
    text = re.sub(
        r"\\(?:cite|ref|eqref|autoref|cref|citep|citet)\*?(?:\[[^\]\n]*\])*\{([^{}]*)\}",
        r"[\1]",
        text,
    )
    text = re.sub(
        r"\\(?:label|usepackage|documentclass|bibliographystyle|includegraphics|"
        r"vspace|hspace|"
        r"input|include|bibliography|newcommand|setlength|pagestyle|index)\*?"
        r"(?:\[[^\]\n]*\])*(?:\{[^{}]*\})*",
        "",
        text,
    )
    text = re.sub(r"\\(?:begin|end)\{\w+\*?\}(?:\[[^\]\n]*\])?", "\n\n", text)
    for _ in range(4):
        text = re.sub(r"\\[A-Za-z]+\*?(?:\[[^\]\n]*\])?\{([^{}]*)\}", r"\1", text)
    text = text.replace("\\\\", "\n")
    # Dashes, but not those under the header of a pipe table.
    text = re.sub(r"(?<!-)--(?!-)", "–", re.sub(r"(?<!\| )---", "—", text))
    for sign, plain in _SIGNS.items():
        text = re.sub(
            re.escape(sign) + (r"(?![A-Za-z])" if sign[-1].isalpha() else ""), plain, text
        )
    text = re.sub(r"\\[A-Za-z]+\*?[ \t]?|\\[,;:! ]", " ", text)
    return re.sub(r"(?<!\\)[{}]", "", text).strip()


LATEX = Reader("latex", (kinds.LATEX,), read_latex)
