"""Serving: nobody is answered by weights that learned from what he may not see."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.config import Config, Settings
from graft.core.context import Context
from graft.core.document import Document
from graft.core.errors import ModelError
from graft.core.files import Layout
from graft.core.recipe import Part, Recipe
from graft.core.release import Release
from graft.core.runs import Run
from graft.core.space import Space
from graft.library.store import Library
from graft.loop import serving as module
from graft.loop.parts import runs_of
from graft.loop.serving import may_use, serving
from graft.tune.writing import changes_of
from graft.wire import Wiring, resolved, segmentation, with_changes

pytestmark = pytest.mark.slow

NAMES = ("hr", "legal", "it")
STARTER_SPACE = Space(segmentation(Settings().segment).id, "starter", "digest", 4)


def put(settings, part, id):
    """Return the settings with a run of a part, told by its id, put into them."""
    return with_changes(settings, changes_of(id.removeprefix("runs/"), part))


@dataclass
class FakeLibrary:
    """Who may see which document now, and the spaces that are kept."""

    access: Mapping[str, Collection[str]]
    spaces: tuple[Space, ...] = (STARTER_SPACE,)

    def stale(self) -> bool:
        return False

    def seen_by(self, ids: Collection[str], principals: frozenset[str] | None) -> dict[str, bool]:
        sees = {id: principals is None or not set(names) or bool(principals & set(names))
                for id, names in self.access.items()}  # fmt: skip
        return {id: sees[id] for id in ids if id in sees}


@dataclass(frozen=True)
class FakeRun:
    """A run as the ledger knows it: what it learned from, and the access of that then."""

    id: str
    part: Part
    documents: Mapping[str, Collection[str]]
    base: str = "starter"

    def record(self, w: Wiring) -> None:
        run = Run(
            self.id, Recipe(self.part, "raft", self.base), 0.0, 1.0, 10, {}, {}, {},
            access=tuple({name for names in self.documents.values() for name in names}),
        )  # fmt: skip
        w.ledger.record_run(run, "", dict.fromkeys(self.documents, "hash"))


@dataclass
class Place:
    """A workspace with a release that names runs, in which no model is loaded."""

    root: Path
    library: FakeLibrary
    runs: tuple[FakeRun, ...]
    settings: Settings = field(default_factory=Settings)
    removed: tuple[str, ...] = ()

    def open(self) -> Wiring:
        w = Wiring(Layout(self.root), Config(), loaded={"library": self.library})
        for run in self.runs:
            run.record(w)
        w.ledger.record_library(2, 0.0, {}, changes=[(id, "", "removed") for id in self.removed])
        released = w.releases.add(Release(number=0, created=0.0, settings=self.settings))
        w.releases.switch(released.number)
        return w


@pytest.fixture(autouse=True)
def _no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "space", lambda *_: STARTER_SPACE)


ACCESS = st.frozensets(st.sampled_from(NAMES), max_size=2)
DOCUMENTS = st.dictionaries(st.sampled_from("abcdef"), ACCESS, max_size=4)
PARTS = ("retriever", "fusion", "reranker", "generator")


@st.composite
def places(draw: st.DrawFn) -> tuple[tuple[FakeRun, ...], Settings, dict[str, Any], list[str]]:
    """Runs of every part, some on others, some of which a release uses, some unknown."""
    made: list[FakeRun] = []
    for number in range(draw(st.integers(0, 6))):
        part = draw(st.sampled_from(PARTS))
        bases = ["starter", *(f"runs/{run.id}" for run in made), "runs/lost"]
        run = FakeRun(f"{part}-{number}", part, draw(DOCUMENTS), draw(st.sampled_from(bases)))
        made.append(run)
    used = Settings()
    for run in made:
        if draw(st.booleans()):
            used = put(used, run.part, run.id)  # type: ignore[arg-type]
    unknown = draw(st.sampled_from((None, *PARTS)))
    if unknown:
        used = put(used, unknown, f"{unknown}-unknown")
    now = draw(DOCUMENTS)
    return tuple(made), used, now, draw(st.lists(st.sampled_from("abcdef"), max_size=2))


def sees(
    run: FakeRun, now: Mapping[str, Any], removed: Collection[str], who: frozenset[str]
) -> bool:
    """Whether an asker may see all that a run itself learned from, said the plain way."""
    then = {name for names in run.documents.values() for name in names}
    for id in run.documents:
        if id in now and now[id] and not who & set(now[id]):
            return False
        if (id not in now or id in removed) and not then <= who:
            return False
    return True


@settings(max_examples=150)
@given(places(), st.frozensets(st.sampled_from((*NAMES, "nobody"))))
def test_no_run_that_an_asker_may_not_see_serves_him(place: Any, who: frozenset[str]) -> None:
    runs, used, now, removed = place
    by_id = {run.id: run for run in runs}

    def allowed(id: str) -> bool:
        run = by_id.get(id)
        if run is None or not sees(run, now, removed, who):
            return False
        return not run.base.startswith("runs/") or allowed(run.base.removeprefix("runs/"))

    with TemporaryDirectory() as folder:
        w = Place(Path(folder), FakeLibrary(now), runs, used, tuple(removed)).open()
        served = serving(w, None, who)
        owner = serving(w, None, None)
    assert (owner.settings, owner.name) == (used, "0")
    assert all(allowed(id) for id in runs_of(served.settings)), "nothing hidden is used"
    kept = [id for id in runs_of(used) if allowed(id)]
    if "bm25 alone" in served.name:  # there are no two legs to weigh
        kept = [id for id in kept if not id.startswith("fusion")]
    assert set(kept) <= set(runs_of(served.settings)), "nothing else is taken away"
    hidden = [id for id in runs_of(used) if not allowed(id)]
    assert all(id in served.name for id in hidden) and not any(id in served.name for id in kept)
    assert hidden or (served.settings, served.name) == (used, "0")


def opened(tmp_path: Path, *runs: FakeRun, now: Mapping[str, Any], **more: Any) -> Wiring:
    used = Settings()
    for run in runs:
        used = put(used, run.part, run.id)  # type: ignore[arg-type]
    return Place(tmp_path, FakeLibrary(now), runs, used, **more).open()


def name(w: Wiring, *principals: str) -> str:
    return serving(w, None, frozenset(principals)).name


def test_who_may_see_one_of_two_sides_is_served_without_what_learned_from_both(tmp_path):
    run = FakeRun("generator-1", "generator", {"pay": ["hr"], "case": ["legal"]})
    w = opened(tmp_path, run, now={"pay": ["hr"], "case": ["legal"], "news": []})
    assert name(w, "hr", "legal") == "0"
    assert name(w, "hr") == name(w, "legal") == name(w) == "0 (without generator-1)"
    served = serving(w, None, frozenset({"hr"}))
    assert served.settings == resolved(Settings()) and served.release.number == 0


def test_what_counts_is_who_may_see_it_now(tmp_path):
    run = FakeRun("reranker-1", "reranker", {"pay": ["hr"], "news": []})
    assert name(opened(tmp_path / "a", run, now={"pay": [], "news": []}), "it") == "0"
    closed = opened(tmp_path / "b", run, now={"pay": ["hr"], "news": ["legal"]})
    assert name(closed, "hr") == "0 (without reranker-1)"


def test_of_what_is_gone_the_access_then_counts_also_where_its_id_came_back(tmp_path):
    run = FakeRun("fusion-1", "fusion", {"pay": ["hr"], "case": ["legal"]})
    gone = opened(tmp_path / "a", run, now={"case": []})
    assert name(gone, "hr") == "0 (without fusion-1)" and name(gone, "hr", "legal") == "0"
    again = opened(tmp_path / "b", run, now={"case": [], "pay": []}, removed=("pay",))
    assert name(again, "it") == "0 (without fusion-1)" and name(again, "hr", "legal") == "0"


def test_what_was_learned_from_a_text_that_is_another_now_stays_with_who_could_see_it(tmp_path):
    run = FakeRun("fusion-1", "fusion", {"pay": ["hr"]})
    same = opened(tmp_path / "a", run, now={"pay": []})
    assert name(same, "it") == "0"
    # the same id, opened to everybody, with another text: what was learned is still the old one
    other = opened(tmp_path / "b", run, now={"pay": []})
    other.ledger.record_library(3, 0.0, {}, changes=[("pay", "new", "updated")])
    assert name(other, "it") == "0 (without fusion-1)" and name(other, "hr") == "0"


def test_a_retriever_falls_back_to_the_nearest_base_that_may_be_used(tmp_path):
    first = FakeRun("retriever-1", "retriever", {"news": []})
    second = FakeRun("retriever-2", "retriever", {"pay": ["hr"]}, base="runs/retriever-1")
    now = {"news": [], "pay": ["hr"]}
    w = Place(
        tmp_path / "a", FakeLibrary(now, (replace(STARTER_SPACE, encoder="runs/retriever-1"),)),
        (first, second), put(Settings(), "retriever", "retriever-2"),
    ).open()  # fmt: skip
    module_space = replace(STARTER_SPACE, encoder="runs/retriever-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "space", lambda *_: module_space)
        served = serving(w, None, frozenset({"it"}))
    assert served.settings.encoder.model == "runs/retriever-1"
    assert served.name == "0 (without retriever-2)"
    closed = Place(
        tmp_path / "b", FakeLibrary({**now, "news": ["hr"]}), (first, second),
        put(Settings(), "retriever", "retriever-2"),
    ).open()  # fmt: skip
    served = serving(closed, None, frozenset({"it"}))
    assert served.settings == resolved(Settings()) and served.name == "0 (without retriever-2)"


@pytest.mark.parametrize("lost", ["space", "weights", "model"])
def test_without_the_space_of_its_base_a_fallback_searches_by_words(tmp_path, monkeypatch, lost):
    run = FakeRun("retriever-1", "retriever", {"pay": ["hr"]})
    w = opened(tmp_path, run, now={"pay": ["hr"]})
    if lost == "space":
        w.loaded["library"].spaces = (replace(STARTER_SPACE, encoder="runs/retriever-1"),)
    elif lost == "weights":
        monkeypatch.setattr(module, "space", lambda *_: replace(STARTER_SPACE, encoder_digest="x"))
    else:

        def broken(*_: object) -> Space:
            raise ModelError("it is not here")

        monkeypatch.setattr(module, "space", broken)
    served = serving(w, None, frozenset({"it"}))
    assert served.settings.retrieve.pipeline == "follow_up >> bm25"
    assert served.name == "0 (without retriever-1; bm25 alone)"
    assert serving(w, None, frozenset({"hr"})).name == "0"


def test_a_reranker_and_fitted_weights_leave_the_line_and_the_tables_as_they_were(tmp_path):
    runs = (
        FakeRun("fusion-1", "fusion", {"pay": ["hr"]}),
        FakeRun("reranker-1", "reranker", {"pay": ["hr"]}),
    )
    w = opened(tmp_path, *runs, now={"pay": ["hr"]})
    served = serving(w, None, frozenset({"it"}))
    assert served.name == "0 (without fusion-1, reranker-1)"
    assert served.settings.retrieve.pipeline == Settings().retrieve.pipeline
    assert "runs/" not in served.settings.model_dump_json()
    weighed = with_changes(Settings(), {
        "retrieve.pipeline": "(0.3 * dense + bm25) % 20 >> rerank % 5",
        "retrieve.stages.rerank.model": "runs/reranker-1", "retrieve.stages.rerank.depth": "7",
    })  # fmt: skip
    w.releases.switch(w.releases.add(Release(number=0, created=0.0, settings=weighed)).number)
    served = serving(w, None, frozenset({"it"}))
    assert served.settings.retrieve.pipeline == "(0.3 * dense + bm25) % 20"
    assert served.settings.retrieve.stages["rerank"] == {"model": "", "depth": 7, "weight": 1.0}


def test_a_ring_of_runs_ends(tmp_path):
    runs = (
        FakeRun("retriever-1", "retriever", {}, base="runs/retriever-2"),
        FakeRun("retriever-2", "retriever", {}, base="runs/retriever-1"),
    )
    w = Place(tmp_path, FakeLibrary({}), runs, put(Settings(), "retriever", "retriever-1")).open()
    assert not may_use(w, "retriever-1", frozenset({"hr"}))
    assert serving(w, None, frozenset({"hr"})).settings.encoder.model == "starter"


def test_the_library_says_who_sees_what_now(tmp_path):
    with Library.open(tmp_path).writer(Context()) as writer:
        writer.put_documents([
            Document("a", "open"), Document("b", "closed", access=("hr",)), Document("c", "gone"),
        ])  # fmt: skip
        writer.publish()
    older = Library.open(tmp_path)
    asked, staff = {"a", "b", "c", "d"}, frozenset({"it"})
    assert older.seen_by(asked, staff) == {"a": True, "b": False, "c": True}
    with older.writer(Context()) as writer:
        writer.set_access({"a": ["hr"]})
        writer.remove(["c"])
        writer.publish()
    assert older.seen_by(asked, staff) == {"a": False, "b": False}
    assert older.seen_by(asked, None) == {"a": True, "b": True}
    assert Library.open(tmp_path / "empty").seen_by(asked, staff) == {}
