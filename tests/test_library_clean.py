"""Cleaning: characters, lines to paragraphs, running headers, page offsets that stay true."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.library.clean import (
    clean_characters,
    clean_text,
    join_lines,
    join_pages,
    list_item,
    repeated_lines,
    words_of,
)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("no\u00a0break\u2009thin", "no break thin"),
        ("soft\u00adhyphen \u200bzero\ufeff", "softhyphen zero"),
        ("bell\x07 and \x1b[0m", "bell and [0m"),
        ("e\u0301te\u0301", "été"),
        ("e\u200b\u0301", "é"),
        ("«\u00a0Né\u00a0»", "« Né »"),
        ("1986\u00e2\u0080\u00931990 caf\u00c3\u00a9", "1986–1990 caf\u00c3\u00a9"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("line\u2028sep", "line\nsep"),
        ("\u202eright\u202c", "right"),
    ],
)
def test_characters(dirty: str, clean: str) -> None:
    assert clean_characters(dirty) == clean


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", clean_characters(text))
    assert "\n\n\n" not in once


def test_blank_lines_and_ends() -> None:
    assert clean_text("\n\n  a  \n\n\n\n b\t\n\n") == "  a\n\n b"


@pytest.mark.parametrize(
    ("lines", "known", "joined"),
    [
        (["an inter-", "national treaty"], [], "an international treaty"),
        (["the open-", "domain task"], ["open", "domain"], "the open-domain task"),
        (["a well-", "known fact"], ["well-known"], "a well-known fact"),
        (["Jean-", "Paul"], [], "Jean-Paul"),
        (["the Ef-", "fects are"], [], "the Effects are"),
        (["pages 10-", "12 tell"], [], "pages 10- 12 tell"),
        (["an over-", "view"], ["overview", "over", "view"], "an overview"),
        (["one", "", "two "], [], "one two"),
    ],
)
def test_lines_of_a_paragraph(lines: list[str], known: list[str], joined: str) -> None:
    assert join_lines(lines, frozenset(known)) == joined


def test_broken_words_are_no_evidence_of_themselves() -> None:
    known = words_of(["the inter-", "national and", "state-of-the-art view"])
    assert "inter" not in known and "national" not in known
    assert {"state-of-the-art", "state", "view"} <= known


def test_list_items() -> None:
    assert list_item("\uf0b7  one") == "- one"
    assert list_item("– two") == "- two"
    assert list_item("3) three") == "3) three"
    assert list_item("1984 was a year") is None


def test_running_headers_go_and_text_stays() -> None:
    pages = [
        ["Annual Report 2023", f"text of page {i} alone {'x' * i}", f"Page {i} of 9"]
        for i in range(9)
    ]
    assert repeated_lines(pages) == [{0, 2}] * 9
    alternating = [
        [
            "Left head" if i % 2 else "Right head",
            *(f"{n} body {i * n}" + "abc"[n] * i for n in range(3)),
        ]
        for i in range(12)
    ]
    assert all(0 in drop and len(drop) == 1 for drop in repeated_lines(alternating, depth=1))
    assert repeated_lines([["Same", "a"], ["Same", "b"]]) == [set(), set()]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=8))
def test_page_offsets_are_true(pages: list[str]) -> None:
    text, offsets = join_pages(pages)
    assert len(offsets) == len(pages)
    assert list(offsets) == sorted(offsets)
    bounds = [*offsets, len(text)]
    for page, start, end in zip(pages, bounds, bounds[1:], strict=False):
        body = clean_text(page)
        cut = text[start:end].removesuffix("\n\n")
        # A word broken across pages loses its hyphen to the page before.
        assert cut.removesuffix(" ") in (body, body[:-1]) if body else cut == ""


def test_a_sentence_across_pages() -> None:
    text, offsets = join_pages(["It is an inter-", "national affair.", "Next."])
    assert text == "It is an international affair.\n\nNext."
    assert [text[o : o + 4] for o in offsets] == ["It i", "nati", "Next"]
    assert join_pages(["# Heading", "goes on"])[0] == "# Heading\n\ngoes on"


def test_no_letter_is_lost_where_a_page_goes_on() -> None:
    for length in range(70, 90):
        before = "First.\n\n" + "x" * (length - 4) + " the"
        after = "lamp" + "y" * (length - 5) + " is lit."
        text, _ = join_pages([before, after])
        assert text == f"{before} {after}"
