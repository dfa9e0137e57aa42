"""What docs/extending.md adds is added: each block runs, is short, and does what its page says."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.example import Example
from graft.core.measure import MEASURES, measures_taken
from graft.evaluate.score import score
from graft.examples.maker import MAKERS
from graft.library.indexes import INDEXES
from graft.library.readers import READERS
from graft.models.adapter import ADAPTERS
from graft.retrieve.kind import STAGES
from graft.tune.objective import OBJECTIVES

PAGE = Path(__file__).resolve().parents[1] / "docs/extending.md"
BLOCKS = {
    heading: code
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    for heading in [section.partition("\n")[0]]
    for code in re.findall(r"^```python\n(.*?)^```", section, re.M | re.S)
}
LONGEST = 40
"""Lines that adding something may take."""


GIVES = {
    "A measure": (MEASURES, "concise"),
    "A stage": (STAGES, "hypothetical"),
    "A reader": (READERS, "subtitles"),
    "An index": (INDEXES, "sqlite"),
    "An adapter kind": (ADAPTERS, "ia3"),
    "An objective": (OBJECTIVES, "ask"),
    "A maker of questions": (MAKERS, "warranty"),
}
"""The seam that each block is for, and the name of what it adds there."""


def test_every_block_is_of_a_seam():
    assert BLOCKS.keys() == GIVES.keys()


@pytest.mark.parametrize("heading", BLOCKS)
def test_each_block_is_short_runs_alone_and_gives_one_thing(heading, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(BLOCKS[heading].splitlines()) <= LONGEST
    # As a file of a package: what a seam takes out of it is what the page says it adds.
    name = f"page_{heading.split()[1]}"
    (tmp_path / f"{name}.py").write_text(BLOCKS[heading], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    seam, added = GIVES[heading]
    known, point = set(seam.all()), EntryPoint(added, name, seam.group)
    monkeypatch.setattr("graft.core.seam.entry_points", lambda group: [point])
    assert set(replace(seam, _found={}, _looked=False).all()) - known == {added}


@pytest.mark.parametrize(
    ("heading", "file"), [("A stage", "stage"), ("A reader", "reader"), ("An index", "index")]
)
def test_what_the_suite_tries_is_what_the_page_shows(heading, file):
    """The tests of each seam plug in `extending_FILE.py`, as a package would."""
    assert (Path(__file__).parent / f"extending_{file}.py").read_text(encoding="utf-8") == BLOCKS[
        heading
    ]


def test_the_measure_of_the_page_is_taken_with_the_others():
    found: dict = {}
    exec(compile(BLOCKS["A measure"], PAGE.name, "exec"), found)
    MEASURES.add(found["CONCISE"])
    try:
        example = Example("e", "How many?", ("five days",))
        cases = [Case(example, Answer("How many?", text)) for text in ("five", "it is five days")]
        values = score("rag", cases, measures_taken()).values
    finally:
        MEASURES.drop("concise")
    assert values["concise"].tolist() == [1.0, 0.0]
