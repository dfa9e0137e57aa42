"""The demo: its settings and its documents are real, and its end reads as adapt's does."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from graft.cli.adapt import show_adapted
from graft.cli.main import main
from graft.core.case import Case
from graft.core.config import Config, load_config, valid_keys
from graft.core.context import Context
from graft.core.example import Example
from graft.evaluate.compare import Sampling
from graft.evaluate.gate import SENTENCES, Finding, Outcome, Verdict
from graft.evaluate.result import Plan, summarise
from graft.evaluate.score import Scored
from graft.examples.maker import MAKERS
from graft.jobs import demo as demonstrating
from graft.jobs.demo import SETTINGS, demo
from graft.loop.adapted import Adapted
from graft.loop.corpus import LONGEST, write_corpus
from graft.retrieve.line import stage_keys
from graft.wire import resolved


def adapted(outcome: Outcome = "no gain", *, promoted: bool = False) -> Adapted:
    """Return the end of a loop with one split of thirty questions."""
    cases = tuple(Case(Example(f"e{i}", "?", ("yes",), group=f"d{i}")) for i in range(30))
    draw = np.random.default_rng(0)
    systems = [Scored(name, {"answer_f1": draw.random(30)}, cases) for name in ("rag", "rag+ft")]
    plan = Plan(pairs=(("rag", "rag+ft"),), measures=("answer_f1",))
    result = summarise(systems, plan, Sampling())
    finding = Finding("answer_f1", "improve", outcome, "answer_f1 +0.010 [-0.100, +0.120], n = 30")
    return Adapted(
        verdict=Verdict(outcome, SENTENCES[outcome], (finding,)),
        release=4,
        promoted=promoted,
        results={"test-new": result},
        runs={"raft": "generator-1"},
        facts=(("until an edited fact is answered right", "2.0 s, 3 of 3 right"),),
        report=Path(
            "/somewhere/long/enough/to/be/wrapped/.graft/evaluations/0123456789ab/report.html"
        ),
        seconds=12.0,
    )


def printed(done: Adapted) -> list[str]:
    """Return the lines that a terminal of sixty columns shows."""
    out = io.StringIO()
    show_adapted(Console(file=out, width=60), done)
    return out.getvalue().splitlines()


def test_the_settings_of_the_demo_are_settings_and_count():
    config = load_config(flags=SETTINGS, variables={})
    makers = {f"examples.makers.{name}" for name in MAKERS.all()}
    assert set(SETTINGS) <= {*valid_keys(), *stage_keys(), *makers}
    for key, wanted in SETTINGS.items():
        value: Any = config
        for name in key.split("."):
            value = value[name] if isinstance(value, dict) else getattr(value, name)
        assert value == wanted, key
    assert config != Config()


def test_the_documents_of_the_demo_are_markdown_that_says_something(tmp_path):
    count = write_corpus(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    # a guard's margin takes 85 documents, and half of those that are asked about are the test's
    assert count == len(files) >= 300
    # a file system that folds case must hold as many
    assert len({str(path).casefold() for path in files}) == count
    for path in files:
        text = path.read_bytes().decode("utf-8")
        assert path.suffix == ".md" and text.endswith("\n")
        assert re.search(r"^#{1,4} \S", text, re.M), path
        assert len(text.split()) >= 15 and len(text) <= LONGEST + 1, path
    tops = {path.relative_to(tmp_path).parts[0] for path in files}
    assert tops == {"language", "library"}


def test_the_demo_adapts_to_what_it_wrote_by_its_own_settings(tmp_path, monkeypatch):
    ran: list[tuple[Config, list[str], str]] = []

    def loop(workspace: Any, paths: list[str], *, command: str, ctx: Context) -> Adapted:
        ran.append((workspace.config, paths, command))
        return adapted()

    monkeypatch.setattr(demonstrating, "adapt", loop)
    assert demo(tmp_path, ctx=Context()).release == 4
    [(config, [folder], command)] = ran
    assert config == resolved(load_config(flags=SETTINGS)) and command == "graft demo"
    assert len(list(Path(folder).rglob("*.md"))) >= 300


@pytest.mark.parametrize(
    ("outcome", "promoted", "ending"),
    [
        ("no gain", False, None),
        ("promote", False, "put it into use: graft release promote 4"),
        ("promote", True, "release 4 is in use"),
    ],
)
def test_the_end_says_the_verdict_and_what_to_do(outcome, promoted, ending):
    done = adapted(outcome, promoted=promoted)
    lines = printed(done)
    assert "until an edited fact is answered right: 2.0 s, 3 of 3 right" in lines
    assert any(line.startswith("verdict: " + done.verdict.sentence[:20]) for line in lines)
    # what a sentence holds in brackets is no markup, and no path is broken
    assert any("improve: answer_f1 +0.010 [-0.100, +0.120]" in line for line in lines)
    assert lines[-1] == f"report: {done.report}"
    assert any(line.startswith("rag+ft ") for line in lines)
    told = [line for line in lines if "release" in line]
    assert told == ([ending] if ending else [])


@pytest.mark.parametrize("words", [["demo"], ["adapt"]])
def test_the_json_of_the_end_is_what_scripts_rely_on(tmp_path, monkeypatch, capsys, words):
    for job in ("demo.demo", "adapt.adapt"):
        monkeypatch.setattr(f"graft.jobs.{job}", lambda *_, **__: adapted())
    monkeypatch.setattr(sys, "argv", ["graft", "-w", str(tmp_path), *words, "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    told = json.loads(capsys.readouterr().out)
    assert not end.value.code
    assert set(told) == {
        "verdict", "release", "promoted", "splits", "runs", "facts", "left_out", "report",
        "seconds",
    }  # fmt: skip
    assert told["verdict"]["outcome"] == "no gain"
    assert told["verdict"]["findings"][0]["rule"] == "improve"
    assert set(told["splits"]["test-new"]["systems"]) == {"rag", "rag+ft"}
    assert (told["release"], told["promoted"], told["runs"]) == (4, False, {"raft": "generator-1"})
