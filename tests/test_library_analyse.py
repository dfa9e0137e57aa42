"""The analyser: one term a word in every script, and names that are asked for as they stand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.document import Document, Passage
from graft.core.search import Filter
from graft.library import manifest, writer
from graft.library.analyse import Analyser, term_hash
from graft.library.manifest import publish_manifest, read_manifest
from graft.library.scripts import as_found
from graft.library.store import Library

ANALYSER = Analyser()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("The LIBRARY's 2 doors", ["library", "2", "doors"]),
        ("cafe\u0301 Straße ÎLE", ["café", "strasse", "île"]),
        ("python3 東京都の x", ["python3", "東京", "京都", "都の", "x"]),
        ("中", ["中"]),
        ("snake_case a.b c-d 3.14", ["snake_case", "ab", "c", "d", "3", "14", "3.14"]),
        ("Don't, l'eau, O'Brien: the U.S. e.g.", ["don", "eau", "brien", "us", "eg"]),
        ("छुट्टी मिलती है।", ["छुट्टी", "मिलती", "है"]),
        ("விடுமுறை விதிகள்", ["விடுமுறை", "விதிகள்"]),
        ("ছুটির নিয়ম", ["ছুটির", "নিয়ম"]),
        ("సెలవు నియమాలు", ["సెలవు", "నియమాలు"]),
        ("ರಜೆ നിയമം ਛੁੱਟੀ", ["ರಜೆ", "നിയമം", "ਛੁੱਟੀ"]),
        ("مُحَمَّد محمّد محـمد", ["محمد"] * 3),
        ("שָׁלוֹם שלום", ["שלום"] * 2),
        ("İstanbul ISPARTA ısparta", ["istanbul", "isparta", "isparta"]),
        ("ΟΔΟΣ οδός", ["οδοσ", "οδόσ"]),
        ("ＰＯＬ－３５８", ["pol", "358", "pol358"]),
        ("۱۴۰۳ ٣٥ ५", ["1403", "35", "5"]),
        ("می\u200cخواهم co\u00adoperate \u200fabc", ["میخواهم", "cooperate", "abc"]),
        ("ﬁnd leave¹ Foo™", ["find", "leave", "foo"]),
        ("ລາພັກ", ["ລາ", "າພ", "ພັ", "ັກ"]),
        ("휴가는", ["휴가", "가는"]),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert ANALYSER.terms(text) == [as_found(term) for term in terms]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("vitamin A, or Hepatitis A", ["vitamin", "A", "hepatitis", "A"]),
        ("A house is a house", ["house", "house"]),
        ("the IT desk", ["IT", "desk"]),
        ("it is so", ["so"]),
    ],
)
def test_a_stop_word_in_capitals_is_a_name(text: str, named: list[str]) -> None:
    assert sorted(ANALYSER.terms(text)) == sorted(named)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("POL358", "Code POL-358 is set."),
        ("pol-358", "Code POL–358 is set."),
        ("1000", "It costs 1,000 euros."),
        ("5 mg", "Take 5mg."),
        ("5mg", "Take 5 mg."),
        ("C++", "It is in C++."),
        ("C#", "It is in C#."),
        (".NET", "It runs on .NET, too."),
        ("§12", "See § 12."),
        ("茶", "他喝茶。"),
        ("물", "물은 차다"),
        ("warnings", "Set error_on_warnings."),
        ("k8s", "A k8s cluster."),
        ("v1.2.3", "Since v1.2.3."),
        ("3/4", "A pipe of 3/4 inch."),
        ("R", "The reports are in R."),
        ("@nasa", "Contact @nasa."),
        ("ถนน", "ชื่อถนน"),
    ],
)
def test_a_query_finds_what_is_written_otherwise(query: str, text: str) -> None:
    held = {posting & ~127 for posting in ANALYSER.postings(text)[0]}
    assert {term_hash(term) for term in ANALYSER.terms(query)} & held


@given(st.text(max_size=60))
def test_whatever_a_text_is_asked_by_it_is_found_by(text: str) -> None:
    held = {posting & ~127 for posting in ANALYSER.postings(text)[0]}
    assert {term_hash(term) for term in ANALYSER.terms(text)} <= held
    assert all(ANALYSER.terms(text))


@given(st.text("ابتثجح", min_size=2, max_size=9), st.text("\u064b\u0651\u0640", max_size=4))
def test_points_change_no_word(word: str, points: str) -> None:
    pointed = word[0] + points + word[1:]
    assert ANALYSER.terms(pointed) == [word]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("POL-358", [["pol358"]]),
        ("What does code POL-358 mean?", [["pol358"]]),
        ("POL-358 or POL-359?", [["pol358"], ["pol359"]]),
        ("Is ISO 27001 asked for?", [["27001", "iso"]]),
        ("C++", [["c++"]]),
        ("vitamin D", [["d", "vitamin"]]),
        ("Who is on leave?", []),
        ("A 24-hour shift of 3 nurses in 2019 who are paid", []),
        ("POL-358 is among what a long question about many other things mentions too", []),
    ],
)
def test_identifiers(query: str, named: list[list[str]]) -> None:
    assert [sorted(each) for each in ANALYSER.identifiers(query)] == named


def library(folder: Path, texts: dict[str, str], staff: tuple[str, ...] = ()) -> Library:
    documents = [
        Document(id, text, access=("staff",) if id in staff else ()) for id, text in texts.items()
    ]
    with Library.open(folder).writer(Context()) as opened:
        opened.put_documents(documents)
        opened.put_passages(
            Passage(f"p{d.id}", d.id, 0, len(d.text), d.text, "whole") for d in documents
        )
        opened.publish()
    return Library.open(folder)


def found(held: Library, query: str, who: frozenset[str] | None = None) -> list[str]:
    (ranked,) = held.match([query], 9, allowed=[Filter()], principals=[who])
    return [document for _, document, _ in ranked]


CODES = {
    "a": "Code POL-358 means that the file is missing.",
    "b": "Code POL-359 means that the file is old. " * 3,
    "c": "Vitamin D is made in the skin.",
    "d": "Vitamin C is found in peppers; don't cook them.",
    "e": "The controller is in C++ and the reports in R.",
}


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("POL-358", ["a"]),
        ("What does POL-359 mean?", ["b"]),
        ("pol 358 or POL-359", ["b"]),
        ("vitamin D", ["c"]),
        ("vitamin C", ["d"]),
        ("C++", ["e"]),
        ("R", ["e"]),
    ],
)
def test_an_identifier_decides(tmp_path: Path, query: str, first: list[str]) -> None:
    assert found(library(tmp_path, CODES), query) == first


def test_an_identifier_that_may_not_be_seen_or_is_nowhere_decides_nothing(tmp_path: Path) -> None:
    held = library(tmp_path, CODES, staff=("a",))
    assert found(held, "POL-358") == ["a"]
    assert found(held, "POL-358", frozenset()) == ["b"]
    assert sorted(found(held, "POL-777")) == ["a", "b"]


def test_postings_of_an_older_analyser_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        # As an analyser without marks cut them.
        before.setattr(Analyser, "postings", lambda *_: ([term_hash("छ")], 1))
        before.setattr(writer, "ANALYSER", 1)
        library(tmp_path, {"a": "छुट्टी मिलती है।", "b": "वेतन"})
    assert read_manifest(tmp_path, 1).analyser == 1
    old = Library.open(tmp_path)
    assert found(old, "छुट्टी") == ["a"], "read by a new version, before anything is written"
    assert len(list((tmp_path / "fulltext").iterdir())) == 1, "and kept for the next process"
    old.close()
    held = library(tmp_path, {"c": "यात्रा"})
    assert read_manifest(tmp_path, 2).analyser == manifest.ANALYSER
    assert found(held, "छुट्टी") == ["a"] and found(held, "यात्रा") == ["c"]
    assert held.check() == []


def test_a_manifest_of_before_tells_no_analyser(tmp_path: Path) -> None:
    library(tmp_path, {"a": "word"})
    state = read_manifest(tmp_path, 1)
    publish_manifest(tmp_path, state)
    path = tmp_path / "manifests" / "1.json"
    data = json.loads(path.read_text())
    assert (data.pop("analyser"), data.pop("digest")) and data["format"] == 3
    path.write_text(json.dumps({**data, "digest": manifest.value_hash(data)}))
    assert read_manifest(tmp_path, 1).analyser == 1
