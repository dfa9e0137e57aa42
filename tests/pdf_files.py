"""Small PDF files made by hand: pages of any turn, forms, annotations, images, attachments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tests.library_files import pdf_file

LETTER = (0, 0, 612, 792)


def line(x: float, y: float, text: str, degrees: float = 0, size: float = 11) -> str:
    """Return the operators of a line of Helvetica that runs this many degrees counterclockwise."""
    a = math.radians(degrees)
    turn = f"{math.cos(a):.5f} {math.sin(a):.5f} {-math.sin(a):.5f} {math.cos(a):.5f}"
    text = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {turn} {x:.2f} {y:.2f} Tm ({text}) Tj ET\n"


def lines(x: float, y: float, *texts: str, degrees: float = 0, step: float = 14) -> str:
    """Return lines of Helvetica one below the other, below as it is where the text runs."""
    a = math.radians(degrees)
    return "".join(
        line(x + i * step * math.sin(a), y - i * step * math.cos(a), text, degrees)
        for i, text in enumerate(texts)
    )


IMAGE = "q 100 0 0 50 72 300 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q\n"
"""An image of 100 by 50 points."""


@dataclass(frozen=True)
class Page:
    """A page: its content, entries of its dictionary, and its annotations without braces."""

    content: str
    more: str = ""
    annotations: Sequence[str] = ()
    box: tuple[float, float, float, float] = LETTER


def field(name: str, kind: str, rect: tuple[float, float, float, float], more: str) -> str:
    """Return a form field of one widget; `kind` is Tx, Btn, Ch or Sig."""
    box = " ".join(map(str, rect))
    return f"/Type /Annot /Subtype /Widget /FT /{kind} /T ({name}) /Rect [{box}] {more}"


def note(kind: str, rect: tuple[float, float, float, float], more: str) -> str:
    """Return an annotation."""
    return f"/Type /Annot /Subtype /{kind} /Rect [{' '.join(map(str, rect))}] {more}"


def look(text: str, size: tuple[float, float] = (200, 20)) -> str:
    """Return an appearance, as a direct stand-in that `pdf_of` puts into an object of its own."""
    return f"@LOOK{size[0]},{size[1]},{text}@"


def pdf_of(
    pages: Sequence[Page | str],
    *,
    catalog: str = "",
    info: str = "",
    attached: int = 0,
    parents: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return a PDF; widgets of its pages are fields of its form.

    `parents` are fields of several widgets: each widget names its own as `/Parent @NAME`.
    """
    objects: list[bytes] = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica "
                            b"/Encoding /WinAnsiEncoding >>", b""]  # fmt: skip
    fields: list[int] = []

    def add(body: str | bytes) -> int:
        objects.append(body if isinstance(body, bytes) else body.encode("latin-1"))
        return len(objects)

    def stream(content: str, more: str = "") -> int:
        data = content.encode("latin-1")
        return add(f"<< /Length {len(data)} {more} >>\nstream\n".encode() + data + b"\nendstream")

    parent_of = {name: add("") for name in parents}
    kids_of: dict[str, list[int]] = {name: [] for name in parents}

    def annotation(text: str) -> int:
        for name, number in parent_of.items():
            if f"/Parent @{name}" in text:
                kids_of[name].append(annotation(text.replace(f"@{name}", f"{number} 0 R")))
                return kids_of[name][-1]
        while "@LOOK" in text:
            before, _, rest = text.partition("@LOOK")
            inside, _, after = rest.partition("@")
            width, height, said = inside.split(",", 2)
            form = stream(
                line(2, 4, said),
                f"/Type /XObject /Subtype /Form /BBox [0 0 {width} {height}] "
                "/Resources << /Font << /F1 3 0 R >> >>",
            )
            text = f"{before}{form} 0 R{after}"
        return add(f"<< {text} >>")

    kids = []
    for page in (Page(p) if isinstance(p, str) else p for p in pages):
        content = stream(page.content)
        marks = []
        for text in page.annotations:
            marks.append(annotation(text))
            if "/Subtype /Widget" in text and "/Parent" not in text:
                fields.append(marks[-1])
        listed = " ".join(f"{mark} 0 R" for mark in marks)
        kids.append(add(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{' '.join(map(str, page.box))}] "
            f"/Contents {content} 0 R /Annots [{listed}] {page.more} "
            f"{'' if '/Resources' in page.more else '/Resources << /Font << /F1 3 0 R >> >>'} >>"
        ))  # fmt: skip
    for name, more in parents.items():
        kids_listed = " ".join(f"{kid} 0 R" for kid in kids_of[name])
        objects[parent_of[name] - 1] = f"<< /T ({name}) {more} /Kids [{kids_listed}] >>".encode()
        fields.append(parent_of[name])
    names = []
    for number in range(attached):
        data = stream(f"part {number}", "/Type /EmbeddedFile")
        spec = add(f"<< /Type /Filespec /F (p{number}.txt) /EF << /F {data} 0 R >> >>")
        names.append(f"(p{number}.txt) {spec} 0 R")
    if names:
        catalog += f" /Names << /EmbeddedFiles << /Names [{' '.join(names)}] >> >>"
    if fields:
        catalog += (
            f" /AcroForm << /Fields [{' '.join(f'{n} 0 R' for n in fields)}] "
            "/DA (/F1 11 Tf 0 g) /DR << /Font << /F1 3 0 R >> >> >>"
        )
    objects[0] = f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode("latin-1")
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    objects[1] = f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>".encode()
    objects[3] = f"<< {info} >>".encode("latin-1")
    return pdf_file(objects, "/Info 4 0 R")
