"""An evaluation is a folder: it resumes, is scored again and compared, and no model is asked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from graft import wire
from graft.answer.rules import RULES
from graft.cli.main import main
from graft.core.errors import Cancelled, FormatError, InputError, NotFound
from graft.core.measure import MEASURES, Measure, each
from graft.core.recipe import Recipe, Schedule
from graft.core.runs import Run
from graft.evaluate.folder import read_evaluation
from graft.jobs.evaluate import evaluate, evaluate_again, evaluate_systems
from graft.jobs.examples import import_
from graft.jobs.remove import remove_documents
from graft.loop.sets import load_examples
from graft.retrieve.line import read_line
from graft.testing import FakeGenerator
from graft.tune.checkpoint import checkpoint_of
from graft.tune.writing import write_run
from graft.wire import library, with_line
from tests.conftest import CTX


@dataclass
class Failing(FakeGenerator):
    """Fails every prompt, or ends the job once so many were put."""

    after: int = 10**6
    error: str = ""
    put: list[int] = field(default_factory=list)

    def generate(self, prompts, decoding):
        if sum(self.put) + len(prompts) > self.after:
            raise Cancelled("stopped")
        self.put.append(len(prompts))
        made = super().generate(prompts, decoding)
        return [replace(each, text="", error=self.error) for each in made] if self.error else made


def nobody(*args, **kwargs):
    raise AssertionError("a model is asked")


def use(monkeypatch, generator):
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: generator)
    return generator


def made_run(workspace, objective: str, day: float = 0.0, steps: int = 3) -> str:
    """Write a run of the generator, of which nothing but its name is used."""
    data = load_examples(workspace).id
    recipe = Recipe("generator", objective, "starter", data=data, schedule=Schedule())
    run = Run(
        f"generator-{objective}-{day:g}", recipe, day, 1.0, 10, {}, {}, {},
        counts={"steps": steps},
    )  # fmt: skip
    written = write_run(workspace.layout.runs, run, lambda f: (f / "w").write_text(objective))
    workspace.ledger.record_run(written, data, {})
    return written.id


@pytest.fixture
def asked(workspace, beir):
    import_(workspace, str(beir), ctx=CTX)
    return workspace


def year(prompt) -> str:
    name = re.search(r"the (\w+ \w+) (?:made|weigh)", prompt[-1]["content"])[1]
    shown = prompt[-1]["content"].partition("Question:")[0]
    found = re.search(rf"The {name} was made in (\d+)", shown)
    return f"In {found[1]}." if found else "1800"


def test_an_evaluation_is_a_folder_of_rows(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    ft = made_run(asked, "closed-book")
    done = evaluate(asked, limit=4, ctx=CTX)
    folder = asked.layout.evaluations / done.id
    assert sorted(p.name for p in folder.iterdir()) == ["about.json", "report.html", "rows.parquet"]
    assert (
        done.report == folder / "report.html" and "<h1>Evaluation</h1>" in done.report.read_text()
    )
    assert not list(asked.layout.evaluations.glob(".*")), "nothing partial is left"
    about = json.loads((folder / "about.json").read_text())
    assert about["runs"] == {"ft": ft} and about["example_set"] == load_examples(asked).id
    assert about["library_version"] == 1 and about["created"] >= about["seconds"] > 0
    assert set(about["plans"]) == {"test-new"} and about["versions"]["numpy"] == np.__version__
    told = about["systems"]
    assert told["ft"]["generator"] == ft and told["rag"]["context"] == "retrieved"
    assert told["rag"]["dense encoder"] == wire.encoder(asked, asked.config.encoder).digest
    assert told["base"]["model"] == "fake-generator" and "dense encoder" not in told["base"]
    assert told["ft"]["settings"] != told["rag"]["settings"] == told["base"]["settings"]
    [row] = asked.ledger.evaluations()
    assert row["id"] == done.id and row["detail"]["splits"] == done.to_dict()["splits"]

    table = pq.read_table(folder / "rows.parquet")
    rows = [row for row in table.to_pylist() if row["system"] == "rag"]
    assert len(table) == 4 * len(told) and len(rows) == 4
    assert set(table.column_names) >= {
        "split", "system", "example", "question", "kind", "answers", "gold", "group", "answer",
        "declined", "citations", "support", "error", "finish_reason", "ranking", "judged",
        "prompt_hash", "prompt_tokens", "new_tokens", "seconds", "release", "score:answer_f1",
    }  # fmt: skip
    for row in rows:
        assert row["release"] == "0" and row["prompt_tokens"] > 20 and row["new_tokens"] >= 1
        assert len(row["prompt_hash"]) == 32 and len(row["shown"]) == 3 and row["seconds"] >= 0
    rows = [row for row in table.to_pylist() if row["system"] == "base/gold"]
    cited = [row for row in rows if "-year" in row["example"]]
    assert cited and all("was made in" in row["citations"][0]["quote"] for row in cited)


def test_an_evaluation_of_before_is_read_and_shown_by_the_names_of_now(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    done = evaluate(asked, limit=4, ctx=CTX)
    folder = asked.layout.evaluations / done.id
    table = pq.read_table(folder / "rows.parquet")
    was = {"score:gold_cited": "score:citation_recall"}
    was["score:right_citations"] = "score:citation_precision"
    assert was.keys() <= set(table.column_names)
    named = table.rename_columns([was.get(name, name) for name in table.column_names])
    pq.write_table(named, folder / "rows.parquet")
    about = json.loads((folder / "about.json").read_text())
    about["plans"]["test-new"]["measures"] = ["citation_recall", "support"]
    pair = about["plans"]["test-new"]["pairs"][-1]
    about["terms"] = {"improve": ["citation_recall"], "guard": ["citation_precision"],
                      "margin": 0.05, "split": "test-new", "pair": pair}  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about))

    told, rows = read_evaluation(asked.layout.evaluations, done.id)
    assert told.plans["test-new"].measures == ("gold_cited", "support")
    assert told.terms.improve == ("gold_cited",) and told.terms.guard == ("right_citations",)
    before = done.results["test-new"].systems["base/gold"]["gold_cited"]
    held = next(s for s in rows["test-new"] if s.name == "base/gold").values
    assert np.nanmean(held["gold_cited"]) == before.mean and "citation_recall" not in held
    again = evaluate_again(asked, [done.id], ctx=CTX)
    assert again.results["test-new"].systems["base/gold"]["gold_cited"] == before
    assert "Gold cited" in again.report.read_text()
    assert not [n for n in pq.read_table(folder / "rows.parquet").column_names if n in was.values()]


def test_scoring_again_asks_no_model_and_takes_a_measure_added_later(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    done = evaluate(asked, limit=4, ctx=CTX)
    before = done.to_dict()["splits"]
    monkeypatch.setattr("graft.wire.answering.generator", nobody)
    monkeypatch.setattr("graft.wire.answering.pipeline", nobody)
    again = evaluate_again(asked, [done.id[:6]], ctx=CTX)
    assert again.id == done.id and again.to_dict()["splits"] == before
    words = Measure(
        "words", "Words in all", "words", "none", "How many words.", ("answer",),
        each(lambda case: float(len(case.answer.text.split()))), compared=True,
    )  # fmt: skip
    MEASURES.add(words)
    try:
        again = evaluate_again(asked, [done.id], ctx=CTX)
    finally:
        MEASURES.drop(words.name)
    systems = again.results["test-new"].systems
    assert systems["base"]["words"].mean == 1.0 and systems["base"]["words"].n == 4
    assert "words" in {d.measure for d in again.results["test-new"].differences}
    assert "Words in all" in again.report.read_text()
    # Its package is gone: what it said stays in the rows, and is shown nowhere.
    rows = read_evaluation(asked.layout.evaluations, done.id)[1]
    assert rows["test-new"][0].values["words"].tolist() == [1.0] * 4
    last = evaluate_again(asked, [done.id], ctx=CTX)
    assert "Words in all" not in last.report.read_text()
    rows = read_evaluation(asked.layout.evaluations, done.id)[1]
    assert rows["test-new"][0].values["words"].tolist() == [1.0] * 4
    with pytest.raises(NotFound, match=f"named 'nothing': there is {done.id}"):
        evaluate_again(asked, ["nothing"], ctx=CTX)


def test_cells_that_retrieve_keep_their_ranks_so_that_a_ranking_measure_can_come_later(
    asked, monkeypatch
):
    use(monkeypatch, FakeGenerator(year))
    made_run(asked, "raft")
    done = evaluate(asked, limit=12, ctx=CTX)
    rows = read_evaluation(asked.layout.evaluations, done.id)[1]["test-new"]
    by_name = {system.name: system.cases for system in rows}
    for case in by_name["rag"]:
        assert len(case.ranking) > len(case.answer.hits) == 3 and case.has("judged")
    spanned = {bool(case.example.gold[0].span): case for case in by_name["rag"]}
    assert set(spanned) == {True, False}, "gold with a span is judged by passages, else documents"
    assert spanned[True].ranking[:3] == tuple(h.passage_id for h in spanned[True].answer.hits)
    assert set(spanned[False].judged) == {spanned[False].example.gold[0].document_id}
    ranking = [name for name, cases in by_name.items() if cases[0].ranking is not None]
    assert ranking == ["rag", "rag+ft", "rag+few-shot", *RULES]
    monkeypatch.setattr("graft.wire.answering.pipeline", nobody)
    config = asked.config
    table = config.evaluate.model_copy(update={"measures": ["nDCG@3"]})
    asked.config = config.model_copy(update={"evaluate": table})
    again = evaluate_again(asked, [done.id], ctx=CTX).results["test-new"]
    assert again.systems["rag"]["nDCG@3"].n == 12 and "nDCG@3" not in again.systems["base"]
    assert 0 < again.systems["rag"]["nDCG@3"].mean <= again.systems["rag"]["nDCG@10"].mean
    told = {d.measure for d in again.differences}
    assert told and not told & {"nDCG@10", "Recall@10"}, "they rank alike: nothing to compare"


def test_an_evaluation_that_was_stopped_asks_only_what_is_missing(asked, monkeypatch):
    whole = use(monkeypatch, Failing(year))
    first = evaluate(asked, limit=4, ctx=CTX)
    total, systems = sum(whole.put), list(first.results["test-new"].systems)
    assert systems == ["base", "rag", "rag+few-shot", "base/gold", *RULES] and total == 16

    use(monkeypatch, Failing(year, after=9))
    with pytest.raises(Cancelled):
        evaluate(asked, limit=4, ctx=CTX)
    [partial] = asked.layout.evaluations.glob(".*.partial")
    assert len(list(partial.iterdir())) == 2, "base and rag were finished"

    other = use(monkeypatch, Failing(year))
    evaluate(asked, limit=3, ctx=CTX)
    assert sum(other.put) == 12, "other questions are another evaluation"
    rest = use(monkeypatch, Failing(year))
    done = evaluate(asked, limit=4, ctx=CTX)
    assert sum(rest.put) == 8
    assert (
        done.to_dict()["splits"]["test-new"]["systems"]
        == (first.to_dict()["splits"]["test-new"]["systems"])
    )
    assert not partial.exists()
    again = use(monkeypatch, Failing(year))
    evaluate(asked, limit=4, ctx=CTX)
    assert sum(again.put) == 16, "what has ended is asked anew"


def test_a_stop_costs_a_batch_and_the_others_are_the_same(asked, monkeypatch):
    monkeypatch.setattr("graft.loop.trials.AT_ONCE", 3)
    use(monkeypatch, Failing(year, after=11))
    with pytest.raises(Cancelled):
        evaluate(asked, limit=4, ctx=CTX)
    rest = use(monkeypatch, Failing(year))
    evaluate(asked, limit=4, ctx=CTX)
    assert rest.put == [1, 3, 1], "the last of the third system, and the fourth"


def test_what_nobody_went_on_from_for_a_week_is_thrown_away(asked, monkeypatch):
    def stopped() -> Path:
        use(monkeypatch, Failing(year, after=6))
        with pytest.raises(Cancelled):
            evaluate(asked, limit=2, ctx=CTX)
        [left] = asked.layout.evaluations.glob(".*.partial")
        return left

    def days_later(days: float, limit: int) -> int:
        now = left.stat().st_mtime if left.exists() else 0.0
        generator = use(monkeypatch, Failing(year))
        evaluate(asked, limit=limit, ctx=replace(CTX, clock=lambda: now + days * 24 * 3600))
        return sum(generator.put)

    left = stopped()
    assert days_later(6, 1) == 4 and left.exists()
    assert days_later(8, 1) == 4 and not left.exists()
    assert stopped() == left
    assert days_later(8, 2) == 2, "who comes back himself finds it"


def test_what_failed_is_asked_again(asked, monkeypatch):
    failing = use(monkeypatch, Failing(year, error="no reply"))
    monkeypatch.setattr("graft.loop.trials.summarise", nobody)
    with pytest.raises(AssertionError):
        evaluate(asked, limit=2, ctx=CTX)
    kept = list(asked.layout.evaluations.glob(".*/*"))
    assert sum(failing.put) == 8 and len(kept) == len(RULES), "they ask no generator"


def test_other_settings_are_another_evaluation(asked, monkeypatch):
    def stopped() -> set[str]:
        use(monkeypatch, Failing(year, after=3))
        with pytest.raises(Cancelled):
            evaluate(asked, limit=2, ctx=CTX)
        return stopped_so_far()

    def stopped_so_far() -> set[str]:
        return {path.name for path in asked.layout.evaluations.glob(".*.partial")}

    assert stopped() == stopped() and len(stopped_so_far()) == 1
    table = {**asked.explicit["generate"], "temperature": 0.5}
    asked.explicit = {**asked.explicit, "generate": table}
    assert len(stopped()) == 2
    asked.explicit = {**asked.explicit, "generate": {**table, "seed": 3}}
    assert len(stopped()) == 3
    # Other weights under the same path are another model.
    use(monkeypatch, Failing(year, after=3, digest="of other weights"))
    with pytest.raises(Cancelled):
        evaluate(asked, limit=2, ctx=CTX)
    assert len(stopped_so_far()) == 4


def test_two_evaluations_are_compared_on_what_both_were_asked(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(lambda prompt: "1800"))
    one = evaluate(asked, limit=6, ctx=CTX)
    use(monkeypatch, FakeGenerator(year))
    two = evaluate(asked, limit=4, ctx=CTX)
    monkeypatch.setattr("graft.wire.answering.generator", nobody)
    done = evaluate_again(asked, [one.id, two.id], ctx=CTX)
    result = done.results["test-new"]
    assert list(result.systems) == [
        f"{name} ({id})" for id in (one.id, two.id) for name in one.results["test-new"].systems
    ]
    shared = {c.example.id for c in _cases(asked, one)} & {c.example.id for c in _cases(asked, two)}
    assert result.n == len(shared) > 0
    pairs = {(d.a, d.b) for d in result.differences}
    assert (f"rag ({one.id})", f"rag ({two.id})") in pairs and len(pairs) == 4 + len(RULES)
    about, rows = read_evaluation(asked.layout.evaluations, done.id)
    assert ("evaluation", one.id) in about.lineage and len(rows["test-new"]) == 2 * (4 + len(RULES))
    assert {row["id"] for row in asked.ledger.evaluations()} == {one.id, two.id, done.id}
    with pytest.raises(InputError, match="needs two evaluations"):
        evaluate_again(asked, [one.id, one.id], ctx=CTX)


def _cases(workspace, done):
    return read_evaluation(workspace.layout.evaluations, done.id)[1]["test-new"][0].cases


def test_a_damaged_evaluation_is_said_to_be(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    done = evaluate(asked, limit=2, ctx=CTX)
    (done.report.parent / "rows.parquet").write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"rows\.parquet is damaged"):
        evaluate_again(asked, [done.id], ctx=CTX)
    (done.report.parent / "about.json").write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        evaluate_again(asked, [done.id], ctx=CTX)


def test_the_latest_runs_stand_in_the_cells_of_their_roles_and_others_are_told(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    for day, objective in enumerate(("raft", "closed-book", "raft", "preferences")):
        made_run(asked, objective, float(day), steps=3 + day)
    notes: list[str] = []
    heard = replace(CTX, events=lambda event: notes.append(event.message))
    done = evaluate(asked, limit=2, ctx=heard)
    about, _ = read_evaluation(asked.layout.evaluations, done.id)
    assert about.runs == {"ft": "generator-closed-book-1", "rag+ft": "generator-raft-2"}
    assert list(done.results["test-new"].systems)[:4] == ["base", "rag", "ft", "rag+ft"]
    assert len(done.results["test-new"].systems) == 10 + len(RULES)
    [left] = [note for note in notes if "left out" in note]
    assert "'preferences'" in left and "--cell rag+NAME=generator-preferences-3" in left
    assert any("took 4 steps" in note and "5:" in note for note in notes), "they are unequal"


def test_cells_are_named_by_runs(asked, monkeypatch):
    use(monkeypatch, FakeGenerator(year))
    one, two, three = (made_run(asked, name) for name in ("raft", "preferences", "closed-book"))
    named = {"rag+new": one, "old": two, "old/gold": two, "x/gold": f"runs/{three}"}
    systems = list(evaluate(asked, cells=named, limit=2, ctx=CTX).results["test-new"].systems)
    assert systems == [
        "base", "rag", "old", "rag+new", "old/gold", "x/gold", "rag+few-shot", "base/gold",
        "rag+new/none", "rag+new/gold", "old/retrieved", *RULES,
    ]  # fmt: skip
    with pytest.raises(InputError, match="'old' names the runs"):
        evaluate(asked, cells={"old": one, "old/gold": two}, limit=2, ctx=CTX)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cell", "ft"], "write --cell ft=RUN"),
        (["--cell", "rag=x"], "can be no name"),
        (["--cell", "ft=a", "--cell", "ft=b"], "names 'ft' twice"),
        (["--cell", "ft=a", "--release", "1"], "--cell"),
        (["--cell", "ft=a", "--beir", "x"], "--answers"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_before_anything_is_read(
    tmp_path, monkeypatch, capsys, words, told
):
    monkeypatch.setattr("sys.argv", ["graft", "-w", str(tmp_path), "evaluate", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and told in capsys.readouterr().err


def test_rankings_are_judged_by_passages_where_gold_has_a_span_and_by_documents_where_not(
    asked, monkeypatch
):
    use(monkeypatch, FakeGenerator(year))
    first = asked.releases.current()
    line = with_line(first.settings, read_line("bm25", {}))
    number = asked.releases.add(first.model_copy(update={"settings": line})).number
    done = evaluate_systems(asked, [0, number], limit=12, ctx=CTX)
    _, rows = read_evaluation(asked.layout.evaluations, done.id)
    cases = rows["test-new"][0].cases
    spanned = {bool(case.example.gold[0].span): case for case in cases}
    assert set(spanned) == {True, False}
    assert set(spanned[False].judged) == {spanned[False].example.gold[0].document_id}
    assert not set(spanned[True].judged) & {gold.document_id for gold in spanned[True].example.gold}
    for case in cases:
        assert set(case.ranking) & set(case.judged), "every document stands in the hundred found"
    others = rows["test-new"][1].cases
    assert any(a.ranking != b.ranking for a, b in zip(cases, others, strict=True))
    assert rows["test-new"][0].seconds == 0 and cases[0].answer.release == "0"
    table = done.results["test-new"]
    assert {d.measure for d in table.differences} == {
        "answer_f1", "utility@1", "right_answers", "unsupported", "Recall@10",
    }  # fmt: skip
    names = list(table.systems)[:2]
    hybrid, words = (table.systems[name]["Recall@10"].mean for name in names)
    [recall] = [d for d in table.differences if d.measure == "Recall@10" and d.a == names[0]]
    assert recall.mean == pytest.approx(words - hybrid) and words != hybrid


def test_a_purge_takes_what_documents_said_out_of_evaluations_and_keeps_the_scores(
    asked, monkeypatch
):
    use(monkeypatch, FakeGenerator(year))
    done, other = evaluate(asked, limit=8, ctx=CTX), evaluate(asked, limit=1, ctx=CTX)
    use(monkeypatch, Failing(year, after=9))
    with pytest.raises(Cancelled):
        evaluate(asked, limit=4, ctx=CTX)
    checkpoint = checkpoint_of(
        asked.layout.checkpoints, Recipe("generator", "raft", "starter"), [], now=0.0
    )
    checkpoint.save({"step": 3})
    folder = asked.layout.evaluations
    before = {row["system"] + row["example"]: row for row in table_of(folder / done.id)}
    asked_once = {case.example.id for case in _cases(asked, other)}
    case = next(case for case in _cases(asked, done) if case.example.id not in asked_once)
    purged = case.example.gold[0].document_id
    assert any("was made in" in str(row["citations"]) for row in before.values())
    said = library(asked).document(purged).title.removeprefix("The ")
    assert said in str(before)

    told = remove_documents(asked, [purged], purge=True, ctx=CTX)
    assert done.id in told["evaluations"]
    assert told["example_sets"] == [load_examples(asked).id]
    assert not list(folder.glob(".*.partial")) and checkpoint.load() is None
    after = {row["system"] + row["example"]: row for row in table_of(folder / done.id)}
    assert said not in str(after) and said not in (folder / done.id / "report.html").read_text()
    assert after.keys() == before.keys()
    assert any(row["answer"] is None for row in after.values())
    assert any(row["answer"] is not None for row in after.values()), "others are as they were"
    for key, row in after.items():
        touched = purged in {g["document_id"] for g in before[key]["gold"]}
        shown = purged in {s["document_id"] for s in before[key]["shown"]}
        assert (row["answer"] is None) == (touched or shown)
        assert (row["question"] == "") == touched
        for name, value in row.items():
            if name.startswith("score:"):
                np.testing.assert_equal(value, before[key][name])
        assert row["ranking"] == before[key]["ranking"] and row["judged"] == before[key]["judged"]
    again = evaluate_again(asked, [done.id], ctx=CTX)
    assert figures(again) == figures(done), "scored again, what is gone counts as it did"
    assert remove_documents(asked, [purged], purge=True, ctx=CTX)["evaluations"] == []


def table_of(folder: Path) -> list[dict]:
    return pq.read_table(folder / "rows.parquet").to_pylist()


def figures(done) -> dict:
    return {n: t["systems"] for n, t in done.to_dict()["splits"].items()}
