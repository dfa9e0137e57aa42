"""Tables of text: dialects, titles above the header, tables without a header, long cells."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graft.library.readers import read_bytes
from graft.library.readers.cellkinds import header_at, kind_of
from graft.library.readers.dialect import cut, guess_dialect
from graft.library.readers.tables import pipe_table


def read(data: str | bytes, name: str = "a.csv") -> str:
    """Return the text of a table."""
    found = read_bytes(name, data.encode() if isinstance(data, str) else data)
    assert len(found) == 1 and not found[0].left_out
    return found[0].text


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', 'sep=";"', "SEP=;", "\ufeffsep=;", "sep=; "])
def test_a_line_that_names_the_delimiter_is_no_row(first: str) -> None:
    assert read(f"{first}\r\nName;Stock\r\nRope, new;3,5\r\n") == (
        "| Name | Stock |\n| --- | --- |\n| Rope, new | 3,5 |"
    )


def test_a_named_delimiter_may_be_any_sign() -> None:
    assert read("sep=#\na,x#b\n1#2\n") == "| a,x | b |\n| --- | --- |\n| 1 | 2 |"
    assert read("sep=\t\na;x\tb\n1\t2\n") == "| a;x | b |\n| --- | --- |\n| 1 | 2 |"


TABLE = "| Date | Payee | Amount |\n| --- | --- | --- |\n| 02.01.2026 | Water | -45,20 |"


@pytest.mark.parametrize(
    ("above", "told"),
    [
        ("Statement\nIBAN;DE00\n\n", "Statement\nIBAN: DE00"),
        ("Statement;;\nIBAN;DE00;\n;;\n", "Statement\nIBAN: DE00"),
        ("Statement, all of it\n", "Statement, all of it"),
        ("\n\nStatement\n\n", "Statement"),
        ("Bank;North;Branch\nOwner;Ann;Bo\n\n", "Bank: North: Branch\nOwner: Ann: Bo"),
    ],
)
def test_lines_above_the_header_are_titles(above: str, told: str) -> None:
    rows = "Date;Payee;Amount\n02.01.2026;Water;-45,20\n05.01.2026;Rent;-700,00\n"
    assert read(above + rows) == f"{told}\n\n{TABLE}\n| 05.01.2026 | Rent | -700,00 |"


@pytest.mark.parametrize(
    "text",
    [
        "Name,Value,\nx,1,2\ny,2,3\n",  # a short header of ragged rows
        ",a,b\n0,1,2\n1,3,4\n",  # an index without a name
        "Country,2019,2020\nKenya,12,15\nPeru,3,4\n",  # years are names
        "1,2,3,4\n5,6,7,8\n",  # a row that counts
        "Group,,Result\nName,Age,Score\nAnn,31,4\n",  # two rows of names
        "Name,Town\nAnn,Bath\n",
    ],
)
def test_a_first_row_of_names_is_the_header(text: str) -> None:
    assert read(text) == pipe_table(list(csv.reader(io.StringIO(text))))


@pytest.mark.parametrize(
    "text", ["Ann,1984\nBo,1990\n", "2026-01-02;3,5;x\n2026-01-03;4,5;y\n", "9:30|a\n9:45|b\n"]
)
def test_a_table_without_a_header_gets_numbers(text: str) -> None:
    lines = read(text).split("\n")
    assert lines[0].startswith("| Column 1 | Column 2 |") and len(lines) == 4


def test_decimal_commas_do_not_cut() -> None:
    assert guess_dialect("1,5;2,5\n3,5;4,5\n").delimiter == ";"
    assert guess_dialect("1,5\t2,5\n3,5\t4,5\n").delimiter == "\t"
    assert guess_dialect("1,234.50|2\n3,400.50|1\n").delimiter == "|"


def test_text_of_one_column_is_not_cut_at_its_commas() -> None:
    assert read("Remark\nFine, thanks\nNone\nLate\n").split("\n")[2] == "| Fine, thanks |"
    assert read("Note: this\nOther: that\n").startswith("| Note: this |")


def test_a_long_cell_leaves_the_table_a_table() -> None:
    log = "trace line " * 20_000
    text = read(f'id,log\n1,ok\n2,"{log}"\n3,"two\nlines, and a comma"\n')
    lines = text.split("\n")
    assert lines[:3] == ["| id | log |", "| --- | --- |", "| 1 | ok |"]
    assert lines[3] == f"| 2 | {log.strip()} |" and lines[4] == "| 3 | two lines, and a comma |"


def test_quotes_of_every_kind() -> None:
    assert '| Ann | say "hi", ok |' in read('name,note\nAnn,"say \\"hi\\", ok"\nBo,"x"\n')
    assert read("'a','b'\n'x, y','z'\n").endswith("| x, y | z |")
    # What is never closed ends with its row.
    broken = read('name,size\nbolt,"5 inch\nnut,3\nrope,5" pipe\n')
    assert broken.split("\n")[2:] == ['| bolt | "5 inch |', "| nut | 3 |", '| rope | 5" pipe |']
    late = "name,size\n" + "nut,3\n" * 200 + 'bolt,"5 inch\n' + "nut,4\n" * 50
    assert read(late).count("\n") == 252
    assert "| C:\\temp | 2 |" in read("path,n\nC:\\temp,2\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_byte_order_marks_and_code_pages(encoding: str) -> None:
    text = "Größe;Straße\r\n3,5;Königsallee für alle\r\n"
    assert read(text.encode(encoding)).startswith("| Größe | Straße |")


def test_kinds_of_cells() -> None:
    numbers = ["-45,20", "1.234,50", "$1,234.50", "7.5%", "(12)", "1e-5", "1 250", "12 EUR"]
    assert {kind_of(cell) for cell in numbers} == {"number"}
    assert {kind_of(cell) for cell in ("3 May 2024", "May 3, 2024", "2024-05-03T10:00Z")} == {
        "date"
    }
    assert {kind_of(cell) for cell in ("", "Rope 10 mm", "PX-12", "1.2.3.4", "4th")} == {""}
    assert header_at([]) == 0


word = st.text("abcdefghijklmnopqrstuvwxyzäß ", min_size=1, max_size=8).filter(
    lambda text: text.strip() == text
)
cell = st.text(
    st.sampled_from(',;\t|"\'\n:^~ 5a.%')
    | st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]),
    max_size=12,
)  # fmt: skip


@st.composite
def written(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """Return a table under a header of words, and its text by csv.writer in some dialect."""
    width = draw(st.integers(2, 5))
    rows = [draw(st.lists(word, min_size=width, max_size=width))]
    rows += draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=6))
    out = io.StringIO()
    csv.writer(
        out,
        delimiter=draw(st.sampled_from(",;\t|^~\x1f")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        lineterminator=draw(st.sampled_from(["\r\n", "\n"])),
    ).writerows(rows)
    return rows, out.getvalue()


@settings(max_examples=300)
@given(written())
def test_what_a_writer_writes_is_read_back(table: tuple[list[list[str]], str]) -> None:
    rows, text = table
    # What stands between single quotes may have been quoted so.
    cells = [cell.strip() for row in rows for cell in row]
    assume(not any(len(cell) > 1 and cell[0] == "'" == cell[-1] for cell in cells))
    text = text.replace("\r\n", "\n")
    found = cut(text, guess_dialect(text))
    assert [[c.strip() for c in row] for row in found] == [[c.strip() for c in row] for row in rows]
