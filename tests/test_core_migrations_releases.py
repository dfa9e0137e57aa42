"""Releases of format 1: what they searched by then is what they search by now."""

from __future__ import annotations

import json
import random
from itertools import product
from typing import Any

import pytest
import tomlkit

from graft.core.context import Context
from graft.core.document import Document
from graft.core.migrations.releases import to_2
from graft.core.release import Release, Releases
from graft.core.search import Search
from graft.retrieve.kind import STAGES
from graft.retrieve.line import build
from graft.retrieve.stage import Fuse, Stage
from graft.retrieve.stages.bm25 import BM25
from graft.retrieve.stages.dense import Dense
from graft.retrieve.stages.follow_up import FollowUp
from graft.retrieve.stages.rerank import Rerank
from graft.testing import FakeParts, FakeReranker, MemoryStore
from graft.wire import line_of, resolved

CTX = Context()
WORDS = (
    "leave", "days", "carry", "over", "sick", "note", "pay", "intern", "weekly", "board", "secret",
    "five", "month", "rent",
)  # fmt: skip
DEFAULT: dict[str, Any] = {
    "pipeline": "hybrid", "depth": 100, "dense_weight": 1.0, "bm25_weight": 1.0, "fusion": "",
    "rrf_k": 60, "reranker": "", "rerank_depth": 20,
}  # fmt: skip
WEIGHTS = (
    {}, {"dense_weight": 0.8}, {"dense_weight": 0.0, "bm25_weight": 2.5}, {"fusion": "runs/f"},
)  # fmt: skip
REST = (
    {}, {"depth": 7, "rrf_k": 5}, {"reranker": "runs/r"}, {"reranker": "m", "rerank_depth": 4},
)  # fmt: skip
OLD = [
    {"pipeline": pipeline, **weights, **rest}
    for pipeline, weights, rest in product(["hybrid", "dense", "bm25"], WEIGHTS, REST)
]


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    draw = random.Random(4)
    return MemoryStore([
        Document(f"{i}.md", "\n\n".join(" ".join(draw.choices(WORDS, k=9)) for _ in range(3)))
        for i in range(12)
    ])  # fmt: skip


def as_format_1_did(table: dict[str, Any], store: MemoryStore, fitted: dict[str, float]) -> Stage:
    """Return what `wire.pipeline` of format 1 built of its settings."""
    dense, bm25 = Dense(store, store.encoder, table["depth"]), BM25(store, table["depth"])
    weights = (table["dense_weight"], table["bm25_weight"])
    if table["fusion"]:
        weights = (fitted["dense"], fitted["bm25"])
    fuse = Fuse((dense, bm25), weights, k=table["rrf_k"])
    stage = FollowUp() >> {"hybrid": fuse, "dense": dense, "bm25": bm25}[table["pipeline"]]
    if table["reranker"]:
        stage = stage >> Rerank(FakeReranker(table["reranker"]), store, table["rerank_depth"])
    return stage


@pytest.mark.parametrize("said", OLD, ids=str)
def test_a_release_of_format_1_finds_the_same_hits_with_the_same_scores(said, store, tmp_path):
    fitted = {"dense": 0.35, "bm25": 1.0}
    (tmp_path / "weights.json").write_text(json.dumps(fitted))
    old = {**DEFAULT, **said}
    home = tmp_path / ".graft"
    (home / "releases").mkdir(parents=True)
    path = home / "releases" / "3.toml"
    path.write_text(tomlkit.dumps({
        "number": 3, "created": 1.5, "note": "kept",
        "settings": {"retrieve": old, "answer": {"passages": 2}},
    }))  # fmt: skip
    to_2(home)
    release = Releases(home / "releases").get(3)
    assert (release.note, release.settings.answer.passages) == ("kept", 2)
    # it says all that it searches by, so that it is what it is resolved to
    assert resolved(release.settings) == release.settings
    parts = FakeParts(
        store, store.encoder, depth=release.settings.retrieve.depth,
        folders={"runs/f": tmp_path},
    )  # fmt: skip
    before, now = as_format_1_did(old, store, fitted), build(line_of(release.settings), parts)
    draw = random.Random(5)
    asked = [Search(" ".join(draw.choices(WORDS, k=3))) for _ in range(20)]
    past = ({"role": "user", "content": "sick leave"},)
    asked += [Search("and when?", history=past)]
    assert [s.hits for s in now(asked, CTX)] == [s.hits for s in before(asked, CTX)]
    assert [s.error for s in now(asked, CTX)] == [""] * 21


def test_the_step_is_the_default_line_for_the_defaults(tmp_path):
    (tmp_path / "releases").mkdir()
    for number, settings in enumerate(({"retrieve": DEFAULT}, {})):
        text = tomlkit.dumps({"number": number, "created": 1.0, "settings": settings})
        (tmp_path / "releases" / f"{number}.toml").write_text(text)
    (tmp_path / "releases" / "current").write_text("0\n")
    to_2(tmp_path)
    for number in (0, 1):
        release: Release = Releases(tmp_path / "releases").get(number)
        table = release.settings.retrieve
        assert (table.pipeline, table.depth) == ("follow_up >> dense + bm25", 100)
        for name in table.stages:
            assert table.stages[name] == STAGES.named(name).table().model_dump()
    assert (tmp_path / "releases" / "current").read_text() == "0\n"
