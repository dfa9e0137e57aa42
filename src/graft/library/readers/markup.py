"""reStructuredText, Org and AsciiDoc: their headings, lists, code and tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graft.library import detect as kinds
from graft.library.encodings import decode
from graft.library.readers.extracted import Blob, Extracted, joined
from graft.library.readers.reader import Reader
from graft.library.readers.tables import pipe_table
from graft.library.readers.text import fenced
from graft.library.readers.vocabulary import vocabulary

_UNDERLINE = re.compile(r"^([=\-`:.'\"~^_*+#<>!$%&,/;?@\\|])\1{2,}\s*$")
_DIRECTIVE = re.compile(r"^(\s*)\.\. +([\w-]+)::\s*(.*)$")
_CODE_DIRECTIVES = vocabulary("code code-block sourcecode literalinclude parsed-literal doctest")
_DROPPED = vocabulary(
    "image figure toctree contents include raw index highlight currentmodule module meta "
    "automodule autoclass autofunction"
)


def read_rst(blob: Blob) -> list[Extracted]:
    """Return reStructuredText as Markdown: roles lose their name, directives become their text."""
    lines = decode(blob.data).replace("\r\n", "\n").expandtabs(4).split("\n")
    return [joined(["\n".join(_rst(lines))])]


def _rst(lines: list[str]) -> Iterator[str]:
    styles: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        below = lines[index + 1] if index + 1 < len(lines) else ""
        under = lines[index + 2] if index + 2 < len(lines) else ""
        directive = _DIRECTIVE.match(line)
        if _UNDERLINE.match(line) and under.rstrip() == line.rstrip() and below.strip():
            yield _heading(styles, line[0] * 2, below)
            index += 3
        elif (
            line.strip()
            and not line[0].isspace()
            and _UNDERLINE.match(below)
            and not (_UNDERLINE.match(line))
            and len(below.rstrip()) >= min(len(line.rstrip()), 4)
        ):
            yield _heading(styles, below[0], line)
            index += 2
        elif directive and directive.group(2) in _CODE_DIRECTIVES:
            body, index = _indented(lines, index + 1, len(directive.group(1)))
            code = [b for b in body if not re.match(r"^\s*:[\w-]+:", b)]
            yield "\n" + fenced("\n".join(code), directive.group(3).strip()) if any(code) else ""
        elif directive and directive.group(2) in _DROPPED:
            _, index = _indented(lines, index + 1, len(directive.group(1)))
        elif directive:
            name = directive.group(2).capitalize()
            yield f"{name}: {_roles(directive.group(3))}".rstrip(": ") + ":" * (
                not directive.group(3)
            )
            index += 1
        elif re.match(r"^\s*\.\. ", line) and not re.match(r"^\s*\.\. \[", line):
            _, index = _indented(lines, index + 1, len(line) - len(line.lstrip()))
        elif re.match(r"^\s*={2,}(\s+={2,})+\s*$", line):
            table, index = _simple_table(lines, index)
            yield table
        elif re.match(r"^\s*\+[-=+]{3,}\+\s*$", line):
            table, index = _grid_table(lines, index)
            yield table
        elif line.rstrip().endswith("::") and not below.strip():
            text = line.rstrip()[:-1]
            yield _roles(text) if text.strip() != ":" else ""
            body, index = _indented(lines, index + 1, len(line) - len(line.lstrip()))
            yield "\n" + fenced("\n".join(body)) + "\n" if any(b.strip() for b in body) else ""
        elif re.match(r"^\s*:[\w-]+:(\s|$)", line) and line.strip().endswith(":"):
            index += 1
        else:
            yield _roles(re.sub(r"^(\s*)[*+•]\s+", r"\1- ", line))
            index += 1


def _heading(styles: list[str], style: str, text: str) -> str:
    if style not in styles:
        styles.append(style)
    return "\n" + "#" * min(styles.index(style) + 1, 6) + " " + _roles(text.strip()) + "\n"


def _indented(lines: list[str], start: int, depth: int) -> tuple[list[str], int]:
    end = start
    while end < len(lines) and (
        not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > depth
    ):
        end += 1
    body = lines[start:end]
    margins = [len(line) - len(line.lstrip()) for line in body if line.strip()]
    margin = min(margins, default=0)
    return [line[margin:] for line in body], end


def _roles(text: str) -> str:
    text = re.sub(r":[\w:+.-]{1,60}:`~?([^`<]{0,300}?)(?:\s?<[^`>]{0,300}>)?`", r"`\1`", text)
    text = re.sub(r"``([^`]{1,500})``", r"`\1`", text)
    text = re.sub(r"`([^`<]{1,300}?)\s?<[^`>]{1,500}>`__?", r"\1", text)
    return re.sub(r"`([^`]{1,300})`__?(?!\w)", r"\1", text)


def _simple_table(lines: list[str], start: int) -> tuple[str, int]:
    rule = lines[start]
    columns = [match.span() for match in re.finditer(r"=+", rule)]
    end, rules = start + 1, 1
    rows: list[list[str]] = []
    while end < len(lines):
        line = lines[end]
        end += 1
        if re.match(r"^\s*=[= ]+$", line):
            rules += 1
            if rules == 3 or not (lines[end].strip() if end < len(lines) else ""):
                break
            continue
        if not line.strip():
            continue
        cells = [
            line[a : (b if i < len(columns) - 1 else None)] for i, (a, b) in enumerate(columns)
        ]
        if rows and not cells[0].strip():
            rows[-1] = [
                f"{old} {new.strip()}".strip() for old, new in zip(rows[-1], cells, strict=True)
            ]
        elif not re.match(r"^[\s-]+$", line):
            rows.append([_roles(cell.strip()) for cell in cells])
    return "\n" + pipe_table(rows) + "\n", end


def _grid_table(lines: list[str], start: int) -> tuple[str, int]:
    rows: list[list[str]] = []
    row: list[str] = []
    end = start
    while end < len(lines) and re.match(r"^\s*[+|]", lines[end]):
        line = lines[end].strip()
        if line.startswith("+"):
            rows += [row] if row else []
            row = []
        else:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            same = len(row) == len(cells)
            row = (
                [f"{a} {b}".strip() for a, b in zip(row, cells, strict=True)]
                if same
                else row or cells
            )
        end += 1
    return "\n" + pipe_table(rows + ([row] if row else [])) + "\n", end


def read_org(blob: Blob) -> list[Extracted]:
    """Return an Org file as Markdown, without its drawers and settings; its title is kept."""
    text = decode(blob.data).replace("\r\n", "\n")
    title = re.search(r"(?mi)^#\+title:\s*(.+)$", text)
    text = re.sub(
        r"(?mi)^[ \t]*:PROPERTIES:[ \t]*\n.{0,5000}?^[ \t]*:END:[ \t]*\n", "", text, flags=re.S
    )
    text = re.sub(
        r"(?mis)^[ \t]*#\+begin_(src|example)[ \t]*(\S*)[^\n]*\n(.*?)^[ \t]*#\+end_\1[ \t]*$",
        lambda m: fenced(m.group(3), m.group(2)),
        text,
    )
    lines = [shown for line in text.split("\n") if (shown := _org_line(line)) is not None]
    return [joined(["\n".join(lines)], title.group(1).strip() if title else "")]


def _org_line(line: str) -> str | None:
    star = re.match(r"^(\*+)\s+(?:TODO |DONE )?(.*?)(?:\s+:[\w:@]+:)?$", line)
    if star:
        text = "\n" + "#" * min(len(star.group(1)), 6) + " " + star.group(2) + "\n"
    elif re.match(r"(?i)^[ \t]*#\+", line) or line.startswith("# "):
        return None
    elif re.match(r"^\s*\|[-+]+\|\s*$", line):
        text = "| " + " | ".join(["---"] * (line.count("+") + 1)) + " |"
    else:
        text = line
    text = re.sub(r"\[\[[^\]\n]{0,500}\]\[([^\]\n]{0,500})\]\]", r"\1", text)
    text = re.sub(r"\[\[([^\]\n]{0,500})\]\]", r"\1", text)
    text = re.sub(r"(?<![\w~=])[~=]([^~=\n]{1,300})[~=](?![\w~=])", r"`\1`", text)
    return re.sub(r"^(\s*)\+\s+", r"\1- ", text)


def read_asciidoc(blob: Blob) -> list[Extracted]:
    """Return AsciiDoc as Markdown, without attributes, anchors and block options."""
    lines = decode(blob.data).replace("\r\n", "\n").split("\n")
    return [joined(["\n".join(_asciidoc(lines))])]


_ASCIIDOC_SILENT = re.compile(
    r"^(:[!\w-]+!?:.*|//(?!/).*|={4,}|\*{4,}|_{4,}|<<<|'''|\+|image::?\S.*|"
    r"(?:include|toc|ifdef|ifndef|ifeval|endif)::.*)$"
)


def _asciidoc(lines: list[str]) -> Iterator[str]:
    language = ""
    index = 0
    while index < len(lines):
        line = lines[index].rstrip()
        index += 1
        fence = re.match(r"^(-{4,}|\.{4,}|`{3,}|\+{4,}|/{4,})\w*$", line)
        if fence:
            end = index
            while end < len(lines) and lines[end].rstrip() != fence.group(1):
                end += 1
            if line[0] not in "/+":
                yield "\n" + fenced("\n".join(lines[index:end]), language) + "\n"
            language, index = "", end + 1
        elif re.match(r"^[|,:!]={3,}", line):
            end = index
            while end < len(lines) and not re.match(r"^[|,:!]={3,}", lines[end]):
                end += 1
            yield "\n" + _asciidoc_table(lines[index:end]) + "\n"
            index = end + 1
        elif line.startswith("|") and line.count("|") > 1:
            end = index
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            yield "\n" + _asciidoc_table(lines[index - 1 : end]) + "\n"
            index = end
        elif re.match(r"^\[.*\]$", line):
            found = re.match(r"^\[(?:source|listing)?,\s*([\w+#-]+)", line)
            language = found.group(1) if found else ""
        elif _ASCIIDOC_SILENT.match(line):
            continue
        else:
            yield _asciidoc_line(line)


def _asciidoc_line(line: str) -> str:
    heading = re.match(r"^(={1,6}) +(.*?)(?: +=+)?$", line)
    if heading:
        return "\n" + "#" * len(heading.group(1)) + " " + _asciidoc_inline(heading.group(2)) + "\n"
    item = re.match(r"^(\s*)([*\-]{1,6}|\.{1,6}|\d+\.)\s+(.*)$", line)
    if item and item.group(2) not in ("--", "---"):
        mark = item.group(2)
        depth = len(mark) - 1 if mark[0] in "*." else len(item.group(1)) // 2
        depth = max(depth, len(item.group(1)) // 2)
        shown = "1. " if mark[0] == "." else f"{mark} " if mark[0].isdigit() else "- "
        return "    " * depth + shown + _asciidoc_inline(item.group(3))
    caption = re.match(r"^\.([A-Za-z].*)$", line)
    return _asciidoc_inline(caption.group(1) if caption else line)


def _asciidoc_inline(text: str) -> str:
    text = re.sub(r"\[\[[^\]]{0,200}\]\]|\[#[\w-]{1,100}\]", "", text)
    text = re.sub(r"<<[^,<>]{1,200},\s?([^<>]{1,300})>>", r"\1", text)
    text = re.sub(r"(?:link:|xref:|mailto:)[^\s\[]{0,500}\[([^\]]{0,300})\]", r"\1", text)
    text = re.sub(r"https?://[^\s\[\]]{1,500}\[([^\],]{1,300})[^\]]{0,300}\]", r"\1", text)
    return re.sub(
        r"\b(?:btn|kbd|menu|footnote|image|icon):[^\s\[]{0,300}\[([^\]]{0,300})\]", r"\1", text
    )


def _asciidoc_table(lines: list[str]) -> str:
    rows: list[list[str]] = []
    width = 0
    for line in lines:
        if not line.strip():
            width = width or max((len(row) for row in rows), default=0)
            continue
        cells = re.split(r"(?:^|(?<=\s))(?:\d*\.?\d*\+)?[<^>.]{0,3}[aehlmsd]?\|", line.strip())
        if len(cells) < 2:
            cells = line.strip().split("|")
        if cells[0].strip() and rows:
            rows[-1][-1] += " " + cells[0].strip()
        found = [_asciidoc_inline(c.strip()) for c in "|".join(cells[1:]).split("|")]
        if width and rows and len(rows[-1]) < width and len(found) == 1:
            rows[-1] += found
        elif found:
            rows.append(found)
    return pipe_table(rows)


RST = Reader("rst", (kinds.RST,), read_rst)
ORG = Reader("org", (kinds.ORG,), read_org)
ASCIIDOC = Reader("asciidoc", (kinds.ASCIIDOC,), read_asciidoc)
