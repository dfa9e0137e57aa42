import pytest

from graft.library.segment.blocks import blocks
from graft.library.segment.counts import Counts
from graft.library.segment.pieces import cut, pieces
from graft.models.tokenizer import WordTokenizer

WORDS = WordTokenizer()


def parts(text: str, limit: int) -> list[str]:
    spans = cut(text, (0, len(text)), Counts(text, WORDS), limit)
    return [text[start:end] for start, end in spans]


def read(text: str, limit: int) -> list[str]:
    found = pieces(text, blocks(text), Counts(text, WORDS), limit)
    return [text[piece.start : piece.end] for piece in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three", ["one two three"]),
        ("a b c d\ne f g h", ["a b c d", "e f g h"]),
        ("a b c, d e f", ["a b c,", "d e f"]),
        ("a b c d e f g h", ["a b c d", "e f g h"]),
    ],
)
def test_cuts_come_after_a_line_a_clause_or_a_word(text: str, expected: list[str]) -> None:
    assert parts(text, 5) == expected


def test_parts_are_even() -> None:
    sizes = [len(part.split()) for part in parts("w " * 100 + "w", 30)]
    assert sum(sizes) == 101
    assert max(sizes) - min(sizes) <= 1


def test_a_word_is_cut_only_when_it_is_too_long_alone() -> None:
    found = parts("small " + "x" * 200 + " end", 3)
    assert found[0] == "small"
    assert "".join(found[1:]).replace(" ", "") == "x" * 200 + "end"
    assert max(map(len, found)) <= 120


def test_a_table_begins_with_its_header_and_a_row() -> None:
    rows = ["| a | b |", "|---|---|", "| 1 | 2 |", "| 3 | 4 |", "| 5 | 6 |"]
    counts = Counts("\n".join(rows), WORDS)
    found = pieces("\n".join(rows), blocks("\n".join(rows)), counts, 26)
    assert found[0].end == len("\n".join(rows[:3]))
    assert [piece.header for piece in found] == ["", "a | b", "a | b"]


def test_headings_stay_with_the_first_piece() -> None:
    text = "# One\n\n## Two\n\nFirst sentence is here now. Second one is here too."
    assert read(text, 14) == [
        "# One\n\n## Two\n\nFirst sentence is here now.",
        "Second one is here too.",
    ]


def test_a_heading_too_long_to_share_a_passage_is_cut() -> None:
    text = "# " + "long " * 30 + "\n\nShort text."
    found = read(text, 16)
    assert found[-1] == "Short text."
    assert " ".join(found[:-1]).split() == ["#", *["long"] * 30]


def test_small_paragraphs_go_with_the_next() -> None:
    assert read("Note.\n\nThis text is longer than that. " * 10, 200)[0].startswith("Note.\n\nThis")
