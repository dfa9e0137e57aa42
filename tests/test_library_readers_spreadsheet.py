"""Spreadsheets: cells as a person sees them, formulas without values, what is hidden."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.library.readers import Extracted, read_bytes
from graft.library.readers.numberformat import BUILTIN, shown_number
from graft.library.readers.workbook import moved
from tests.library_files import PACKAGE, SHEET, R, relations, xlsx, zipped


def workbook(
    cells: str, codes: Sequence[str] = (), *, book: str = "", before: str = "", after: str = ""
) -> bytes:
    """Return a workbook of one sheet of `cells`; style n has the format `codes[n - 1]`."""
    formats = "".join(
        f'<numFmt numFmtId="{200 + i}" formatCode="{code}"/>' for i, code in enumerate(codes)
    )
    styles = '<xf numFmtId="0"/>' + "".join(
        f'<xf numFmtId="{200 + i}"/>'
        if code not in map(str, BUILTIN)
        else f'<xf numFmtId="{code}"/>'
        for i, code in enumerate(codes)
    )
    return zipped({
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": relations({"w": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{R}">{book}<sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            {"r1": ("worksheet", "worksheets/sheet1.xml"), "r2": ("styles", "styles.xml")}
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><numFmts>{formats}</numFmts><cellXfs>'
        f"{styles}</cellXfs></styleSheet>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEET}">{before}<sheetData>{cells}'
        f"</sheetData>{after}</worksheet>",
    })  # fmt: skip


def read(data: bytes) -> Extracted:
    """Return the one text of a workbook."""
    [found] = read_bytes("a.xlsx", data)
    return found


def row(number: int, *cells: str, attributes: str = "") -> str:
    """Return a row: a cell is its text, or "v:STYLE:NUMBER", or "f:FORMULA"."""
    made = ""
    for x, cell in enumerate(cells):
        place = f'r="{chr(65 + x)}{number}"'
        kind, _, rest = cell.partition(":")
        if kind == "v":
            style, _, value = rest.partition(":")
            made += f'<c {place} s="{style}"><v>{value}</v></c>'
        elif kind == "f":
            made += f"<c {place}><f>{rest}</f></c>"
        elif cell:
            made += f'<c {place} t="inlineStr"><is><t>{cell}</t></is></c>'
    return f'<row r="{number}" {attributes}>{made}</row>'


SHOWN = [
    ("0.075", "0.0%", "7.5%"), ("0.65", "9", "65%"), 
    ("1234.5", "&quot;$&quot;#,##0.00", "$1,234.50"),
    ("-1234.5", "#,##0.00 [$€-407]", "-1,234.50 €"), ("-5", "0.00;(0.00)", "(5.00)"),
    ("0", "44", "$-"), ("42", "00000", "00042"), ("123456789", "000-00-0000", "123-45-6789"),
    ("5551234567", "(###) ###-####", "(555) 123-4567"), ("1234567", "0.0,,&quot;M&quot;", "1.2M"),
    ("46096", "14", "2026-03-15"), ("46096", "dd.mm.yyyy", "15.03.2026"),
    ("46096", "d mmmm yyyy", "15 March 2026"), ("46096.75", "yyyy-mm-dd hh:mm", "2026-03-15 18:00"),
    ("0.5625", "h:mm AM/PM", "1:30 PM"), ("1.5", "[h]:mm", "36:00"),
    ("0.0005", "mm:ss.0", "00:43.2"),
    ("2.25", "12", "2 1/4"), ("0.3", "# ?/8", "2/8"), ("12345", "0.00E+00", "1.23E+04"),
    ("12345", "48", "12.3E+3"), ("4111111111111111", "0", "4111111111111111"),
    ("36061234567890123456", "0", "36061234567890123456"), ("7", "General &quot;m&quot;", "7 m"),
    ("7", "[&gt;5]&quot;many&quot;;0", "many"), ("1.005", "0.00", "1.01"),
    ("12", "0 &quot;kg&quot;", "12 kg"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "code", "shown"), SHOWN)
def test_a_cell_reads_as_a_person_sees_it(value: str, code: str, shown: str) -> None:
    sheet = row(1, "Name", "Value") + row(2, "x", f"v:1:{value}")
    assert read(workbook(sheet, [code])).text == (
        f"## S\n\n| Name | Value |\n| --- | --- |\n| x | {shown} |"
    )


def test_long_numbers_keep_their_digits() -> None:
    sheet = row(1, "Name", "Code") + row(2, "x", "v:0:4006381333931")
    sheet += row(3, "y", "v:0:89490200001234567890") + row(4, "z", "v:0:123456789012.25")
    text = read(workbook(sheet)).text
    assert "| x | 4006381333931 |" in text and "| y | 89490200001234567890 |" in text
    assert "| z | 123456789012.25 |" in text


def test_dates_since_1904() -> None:
    sheet = row(1, "Name", "Day") + row(2, "x", "v:1:44634")
    assert "| x | 2026-03-15 |" in read(
        workbook(sheet, ["14"], book='<workbookPr date1904="1"/>')
    ).text  # fmt: skip


@given(st.decimals(-(10**9), 10**9, places=4), st.integers(0, 6), st.booleans())
def test_placeholders_keep_the_number(value: Decimal, places: int, grouped: bool) -> None:
    code = ("#,##0" if grouped else "0") + ("." + "0" * places if places else "")
    shown = shown_number(value, code)
    assert abs(Decimal(shown.replace(",", "")) - value) <= Decimal(5).scaleb(-places - 1)
    assert grouped or "," not in shown
    assert shown.replace("-", "").replace(",", "").replace(".", "").isdigit()
    bracketed = shown_number(value, f"{code};({code})")
    assert bracketed.strip("()") == shown.lstrip("-") or not Decimal(shown.replace(",", ""))


@given(st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(2200, 1, 1)))
def test_dates_are_those_of_the_calendar(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=0)
    since = moment - dt.datetime(1899, 12, 30)
    serial = Decimal(since.days) + Decimal(since.seconds) / 86_400
    assert shown_number(serial, "yyyy-mm-dd hh:mm:ss") == moment.isoformat(" ")
    assert shown_number(serial, "ddd d mmm yyyy") == f"{moment:%a} {moment.day} {moment:%b %Y}"
    assert shown_number(serial, "mm:ss") == f"{moment:%M:%S}"


@given(st.floats(), st.text('0#?.,%E+-/@yYmdhs;"\\_*[]<>=$ AMP/Generalé', max_size=12))
def test_no_format_fails(value: float, code: str) -> None:
    assert isinstance(shown_number(value, code), str)


def test_all_formats_known_by_number_show_something() -> None:
    assert all(shown_number(46096.5, code) for code in BUILTIN.values())


def test_formulas_without_values_stand_for_themselves() -> None:
    sheet = row(1, "Item", "Sum") + row(2, "x", "v:0:5") + row(3, "y", "f:SUM(B2:B2)*2")
    sheet += '<row r="4"><c r="B4"><f>_xlfn.CONCAT(A2,"&amp;")</f><v></v></c>'
    sheet += '<c r="C4" t="str"><f>""</f><v></v></c></row>'
    item = read(workbook(sheet))
    assert item.text.split("\n")[-2:] == [
        "| y | =SUM(B2:B2)*2 (not calculated) |", '|  | =CONCAT(A2,"&") (not calculated) |'
    ]  # fmt: skip
    assert item.metadata["left_out"] == "2 formulas without values"


def test_a_sheet_of_formulas_alone_is_read() -> None:
    item = read(workbook(row(3, "", "f:NOW()", "f:B3+1")))
    assert "=NOW() (not calculated)" in item.text and "=B3+1 (not calculated)" in item.text


def test_shared_formulas_move_with_their_cells() -> None:
    sheet = row(1, "a", "b") + '<row r="2"><c r="A2"><v>1</v></c><c r="B2">'
    sheet += '<f t="shared" ref="B2:B3" si="0">A2*$C$1</f></c></row><row r="3"><c r="A3"><v>2</v>'
    sheet += '</c><c r="B3"><f t="shared" si="0"/></c></row>'
    assert "=A3*$C$1 (not calculated)" in read(workbook(sheet)).text
    assert moved("LOG10(A1)+Sheet2!B2&\"C3\"+'D4'!E5", 1, 1) == (
        "LOG10(B2)+Sheet2!C3&\"C3\"+'D4'!F6"
    )


def test_noughts_of_a_program_that_cannot_calculate() -> None:
    sheet = row(1, "a", "b") + '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>A2*2</f>'
    sheet += "<v>0</v></c></row>"
    asked = '<calcPr fullCalcOnLoad="1"/>'
    assert "=A2*2 (not calculated)" in read(workbook(sheet, book=asked)).text
    assert "| 1 | 0 |" in read(workbook(sheet)).text
    known = sheet + '<row r="3"><c r="B3"><f>A2*3</f><v>3</v></c></row>'
    assert "| 1 | 0 |" in read(workbook(known, book=asked)).text


def test_what_is_hidden_is_counted_and_what_is_folded_is_kept() -> None:
    sheet = row(1, "a", "b", "c") + row(2, "secret", "x", "y", attributes='hidden="1"')
    sheet += row(3, "folded", "x", "y", attributes='hidden="1" outlineLevel="1"')
    sheet += row(4, "shown", "x", "column")
    item = read(workbook(sheet, before='<cols><col min="3" max="3" hidden="1"/></cols>'))
    assert "secret" not in item.text and "column" not in item.text and "folded" in item.text
    assert item.metadata["left_out"] == "1 hidden rows, 1 hidden columns"
    blank = workbook(row(1, "a", "b") + row(2, "x", "v:1:7"), [";;;"])
    assert read(blank).metadata["left_out"] == "1 hidden cells"
    filtered = '<autoFilter ref="A1:C4"><filterColumn colId="0"/></autoFilter>'
    item = read(workbook(sheet, after=filtered))
    assert "secret" in item.text and not item.metadata


def test_hidden_sheets_are_counted() -> None:
    data = xlsx({"Shown": [["a"]], "Hidden": [["b"]]})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    book = parts["xl/workbook.xml"].replace(b'name="Hidden"', b'name="Hidden" state="hidden"')
    item = read(zipped(parts | {"xl/workbook.xml": book}))
    assert item.text == "## Shown\n\na" and item.metadata["left_out"] == "1 hidden sheets"


def test_cells_without_places_and_properties() -> None:
    sheet = "<row><c t='inlineStr'><is><t>a</t></is></c><c t='inlineStr'><is><t>b</t></is></c>"
    sheet += "</row><row><c><v>1</v></c><c s='1'><v>0.5</v></c></row>"
    data = workbook(sheet, ["9"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["docProps/core.xml"] = (
        b'<c xmlns:dc="d"><dc:title>Rates</dc:title><dc:creator>Ada</dc:creator><created>'
        b"2024-03-15T10:00:00Z</created><modified>soon</modified><keywords>a, b</keywords></c>"
    )
    item = read(zipped(parts))
    assert "| 1 | 50% |" in item.text and item.title == "Rates"
    assert item.metadata == {"author": "Ada", "created": "2024-03-15T10:00:00Z", "keywords": "a, b"}
