"""The line of the settings: built into what it says, checked, and taken apart."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graft.core.context import Allowance, Context
from graft.core.document import Document
from graft.core.errors import ConfigError, FormatError
from graft.core.search import Search, Variant
from graft.retrieve.kind import STAGES
from graft.retrieve.line import (
    Line,
    alone,
    build,
    fusion,
    joined,
    read_line,
    weights,
    without,
)
from graft.retrieve.stage import Fuse, Stage
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.retrieve.stages.follow_up import FollowUp
from graft.retrieve.stages.rerank import Rerank
from graft.testing import FakeGenerator, FakeParts, FakeReranker, MemoryStore
from tests.extending_stage import KIND

CTX = Context()
STORE = MemoryStore([
    Document("leave.md", "Five leave days carry over.\n\nSick leave needs a note."),
    Document("pay.md", "Pay day is the 25th.\n\nInterns are paid weekly."),
])  # fmt: skip
PARTS = FakeParts(STORE)
DENSE, LEXICAL = Dense(STORE, STORE.encoder), BM25(STORE)
SEARCHES = [
    Search("leave days"),
    Search("And when?", history=({"role": "user", "content": "How are interns paid?"},)),
]
EXAMPLE = Path(__file__).parent / "extending_stage.py"


def line(pipeline: str, **stages: dict[str, object]) -> Line:
    return read_line(pipeline, stages)


def told(pipeline: str, **stages: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as error:
        read_line(pipeline, stages)
    return str(error.value)


@pytest.mark.parametrize(
    ("made", "stage"),
    [
        (line("follow_up >> dense + bm25"), FollowUp() >> DENSE + LEXICAL),
        (line("dense"), DENSE),
        (line("bm25", bm25={"depth": 3}), BM25(STORE, 3)),
        (
            line("(dense + 0.7 * bm25) % 4 >> rerank % 2", fuse={"k": 10}, rerank={"model": "m"}),
            Fuse((DENSE, LEXICAL), (1.0, 0.7), k=10) % 4
            >> Rerank(FakeReranker("m"), STORE) % 2,
        ),
        (line("follow_up >> dense", follow_up={"turns": 2}), FollowUp(2) >> DENSE),
        (line("dense + (bm25 >> rerank % 3)", rerank={"model": "m", "depth": 4}),
         DENSE + (LEXICAL >> Rerank(FakeReranker("m"), STORE, 4) % 3)),
    ],
)  # fmt: skip
def test_a_line_is_built_into_the_stages_that_it_names(made: Line, stage: Stage):
    built = build(made, PARTS)
    assert built == stage and built(SEARCHES, CTX) == stage(SEARCHES, CTX)
    assert build(line("bm25"), FakeParts(STORE, depth=7)) == BM25(STORE, 7)


def test_what_cannot_be_used_is_told_with_the_nearest():
    assert "'dnese' at character 11: there is no stage 'dnese', did you mean 'dense'?" in told(
        "bm25 + (  dnese)"
    )
    assert "which went: write 'follow_up >> dense + bm25'" in told("hybrid")
    assert "'fuse' at character 1, which a sign writes" in told("fuse")
    assert "no stage 'rernk', did you mean 'rerank'?" in told("dense", rernk={"depth": 3})
    assert (
        "unknown setting 'retrieve.stages.rerank.dept': did you mean 'retrieve.stages.rerank.depth'"
        in told("dense", rerank={"dept": 3})
    )
    assert "setting 'retrieve.stages.rerank.depth' is 0: input should be greater" in told(
        "dense", rerank={"depth": 0}
    )
    assert "'retrieve.stages.follow_up.turns' is 'x'" in told("bm25", follow_up={"turns": "x"})
    with pytest.raises(ConfigError, match=r"retrieve\.stages\.rerank\.model names no"):
        build(line("dense >> rerank"), PARTS)


def test_a_line_says_all_settings_of_its_stages_and_is_read_back_from_them():
    made = line("bm25+dense", rerank={"depth": "5"})
    assert made.text == "bm25 + dense"
    assert made.stages == {
        "bm25": {"depth": 0}, "dense": {"depth": 0}, "fuse": {"k": 60, "run": ""},
        "rerank": {"model": "", "depth": 5, "weight": 1.0},
    }  # fmt: skip
    assert read_line(made.text, made.stages) == made
    assert list(made.used) == ["bm25", "dense", "fuse"]
    assert (made.table("rerank").depth, made.table("follow_up").turns) == (5, 1)
    assert line("dense % 5 + bm25", dense={"depth": 9}, fuse={"k": 3}).shown == (
        "dense(depth=9) % 5 + bm25"
    )


def test_a_line_says_which_leaves_it_has_and_gives_each_alone_and_its_fusion():
    made = line("follow_up >> (dense + 0.5 * bm25 % 9) % 50 >> rerank % 5")
    assert made.leaves == ["bm25", "dense"]
    assert alone(made, "dense").text == "follow_up >> dense % 50"
    assert alone(made, "bm25").text == "follow_up >> bm25 % 9 % 50"
    assert fusion(made).text == "follow_up >> (dense + 0.5 * bm25 % 9) % 50"
    assert without(made, "rerank") == fusion(made)
    nested = line("(follow_up >> dense >> rerank) + bm25")
    assert without(nested, "rerank").text == "(follow_up >> dense) + bm25"
    assert fusion(line("dense >> rerank")) is None
    assert without(line("dense"), "rerank") == alone(line("dense"), "dense") == line("dense")
    assert alone(line("bm25 >> follow_up >> dense"), "dense").text == "bm25 >> follow_up >> dense"


def fitted(tmp_path: Path, **legs: float) -> FakeParts:
    (tmp_path / "weights.json").write_text(json.dumps(legs))
    return FakeParts(STORE, folders={"runs/f": tmp_path})


@pytest.mark.parametrize(
    ("text", "name", "left"),
    [
        ("follow_up >> dense + bm25 >> rerank % 9", "rerank", "follow_up >> dense + bm25"),
        ("follow_up >> dense + bm25 % 5 >> rerank", "dense", "follow_up >> bm25 % 5 >> rerank"),
        ("(2 * dense + 0 * bm25) % 9", "dense", "(2 * bm25 + 0 * bm25) % 9"),
        ("0.5 * dense + 2 * (bm25 >> rerank) + bm25", "dense", "2 * (bm25 >> rerank) + bm25"),
        ("0.5 * dense + 2 * (bm25 >> rerank)", "rerank", "0.5 * dense + 2 * bm25"),
        ("follow_up >> dense % 9 >> rerank", "dense", "follow_up >> bm25 % 9 >> rerank"),
        ("dense", "dense", "bm25"),
        ("dense + bm25", "rerank", "dense + bm25"),
    ],
)
def test_a_stage_is_taken_out_wherever_it_stands(text: str, name: str, left: str):
    given = read_line(text, {"rerank": {"depth": 7}})
    made = without(given, name)
    assert made.text == left and made.table("rerank").depth == 7


def test_a_fitted_run_weighs_the_sum_of_its_legs_in_any_order(tmp_path):
    parts, run = fitted(tmp_path, dense=0.4, bm25=1.0), {"run": "runs/f", "k": 9}
    made = line("follow_up >> 3 * bm25 % 5 + dense", fuse=run)
    assert build(made, parts) == FollowUp() >> Fuse((LEXICAL % 5, DENSE), (1.0, 0.4), k=9)
    assert weights(made, parts) == {"bm25": 1.0, "dense": 0.4}
    assert weights(line("dense + 0.5 * bm25"), parts) == {"dense": 1.0, "bm25": 0.5}
    assert weights(line("dense"), parts) == {}
    # a line that sums none of them keeps what it says
    assert build(line("bm25", fuse=run), parts) == LEXICAL


def test_a_fitted_run_of_other_legs_is_refused(tmp_path):
    run = {"run": "runs/f"}
    with pytest.raises(ConfigError, match="weighs dense, other, and the pipeline sums dense, bm25"):
        build(line("dense + bm25", fuse=run), fitted(tmp_path, dense=1.0, other=1.0))
    (tmp_path / "weights.json").write_text("[1]")
    with pytest.raises(FormatError, match="graft tune fusion"):
        build(line("dense + bm25", fuse=run), FakeParts(STORE, folders={"runs/f": tmp_path}))


@pytest.mark.parametrize(
    ("present", "change", "line"),
    [
        ("dense + bm25", "{} >> rerank", "dense + bm25 >> rerank"),
        ("dense >> rerank % 3", "{} >> rerank", "dense >> rerank % 3"),
        ("dense >> rerank", "{} >> rerank % 10", "dense >> rerank"),
        ("dense", "follow_up >> {}", "follow_up >> dense"),
        ("dense", "bm25", "bm25"),
    ],
)  # fmt: skip
def test_what_is_changed_is_put_around_what_stands_there_once(present, change, line):
    assert joined(change, present) == line
    assert joined(change, line) == line


def test_a_sum_is_put_around_what_stands_there_as_often_as_it_is_asked_for():
    once = joined("0.5 * {} + bm25", "dense >> rerank")
    assert once == "0.5 * (dense >> rerank) + bm25"
    assert joined("0.5 * {} + bm25", once) == f"0.5 * ({once}) + bm25"


@pytest.fixture
def hypothetical():
    """The stage of docs/extending.md, as a notebook would add it."""
    STAGES.add(KIND)
    yield
    STAGES.drop(KIND.name)


@pytest.mark.usefixtures("hypothetical")
def test_a_stage_of_ones_own_is_one_file_named_in_the_line():
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    assert f"```python\n{EXAMPLE.read_text()}```" in page
    generator = FakeGenerator(lambda prompt: "Interns are paid weekly.")
    made = line("hypothetical >> dense + bm25", hypothetical={"tokens": 9})
    stage = build(made, FakeParts(STORE, generator=generator))
    (found,) = stage([Search("wages of the young")], CTX)
    made = Variant("Interns are paid weekly.", "passage", ("dense",))
    assert found.variants == (made,) and found.hits[0].document_id == "pay.md"
    assert found.trace[:3] == (
        "hypothetical: 1 passage made up",
        "dense: 4 hits for 2 phrasings",
        "bm25: 1 hits for 1 phrasing",
    )
    poor = Context(budget=Allowance(calls=2, tokens=17))
    (rich,), (passed,) = stage([Search("wages")], poor), stage([Search("wages")], poor)
    assert rich.variants == (made,)
    assert passed.variants == () and passed.trace[0] == "hypothetical: no budget"
    assert len(generator.seen) == 2


def test_a_package_adds_a_stage_by_an_entry_point_and_graft_toml_uses_it(tmp_path):
    shutil.copy(EXAMPLE, tmp_path / "hypothetical_package.py")
    about = tmp_path / "hypothetical_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: hypothetical-package\nVersion: 1\n"
    )
    (about / "entry_points.txt").write_text("[graft.stages]\nhypothetical = hypothetical_package\n")
    place = tmp_path / "place"
    place.mkdir()
    (place / "graft.toml").write_text(
        '[retrieve]\npipeline = "hypothetical >> dense"\n[retrieve.stages.hypothetical]\ntokens=9\n'
    )
    script = (
        "from pathlib import Path; from graft.wire import open_workspace; "
        "from graft.jobs.init import config_text; "
        f"w = open_workspace(Path({str(place)!r})); print(w.config.retrieve.model_dump()); "
        "assert '[retrieve.stages.hypothetical]' in config_text()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1] / 'src'}", "PATH": "/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "'pipeline': 'hypothetical >> dense'" in done.stdout
    assert "'hypothetical': {'tokens': 9}" in done.stdout
    (place / "graft.toml").write_text("[retrieve.stages.hypothetical]\ntoken = 9\n")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1] / 'src'}", "PATH": "/bin"},
    )  # fmt: skip
    assert "did you mean 'retrieve.stages.hypothetical.tokens'?" in done.stderr
