"""OpenDocument: cells that stand for many, what a sheet shows, what is no text, properties."""

from __future__ import annotations

import io
import zipfile

from graft.library.readers import Extracted, read_bytes
from tests.library_files import odt, zipped

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"


def read(name: str, data: bytes, **parts: str) -> Extracted:
    """Return the one text of a file with parts added."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files: dict[str, str | bytes] = {n: archive.read(n) for n in archive.namelist()}
    [found] = read_bytes(name, zipped(files | {f"{n}.xml": text for n, text in parts.items()}))
    return found


def row(*cells: str, attributes: str = "") -> str:
    """Return a row; "2*" is an empty cell that stands for two."""
    made = "".join(
        f"<table:table-cell table:number-columns-repeated='{c[:-1]}'/>" if c.endswith("*")
        else f"<table:table-cell><text:p>{c}</text:p></table:table-cell>" for c in cells
    )  # fmt: skip
    return f"<table:table-row {attributes}>{made}</table:table-row>"


def test_empty_cells_that_stand_for_many_hold_their_columns() -> None:
    rows = row("Item", "2024", "2025", "2026") + row("Night", "2*", "14") + row("2*", "3", "4")
    rows += row("gone", attributes="table:visibility='collapse'")
    item = read("a.odt", odt(f"<table:table>{rows}</table:table>"))
    assert item.text.split("\n")[2:] == ["| Night |  |  | 14 |", "|  |  | 3 | 4 |"]
    assert item.metadata["left_out"] == "1 hidden rows"


def test_hidden_text_comments_and_deletions() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>old</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        "<text:p>Seen<text:hidden-text>no</text:hidden-text><text:span text:style-name='H'>none"
        "</text:span><office:annotation><text:p>Check</text:p></office:annotation></text:p>"
    )
    styles = (
        "<s xmlns:style='s' xmlns:fo='f'><style:style style:name='H'><style:text-properties "
        "text:display='none' xmlns:text='t'/></style:style></s>"
    )
    item = read("a.odt", odt(body), styles=styles)
    assert item.text == "Seen\n\nComment: Check"
    assert item.metadata["left_out"] == "1 tracked deletions, 2 hidden texts"


def test_properties() -> None:
    meta = (
        "<m xmlns:dc='d' xmlns:meta='e'><dc:title>Leave</dc:title><meta:initial-creator>Ada"
        "</meta:initial-creator><dc:creator>Bo</dc:creator><meta:creation-date>"
        "2024-03-15T10:00:00.5</meta:creation-date><dc:date>2025-01-02T03:04:05</dc:date>"
        "<meta:keyword>a</meta:keyword><meta:keyword>b</meta:keyword></m>"
    )
    item = read("a.odt", odt("<text:p>x</text:p>"), meta=meta)
    assert item.title == "Leave" and item.metadata == {
        "author": "Ada", "created": "2024-03-15T10:00:00", "modified": "2025-01-02T03:04:05",
        "keywords": "a, b",
    }  # fmt: skip


def test_a_sheet_shows_what_its_cells_say() -> None:
    def cell(text: str, kind: str, value: str) -> str:
        name = {"date": "date-value"}.get(kind, "value")
        return (
            f"<table:table-cell office:value-type='{kind}' office:{name}='{value}'>"
            f"<text:p>{text}</text:p></table:table-cell>"
        )

    word = "<table:table-cell office:value-type='string'><text:p>{}</text:p></table:table-cell>"
    rows = "".join(f"<table:table-row>{''.join(cells)}</table:table-row>" for cells in [
        [word.format("Rate"), word.format("Price"), word.format("Day"), word.format("Sum")],
        [cell("7.5%", "percentage", "0.075"), cell("$1,234.50", "currency", "1234.5"),
         cell("15.03.2026", "date", "2026-03-15"),
         "<table:table-cell table:formula='of:=[.A2]*2'/>"],
    ])  # fmt: skip
    data = zipped({
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": f"<m:manifest xmlns:m='{OFFICE}manifest:1.0'/>",
        "content.xml": f"<office:document-content xmlns:office='{OFFICE}office:1.0' "
        f"xmlns:table='{OFFICE}table:1.0' xmlns:text='{OFFICE}text:1.0'><office:body>"
        f"<office:spreadsheet><table:table table:name='S'>{rows}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>",
    })  # fmt: skip
    [item] = read_bytes("a.ods", data)
    assert item.text.split("\n")[-1] == (
        "| 7.5% | $1,234.50 | 15.03.2026 | =A2*2 (not calculated) |"
    )
    assert item.metadata["left_out"] == "1 formulas without values"
