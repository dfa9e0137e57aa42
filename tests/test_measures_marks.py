"""Marks of sources go, whatever their form; words, numbers and places stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.marks import masked
from graft.measures.support import support

SAID = "Five days carry over"
TEXT = f"Staff get 30 days of leave a year. {SAID} to the next year."
MARKS = [
    "[1]", "[1, 2]", "[1][2]", "[1-2]", "[1–3]", "[1; 2]", "[1 and 2]", "[#1]", "[[1]]", "［１］",
    "[Source 1]", "[source: 1]", "[doc1]", "[Doc 1][Doc 2]", "[Passage 1, Passage 2]", "[S1]",
    "[ref1]", "[id: 1]", "[citation:1]", "[cite: 1, 2]", "[^1]", "[^leave]", "[@leave2020]",
    "[Source: leave.md]", "[Source: Leave, p. 3]", "[leave.md]", "(leave.md)", "(Source: 1)",
    "(Source: Leave)", "(doc 2)", "(Passage 1)", "(see source 1)", "(see [1])", "(1)", "(1, 2)",
    "(1)(2)", "（1）", "【1】", "【1†source】", "【4:0†leave.md】", "【1†L10-L20】", "［1］",
    "（来源：1）", "[来源1]", "<sup>1</sup>", "<sup>[1]</sup>",
    "<sup>1,2</sup>", "<ref>1</ref>", "<cite>1</cite>",
    "¹", "¹²", "¹,²", "⁽¹⁾", "①", "{1}", "^1^", "^[1]", "\\cite{leave}", "[1](http://a.example/c)",
    "[[1]](#sources)", "([Leave](https://a.example/leave))", 
    "[oai_citation:1‡leave.md](sandbox:/x)",
    ":contentReference[oaicite:0]{index=0}", "\ue200cite\ue202turn0search1\ue201", 
    "citeturn0search0",]  # fmt: skip
PLAIN = [
    "It holds 12 m² of 10⁶ cm³ and 5 km².", "array[i][j] and (see table)", "five (6) days",
    "Section 4(1) applies.", "The press (1931) is old.", "In 2024 (a leap year) it rose.",
    "Press the key (F1) now.", "The sources of the Nile are many.", "(12) of 20", "step (2) opens",
    "See document 7 days later.", "Article 5 (2) says so.", "x^2 + y^2", "the <source> tag",
    "[WARNING]: do not open valve 7", "Ask the (Reference desk) at 5.", "The document, 12 pages",
]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_no_word_wherever_it_stands(mark: str):
    for said in (f"{SAID}.{mark}", f"{SAID} {mark}.", f"{SAID}{mark}.", f"{SAID}. {mark}"):
        left = masked(said)
        assert len(left) == len(said)
        assert left.replace(SAID, "").strip() == "."
        assert support(said, TEXT).score == support(f"{SAID}.", TEXT).score


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_looks_like_a_mark_stays(text: str):
    assert masked(text) == text


@pytest.mark.parametrize(
    "below",
    [
        "\n\nSources:\n[1] Leave\n[2] Pay", "\n\n**Sources:**\n- leave.md", "\nSource: leave.md",
        " Source: leave.md", "\n\n---\n\n### References\n1. Leave, p. 2", 
        "\n\n[^1]: leave.md, page 2",        "\n\n来源：leave.md",
        "\n\nQuellen: Leave", "\n\n(Sources: Leave, Pay)",
        "\n\nSources:\n- [1] Leave: “Five days carry over.”\n- [2](https://a.example)",
    ],
)  # fmt: skip
def test_a_list_of_sources_below_is_no_part_of_an_answer(below: str):
    assert masked(f"{SAID}.{below}").strip() == f"{SAID}."


def test_a_list_of_sources_hides_no_statement():
    text = f"{SAID}.\n\nSources of income\nThe office rents out two rooms to a bakery."
    assert masked(text) == text
    alone = "Sources: sun and wind"
    assert masked(alone) == alone


@pytest.mark.parametrize(
    "lead",
    [
        "According to the documents, ", "Based on the provided passages, ", 
        "The context states that ",        "Based on the information given, ",
        "As stated in the document, ", 
        "According to passage 3, ",        "The passages say that ", "According to Source 1, ",
    ],
)  # fmt: skip
def test_what_leads_in_is_no_claim(lead: str):
    assert support(lead + SAID.lower() + ".", TEXT).score == pytest.approx(1)


def test_a_text_that_is_nothing_but_a_mark_is_taken_for_what_it_says():
    assert masked("[5]") == "[5]" and masked("5²") == "5²"
    assert masked("（五）") == "（五）"


@given(st.text() | st.lists(st.sampled_from([*MARKS, *PLAIN, "\n", " "])).map("".join))
def test_everything_else_keeps_its_place(text: str):
    left = masked(text)
    assert len(left) == len(text)
    assert all(now in {was, " "} for was, now in zip(text, left, strict=True))
    assert left.count("\n") == text.count("\n")
