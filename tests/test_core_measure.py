"""A measure is one value in one place: whatever names measures reads it, and asks nothing else."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from typer.main import get_command

from graft.cli.main import app
from graft.cli.tables import show_results
from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.config import load_config
from graft.core.errors import ConfigError
from graft.core.example import Example
from graft.core.measure import (
    FAMILIES,
    MEASURES,
    Measure,
    each,
    measure_named,
    measures_in_order,
    measures_taken,
)
from graft.evaluate.about import About
from graft.evaluate.compare import Sampling
from graft.evaluate.gate import Terms, verdict_on
from graft.evaluate.report import render
from graft.evaluate.result import Plan, summarise
from graft.evaluate.score import score

WORDS = Measure(
    "long_windedness", "Long-windedness", "long-\nwinded", "This test",
    "The share of thirty words that an answer takes.", ("answer",),
    each(lambda case: min(1.0, len(case.answer.text.split()) / 30)), lower_is_better=True,
    compared=True, bounds=(0.0, 1.0),
)  # fmt: skip


@pytest.fixture
def added():
    yield MEASURES.add(WORDS)
    MEASURES.drop(WORDS.name)


def results(**texts: str):
    examples = [Example(f"e{i}", "Who?", ("a smith",), group=f"d{i}") for i in range(40)]
    systems = [
        score(name, [Case(e, Answer("Who?", text)) for e in examples], measures_taken())
        for name, text in texts.items()
    ]
    pair = tuple(texts)
    return {"new": summarise(systems, Plan(pairs=(pair,), changed=pair), Sampling())}


def test_a_measure_that_is_added_is_everywhere(added):
    config = load_config(flags={"gate.improve": WORDS.name}, variables={})
    assert config.gate.improve == (WORDS.name,)
    with pytest.raises(ConfigError, match=f"did you mean '{WORDS.name}'"):
        load_config(flags={"gate.guard": "long_windednes"}, variables={})

    long = "a smith of the old town by the river " + "and the hill " * 4
    found = results(before=long, after="a smith")
    assert found["new"].improved[0].question == "Who?"  # moved by answer_f1, its first measure
    difference = next(d for d in found["new"].differences if d.measure == WORDS.name)
    assert difference.mean == pytest.approx(-19 / 30)

    out = io.StringIO()
    show_results(Console(file=out, width=200), found)
    assert "long-" in out.getvalue() and "winded" in out.getvalue()
    assert WORDS.heading in out.getvalue(), "the table of differences"

    terms = Terms((WORDS.name,), (), 0.01, "new", ("before", "after"))
    assert verdict_on(terms, found).outcome == "promote", "lower is better"
    turned = replace(terms, pair=("after", "before"))
    assert verdict_on(turned, results(after="a smith", before=long)).outcome == "worse"

    about = About("e1", "T", "graft evaluate", 0.0, 1, Sampling(), {})
    page = render(about, found)
    assert f"<th>{WORDS.heading}</th>" in page
    row = re.search(
        rf"{WORDS.heading}</div>\n<div class=\"bar\">.*?\n<div class=\"span (\w+)", page
    )
    assert row[1] == "good", "the tone of a difference follows the direction"
    best = re.findall(r"<tr><td>(\w+)</td>\n(.*?)</tr>", page, re.S)
    cells = {name: re.findall(r"<td( class=\"best\")?>", row) for name, row in best}
    assert cells["after"][-2] and not cells["before"][-2], "the lower mean is the best"

    told = get_command(app).commands["evaluate"].epilog
    assert f"{WORDS.name}: {WORDS.about} [{WORDS.paper}; needs answer]" in told


def test_without_it_the_name_is_none(added):
    MEASURES.drop(WORDS.name)
    with pytest.raises(ConfigError, match="there is no measure 'long_windedness'"):
        load_config(flags={"gate.improve": WORDS.name}, variables={})
    assert measures_in_order([WORDS.name, "support"]) == [measure_named("support")]


def test_every_measure_says_what_it_is_and_no_two_are_headed_alike():
    measures = measures_taken()
    for measure in measures:
        assert measure.about.endswith(".") and measure.paper and measure.needs
        assert max(map(len, measure.short.split("\n"))) <= 7
    assert len({m.heading for m in measures}) == len({m.short for m in measures}) == len(measures)


def test_a_family_has_any_depth_after_those_that_are_always_taken():
    assert measure_named("nDCG@25").heading == "nDCG@25"
    assert [m.name for m in measures_taken(["Precision@3", "nDCG@10"])][-1] == "Precision@3"
    assert FAMILIES.named("Recall").member("Recall@0") is None
    names = ["Recall@7", "nDCG@10", "answer_f1", "gone"]
    assert [m.name for m in measures_in_order(names)] == ["answer_f1", "nDCG@10", "Recall@7"]


@pytest.mark.parametrize("lines", ["", "[gate]\nimprove = ['nDCG@20']\n"])
def test_reading_the_settings_loads_nothing_heavy(tmp_path, lines):
    (tmp_path / "graft.toml").write_text(lines)
    code = (
        "import sys; from pathlib import Path; from graft.core.config import load_config;"
        "load_config(Path('graft.toml'), variables={});"
        "print([m for m in ('torch', 'scipy', 'jinja2') if m in sys.modules],"
        " 'graft.measures.values.answers' in sys.modules)"
    )
    run = [sys.executable, "-c", code]
    told = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=True).stdout
    assert told == f"[] {bool(lines)}\n", "the measures' files are read when one is named"


def test_the_help_of_graft_itself_reads_no_file_of_measures():
    code = (
        "import sys; from graft.cli.main import main; sys.argv = ['graft', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "sys.exit(any(name.startswith('graft.measures') for name in sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )
