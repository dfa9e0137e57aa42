"""Ingest mirrors the paths, loses nothing, and keeps documents from those who may not see them."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from graft.cli.ingest import show_ingested
from graft.core.context import Context, Event
from graft.core.errors import (
    Cancelled,
    ConfigError,
    EncoderMismatch,
    InputError,
    LockHeld,
    ModelError,
    NotFound,
)
from graft.core.mapper import Here, Lost
from graft.core.recipe import Recipe
from graft.core.runs import Run
from graft.core.search import Search
from graft.jobs.ingest import ingest
from graft.jobs.library import list_documents, show_document
from graft.jobs.promote import promote, propose, rollback
from graft.jobs.remove import remove_documents
from graft.jobs.search import search
from graft.loop.parts import with_run
from graft.loop.releases import settings_of
from graft.loop.spaces import CANDIDATES, ensure_space
from graft.testing.tiny import tiny_causal, tiny_encoder
from graft.tune.writing import write_run
from graft.wire import Wiring, encoder, library, open_workspace, pipeline

pytestmark = pytest.mark.slow

CTX = Context()


@pytest.fixture
def workspace(tmp_path: Path, tiny_models: dict[str, str]) -> Wiring:
    return configured(tmp_path / "ws", tiny_models)


def configured(root: Path, settings: Mapping[str, str]) -> Wiring:
    """Open a workspace whose graft.toml says these settings."""
    lines = [
        f"{key} = {value if value.isdigit() else repr(value)}" for key, value in settings.items()
    ]
    root.mkdir(exist_ok=True)
    (root / "graft.toml").write_text("\n".join(lines) + "\n")
    return open_workspace(root)


def run(workspace: Wiring, *paths: Path, **more):
    return ingest(workspace, [str(path) for path in paths], ctx=CTX, **more)


def found(
    workspace: Wiring, query: str, *, principals: frozenset[str] | None = None, **more
) -> list[str]:
    asked = Search(query, principals=principals)
    return [hit.document_id for hit in search(workspace, asked, ctx=CTX, **more).hits]


def test_the_library_mirrors_the_folder(workspace, documents):
    first = run(workspace, documents)
    assert (first.documents, first.added, first.failed) == (30, 30, ())
    assert first.passages == sum(row["passages"] for row in list_documents(workspace))
    version = first.library_version
    again = run(workspace, documents)
    assert (again.unchanged, again.added, again.updated, again.removed) == (30, 0, 0, 0)
    assert again.library_version == version

    (documents / "kettle.md").write_text("# The kettle\n\nThe kettle is now electric.\n")
    (documents / "ladder.md").unlink()
    (documents / "zeppelin.md").write_text("# The zeppelin\n\nIt floats over Friedrichshafen.\n")
    changed = run(workspace, documents)
    assert (changed.added, changed.updated, changed.removed, changed.unchanged) == (1, 1, 1, 28)
    assert found(workspace, "electric kettle", limit=1) == ["kettle.md"]
    assert found(workspace, "zeppelin Friedrichshafen", limit=1) == ["zeppelin.md"]
    assert "ladder.md" not in found(workspace, "the ladder", limit=60)
    assert "1800" not in show_document(workspace, "kettle.md")["text"]


def test_passages_are_spans_of_the_stored_text(workspace, documents):
    run(workspace, documents)
    shown = show_document(workspace, "kettle.md")
    text = (documents / "kettle.md").read_text()
    assert shown["passages"] and shown["text"].split() == text.split()
    for passage in shown["passages"]:
        assert shown["text"][passage["start"] : passage["end"]].strip()


def test_a_bad_file_is_reported_and_keeps_what_was_stored_of_it(workspace, documents):
    (documents / "broken.pdf").write_bytes(b"%PDF-1.7 nothing of the kind")
    (documents / "empty.md").write_text("")
    done = run(workspace, documents)
    assert done.documents == 30
    assert {f.path for f in done.failed} == {"broken.pdf", "empty.md"}
    assert all(f.reason for f in done.failed)
    (documents / "kettle.md").write_bytes(b"")
    again = run(workspace, documents)
    assert again.documents == 30 and again.removed == 0
    assert {f.path for f in again.failed} == {"broken.pdf", "empty.md", "kettle.md"}
    assert "1800" in show_document(workspace, "kettle.md")["text"]


def test_only_what_is_under_a_root_named_now_is_removed(workspace, documents, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "note.md").write_text("A note about tides.")
    run(workspace, documents, other)
    (other / "note.md").unlink()
    assert run(workspace, documents).removed == 0
    assert run(workspace, other).removed == 1


def test_a_path_that_is_not_there_touches_nothing(workspace, documents):
    run(workspace, documents)
    with pytest.raises(InputError, match="nowhere"):
        run(workspace, documents / "nowhere")
    assert len(list(list_documents(workspace))) == 30


def test_a_principal_who_may_not_see_a_document_gets_other_hits_instead(
    workspace, documents, tmp_path
):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "pay.md").write_text("# Pay\n\nThe kettle maker earns 900 pounds.\n")
    run(workspace, documents)
    run(workspace, secret, access=["hr"])
    query = "what the kettle maker earns"
    owner = found(workspace, query, limit=5)
    staff = found(workspace, query, limit=5, principals=frozenset({"staff"}))
    assert owner[0] == "pay.md" and "pay.md" not in staff and len(staff) == 5
    assert found(workspace, query, limit=1, principals=frozenset({"hr"})) == ["pay.md"]
    # a later ingest that says nothing of access does not open what was closed
    (secret / "pay.md").write_text("# Pay\n\nThe kettle maker earns 1,900 pounds.\n")
    (secret / "more.md").write_text("# More pay\n\nThe kettle seller earns 100 pounds.\n")
    run(workspace, secret)
    assert not {"pay.md", "more.md"} & set(
        found(workspace, query, limit=60, principals=frozenset())
    )
    run(workspace, secret, access=[])
    assert found(workspace, query, limit=1, principals=frozenset()) == ["pay.md"]


def test_what_is_closed_stays_closed_under_another_name_of_its_place(workspace, tmp_path):
    folder = tmp_path / "files"
    (folder / "hr").mkdir(parents=True)
    (folder / "open.md").write_text("# Tea\n\nTea is at four.\n")
    (folder / "hr" / "pay.md").write_text("# Pay\n\nThe smith earns 900 pounds.\n")
    run(workspace, folder / "hr", access=["hr"])

    def seen(query: str) -> set[str]:
        return set(found(workspace, query, limit=60, principals=frozenset()))

    # a file of the closed folder, a new one in it, and the folder around it
    (folder / "hr" / "pay.md").write_text("# Pay\n\nThe smith earns 1,900 pounds.\n")
    run(workspace, folder / "hr" / "pay.md")
    (folder / "hr" / "bonus.md").write_text("# Bonus\n\nThe smith gets 50 pounds.\n")
    run(workspace, folder / "hr" / "*.md")
    run(workspace, folder)
    assert seen("the smith pounds tea") == {"open.md"}
    (folder / "hr" / "bonus.md").write_text("# Bonus\n\nThe smith gets 60 pounds.\n")
    run(workspace, folder / "hr" / "*.md")
    assert seen("the smith pounds tea") == {"open.md"}
    assert "pay.md" in found(workspace, "the smith pounds", principals=frozenset({"hr"}))


def test_flags_count_over_the_release_in_use_and_its_name_says_so(workspace, documents):
    run(workspace, documents)
    root = workspace.layout.root
    assert settings_of(workspace, None)[1] == "0"
    same = open_workspace(root, {"retrieve.depth": "100"})
    assert settings_of(same, None) == settings_of(workspace, None)
    changed = open_workspace(root, {"retrieve.pipeline": "bm25", "gate.margin": 0.5})
    settings, name = settings_of(changed, 0)
    assert settings.retrieve.pipeline == "bm25" and name == "0 (changed)"
    found_by = search(changed, "the kettle", limit=1, ctx=CTX)
    (hit,) = found_by.hits
    assert set(hit.stages) == {"bm25"} and found_by.pipeline == "bm25"
    (hit,) = search(workspace, "the kettle", limit=1, ctx=CTX).hits
    assert "dense" in hit.stages


def test_graft_toml_waits_until_it_is_put_into_use(workspace, documents, tiny_models):
    run(workspace, documents)
    edited = configured(workspace.layout.root, {**tiny_models, "answer.passages": "1"})
    assert settings_of(edited, None)[1] == "0"
    promote(edited, propose(edited, ctx=CTX), force=True, ctx=CTX)
    assert settings_of(edited, None)[0].answer.passages == 1


def test_a_variable_counts_as_a_flag_does(workspace, documents, monkeypatch):
    run(workspace, documents)
    monkeypatch.setenv("GRAFT_RETRIEVE_DEPTH", "7")
    settings, name = settings_of(open_workspace(workspace.layout.root), None)
    assert settings.retrieve.depth == 7 and name == "0 (changed)"


@pytest.mark.parametrize(
    ("key", "value"), [("segment.max_tokens", "30"), ("encoder.query_prefix", "query: ")]
)
def test_another_space_by_a_flag_is_refused_once_there_is_a_release(
    workspace, documents, key, value
):
    changed = open_workspace(workspace.layout.root, {key: value})
    run(changed, documents)
    table, name = key.split(".")
    pinned = getattr(getattr(changed.releases.current().settings, table), name)
    assert str(pinned) == value, "before the first release a flag makes it"
    run(changed, documents)
    with pytest.raises(ConfigError, match=rf"{key} is .* promote --config"):
        run(open_workspace(workspace.layout.root, {key: "50"}), documents)
    if table == "segment":
        with pytest.raises(ConfigError, match="promote --config"):
            search(open_workspace(workspace.layout.root, {key: "50"}), "kettle", ctx=CTX)


def test_a_workspace_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file.txt").write_text("")
    for root in (tmp_path / "file.txt", tmp_path / "file.txt" / "below"):
        with pytest.raises(InputError, match="is a file"):
            open_workspace(root)


def test_a_cancelled_ingest_publishes_nothing(workspace, documents):
    cancel = threading.Event()

    def stop(event: Event) -> None:
        if event.stage.startswith("cut") and event.done >= 10:
            cancel.set()

    with pytest.raises(Cancelled):
        ingest(workspace, [str(documents)], ctx=Context(cancel=cancel, events=stop))
    assert library(workspace).version == 0 and not list(list_documents(workspace))
    assert workspace.releases.current_number() is None
    assert run(workspace, documents).added == 30


def test_two_ingests_at_once_the_second_is_told(workspace, documents):
    with (
        workspace.layout.writer(),
        pytest.raises(LockHeld, match="another process is writing"),
    ):
        run(workspace, documents)


def test_release_0_is_made_at_the_first_ingest_and_pins_what_it_uses(workspace, documents):
    with pytest.raises(NotFound, match="graft ingest"):
        search(workspace, "kettle", ctx=CTX)
    run(workspace, documents)
    release = workspace.releases.current()
    assert release.number == 0 and set(release.digests) == {"encoder", "generator"}
    assert release.prompts["grounded"]["system"] and release.versions["torch"]
    run(workspace, documents)
    assert workspace.releases.numbers() == [0]


def test_promote_and_rollback_switch_the_space_and_contents_stay_current(
    workspace, documents, tiny_models, tmp_path
):
    run(workspace, documents)
    other = str(tiny_encoder(tmp_path / "other-encoder", seed=5))
    changed = configured(workspace.layout.root, {**tiny_models, "encoder.model": other})
    assert promote(changed, propose(changed, ctx=CTX), force=True, ctx=CTX) == 1
    assert len(library(changed).spaces) == 2
    assert changed.releases.current().digests != changed.releases.get(0).digests
    # both spaces take in what comes and lose what goes
    (documents / "zeppelin.md").write_text("# The zeppelin\n\nIt floats over the lake.\n")
    (documents / "ladder.md").unlink()
    run(changed, documents)
    assert rollback(changed, ctx=CTX) == 0
    again = configured(workspace.layout.root, tiny_models)
    hits = found(again, "zeppelin floats over the lake", limit=60)
    assert hits[0] == "zeppelin.md" and "ladder.md" not in hits
    # release 1 is searched until an ingest keeps it up no more, and then what helps is told
    assert found(again, "zeppelin floats", release=1)[0] == "zeppelin.md"
    run(again, documents)
    with pytest.raises(NotFound, match=r"release 1 is not in use.* `graft release promote 1`"):
        found(again, "zeppelin floats", release=1)
    assert promote(again, 1, force=True, ctx=CTX) == 1
    assert found(again, "zeppelin floats", release=1)[0] == "zeppelin.md"


def test_a_query_of_another_encoder_is_an_error(workspace, documents, tiny_models, tmp_path):
    run(workspace, documents)
    other = str(tiny_encoder(tmp_path / "other-encoder", seed=5))
    changed = configured(workspace.layout.root, {**tiny_models, "encoder.model": other})
    stage = pipeline(changed, changed.config.settings, library(changed))
    with pytest.raises(EncoderMismatch, match="encoder"):
        stage([Search("kettle")], CTX)


def test_removed_is_gone_from_both_indexes_and_purged_from_the_disk(workspace, documents):
    run(workspace, documents)
    done = remove_documents(workspace, ["kettle.md"], ctx=CTX)
    assert done["removed"] == 1 and done["runs"] == []
    assert "kettle.md" not in found(workspace, "clean the kettle with oil", limit=60)
    with pytest.raises(NotFound, match="graft library list"):
        remove_documents(workspace, ["kettle.md"], ctx=CTX)
    remove_documents(workspace, ["ladder.md"], purge=True, ctx=CTX)
    for path in workspace.layout.library.rglob("*"):
        assert not path.is_file() or b"The ladder was made" not in path.read_bytes()


def test_all_work_side_by_side_is_done_by_the_mapper_of_wire(workspace, documents, monkeypatch):
    asked: list[str] = []

    def mapper(w: Wiring, work: str) -> Here:
        asked.append(work)
        return Here()

    for module in ("graft.jobs.ingest", "graft.loop.spaces"):
        monkeypatch.setattr(f"{module}.mapper", mapper)
    assert run(workspace, documents).documents == 30
    assert set(asked) == {"read", "encode"}


def test_only_texts_that_are_new_are_encoded(workspace, documents, tiny_models, monkeypatch):
    """What was moved, copied, renamed or cut anew, and what of an edited file stayed as it was."""
    encoded: list[str] = []

    class Watching(Here):
        def map(self, function, items):
            items = list(items)
            encoded.extend(text for item in items if isinstance(item, list) for text in item)
            return super().map(function, items)

    monkeypatch.setattr("graft.loop.spaces.mapper", lambda w, work: Watching())

    def new(to: Wiring = workspace) -> list[str]:
        encoded.clear()
        run(to, documents)
        return list(encoded)

    first = new()
    assert len(first) == len(set(first)) > 25
    whole = library(workspace)
    (documents / "moved").mkdir()
    (documents / "ladder.md").rename(documents / "moved" / "ladder.md")
    shutil.copy(documents / "kettle.md", documents / "again.md")
    assert not new() and "moved/ladder.md" in found(workspace, "when was the ladder made")
    # Of a long file that was edited its other passages are known.
    long = "\n\n".join(
        f"# Part {i}\n\n" + f"The {i}th of these parts is long. " * 8 for i in range(9)
    )
    (documents / "long.md").write_text(long)
    every = new()
    (documents / "long.md").write_text(long.replace("The 4th of these", "The fourth of all"))
    edited = new()
    assert edited and all("fourth of all" in text for text in edited)
    assert len(every) > 3 * len(edited)
    # Vectors that were taken over are those that encoding gives.
    (documents / "long.md").write_text(long)
    assert sorted(new()) == sorted(text for text in every if "The 4th" in text)
    held = library(workspace)
    vectors = held.embedded.vectors(
        {id: "" for id in held.document_ids()}, held.spaces[0].encoder_digest
    )
    model = encoder(workspace, workspace.config.encoder)
    for text, vector in vectors.items():
        assert np.abs(model.encode_passages([text])[0] - vector).max() < 1e-5
    assert (
        {p.indexed_text for p in held.iter_passages()}
        == vectors.keys()
        > {p.indexed_text for p in whole.iter_passages()}
    )
    # Cut anew, a passage that stays as it was is known; another encoder knows none.
    shutil.rmtree(workspace.layout.releases)
    other = configured(workspace.layout.root, {**tiny_models, "segment.max_tokens": "64"})
    assert len(new(other)) < len(vectors) / 2
    assert not held.embedded.vectors({id: "" for id in held.document_ids()}, "another")


def test_which_engine_computes_is_no_matter_of_the_release(workspace, documents, tiny_models):
    run(workspace, documents)
    flags = {"encoder.engine": "torch"}
    other = open_workspace(workspace.layout.root, flags)
    (documents / "new.md").write_text("# New\n\nSomething new.")
    assert run(other, documents).added == 1
    assert settings_of(other, None)[1] == "0"
    promote(other, propose(other, ctx=CTX), force=True, ctx=CTX)
    assert other.releases.current().settings.encoder.engine == "auto"


def test_passages_that_a_mapper_loses_stop_the_publish(workspace, documents, monkeypatch):
    class Losing:
        def map(self, function, items):
            yield from (Lost(item, "crashed") for item in items)

    monkeypatch.setattr("graft.loop.spaces.mapper", lambda w, work: Losing())
    with pytest.raises(ModelError, match=r"lost \(crashed\)"):
        run(workspace, documents)
    assert library(workspace).version == 0


def test_duplicates_are_reported(workspace, documents):
    (documents / "copy.md").write_text((documents / "kettle.md").read_text())
    done = run(workspace, documents)
    assert [set(g.ids) for g in done.duplicates if g.kind == "exact"] == [{"copy.md", "kettle.md"}]


def seen_by(workspace: Wiring, query: str, *principals: str) -> set[str]:
    return set(found(workspace, query, limit=60, principals=frozenset(principals)))


def test_a_row_that_names_its_readers_keeps_them_whatever_its_file_is_ingested_with(
    workspace, tmp_path
):
    path = tmp_path / "staff.jsonl"
    path.write_text(
        '{"id": "a", "text": "The smith earns 900 pounds.", "access": ["alice"]}\n'
        '{"id": "b", "text": "The smith lives in Oslo."}\n'
    )
    run(workspace, path)
    run(workspace, path, access=["bob"])
    assert seen_by(workspace, "the smith", "alice") == {"staff.jsonl#a"}
    assert seen_by(workspace, "the smith", "bob") == {"staff.jsonl#b"}
    run(workspace, path, access=[])
    assert seen_by(workspace, "the smith") == {"staff.jsonl#b"}
    # until it names them no more
    path.write_text(path.read_text().replace(', "access": ["alice"]', ""))
    run(workspace, path)
    assert seen_by(workspace, "the smith") == {"staff.jsonl#a", "staff.jsonl#b"}


def test_what_was_closed_is_on_record_when_an_ingest_ends_right_after_its_publish(
    workspace, tmp_path, monkeypatch
):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "pay.md").write_text("# Pay\n\nThe smith earns 900 pounds.\n")

    def die(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr("graft.jobs.ingest._remember", die)
        with pytest.raises(KeyboardInterrupt):
            run(workspace, secret, access=["hr"])
    assert library(workspace).version == 1 and workspace.releases.current_number() is None
    (secret / "pay.md").write_text("# Pay\n\nThe smith earns 1,900 pounds.\n")
    (secret / "bonus.md").write_text("# Bonus\n\nThe smith gets 50 pounds.\n")
    run(workspace, secret)
    assert seen_by(workspace, "the smith pounds") == set()
    assert seen_by(workspace, "the smith pounds", "hr") == {"pay.md", "bonus.md"}


def test_a_file_that_was_ingested_by_itself_goes_with_its_folder(workspace, documents):
    run(workspace, documents)
    (documents / "kettle.md").write_text("# The kettle\n\nThe kettle is now electric.\n")
    assert run(workspace, documents / "kettle.md").updated == 1
    (documents / "kettle.md").unlink()
    assert run(workspace, documents).removed == 1


def test_a_file_keeps_its_id_whatever_root_names_it(workspace, tmp_path):
    path = tmp_path / "files" / "deep" / "tea.md"
    path.parent.mkdir(parents=True)
    path.write_text("# Tea\n\nTea is at four.\n")
    run(workspace, path)
    done = run(workspace, tmp_path / "files")
    assert (done.documents, done.unchanged, done.added, done.removed) == (1, 1, 0, 0)


def test_a_release_that_cannot_be_made_is_told_before_anything_is_read(
    tmp_path, tiny_models, documents
):
    workspace = configured(tmp_path / "ws", {**tiny_models, "generate.adapter": "runs/none"})
    with pytest.raises(NotFound, match="runs/none"):
        run(workspace, documents)
    assert library(workspace).version == 0


def test_a_library_without_a_release_is_cut_anew_from_what_it_holds(
    workspace, documents, tiny_models
):
    first = run(workspace, documents)
    shutil.rmtree(workspace.layout.releases)  # as if killed between the publish and release 0
    again = configured(workspace.layout.root, {**tiny_models, "segment.max_tokens": "30"})
    done = run(again, documents)
    assert (done.unchanged, done.added) == (30, 0) and done.passages > first.passages
    assert len(library(again).spaces) == 1 and again.releases.numbers() == [0]
    assert "kettle.md" in found(again, "when was the kettle made", limit=5)


def test_an_encoder_that_was_trained_on_where_it_lies_embeds_anew(tmp_path, documents, tiny_models):
    folder = tiny_encoder(tmp_path / "own-encoder", seed=5)
    settings = {**tiny_models, "encoder.model": str(folder)}
    run(configured(tmp_path / "ws", settings), documents)
    tiny_encoder(folder, seed=6)
    again = configured(tmp_path / "ws", settings)
    with pytest.raises(EncoderMismatch, match="graft ingest"):
        search(again, "kettle", ctx=CTX)
    done = run(again, documents)
    assert (done.documents, done.unchanged) == (30, 30) and len(library(again).spaces) == 1
    assert "kettle.md" in found(again, "the kettle", limit=5)


def lay_candidate(workspace: Wiring, tmp_path: Path, number: int, created: float) -> str:
    """A run of `graft tune retriever`, in short: an encoder, and its vectors beside the others."""
    encoder = tiny_encoder(tmp_path / f"tuned-{number}", seed=10 + number)
    recipe = Recipe("retriever", "contrastive", "starter", seed=number)
    made = Run(
        f"retriever-{number}", recipe, created, 1.0, 1, {"host": 1, "device": 0}, {}, {}
    )  # fmt: skip
    made = write_run(
        workspace.layout.runs, made, lambda to: shutil.copytree(encoder, to, dirs_exist_ok=True)
    )
    settings = with_run(workspace.releases.current().settings, made)
    with workspace.layout.writer():
        return ensure_space(workspace, settings, ctx=CTX).id


def test_the_spaces_of_new_runs_are_kept_up_until_a_newer_release_is_in_use(
    workspace, documents, tmp_path
):
    run(workspace, documents)
    now = workspace.releases.current().created
    old = lay_candidate(workspace, tmp_path, 0, now - 5)
    runs = [lay_candidate(workspace, tmp_path, n, now + n) for n in range(1, CANDIDATES + 2)]
    (documents / "zeppelin.md").write_text("# The zeppelin\n\nIt floats over the lake.\n")
    assert run(workspace, documents).added == 1
    held = {space.id for space in library(workspace).spaces}
    assert old not in held and held == {workspace.releases.current().space, *runs[1:]}
    assert library(workspace).check() == []  # the new document has its vectors in each
    # a run that was deleted, or a release that came after it, ends it
    shutil.rmtree(workspace.layout.runs / f"retriever-{CANDIDATES}")
    newest = propose(workspace, [f"retriever-{CANDIDATES + 1}"], ctx=CTX)
    run(workspace, documents)
    assert {space.id for space in library(workspace).spaces} == held - {runs[-2]}
    later = workspace.releases.get(newest).model_copy(update={"created": now + 99})
    promote(workspace, workspace.releases.add(later).number, force=True, ctx=CTX)
    run(workspace, documents)
    kept = {space.id for space in library(workspace).spaces}
    assert kept == {workspace.releases.get(0).space, runs[-1]}


@pytest.mark.parametrize(
    ("prefix", "cut"), [("", False), ("leave days over the next year : ", True)]
)
def test_a_prefix_that_makes_passages_too_long_for_the_encoder_is_told(
    tmp_path, tiny_models, prefix, cut
):
    model = tiny_models["encoder.model"]  # reads 64 tokens, [CLS] and [SEP] among them
    settings = {
        "encoder.model": model, "segment.tokenizer": model, "segment.max_tokens": "62",
        "generate.model": tiny_models["generate.model"],
    }  # fmt: skip
    if prefix:
        settings["encoder.passage_prefix"] = prefix
    path = tmp_path / "leave.md"
    path.write_text("leave days over " * 200)
    told: list[Event] = []
    workspace = configured(tmp_path / "ws", settings)
    ingest(workspace, [str(path)], ctx=Context(events=told.append))
    warned = [event.message for event in told if event.phase == "warning"]
    assert bool(warned) == cut and all("not in their vectors" in text for text in warned)


def test_a_space_of_many_passages_is_indexed_from_where_the_settings_say(
    tmp_path, documents, tiny_models
):
    path = tmp_path / "many.jsonl"
    letters = "abcdefghijklmnopqrstuvwxyz"
    rows = [f"{a}{b} {b}{a}{c} {c}{c}{a}" for a in letters for b in letters for c in "kz"]
    path.write_text("".join(f'{{"id": "{n}", "text": "{row}"}}\n' for n, row in enumerate(rows)))
    for limit, indexed in ((1_000, True), (2_000, False)):
        settings = {**tiny_models, "ingest.ann_from": str(limit)}
        workspace = configured(tmp_path / f"ws-{limit}", settings)
        assert run(workspace, path).passages == len(rows) == 1352
        (state,) = library(workspace).space_states
        assert (state.coding is not None) == indexed


def test_a_purge_takes_what_was_removed_before_and_refuses_what_never_was(workspace, documents):
    run(workspace, documents)
    remove_documents(workspace, ["kettle.md"], ctx=CTX)
    with pytest.raises(NotFound, match=r"kettel\.md"):
        remove_documents(workspace, ["ladder.md", "kettel.md"], purge=True, ctx=CTX)
    assert len(list(list_documents(workspace))) == 29
    done = remove_documents(workspace, ["ladder.md", "kettle.md"], purge=True, ctx=CTX)
    assert done["removed"] == 1 and len(list(list_documents(workspace))) == 28


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_of_two_processes_that_ingest_one_waits_or_is_told(tmp_path, documents, tiny_models):
    root = tmp_path / "ws"
    names = {f"GRAFT_{key.replace('.', '_').upper()}": value for key, value in tiny_models.items()}

    def graft(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from graft.cli.main import main; main()", "-w", str(root),
             "ingest", *arguments],
            env={**os.environ, **names}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    first = graft(str(documents), "--json")
    try:
        while not (root / ".graft" / "lock.holder").exists():
            assert first.poll() is None, first.communicate()[1]
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # in the middle, with the lock in its hand
        told = graft(str(documents))
        _, message = told.communicate(timeout=200)
        assert told.returncode == 3 and f"process {first.pid}" in message
        assert "Traceback" not in message
        (documents / "zeppelin.md").write_text("# The zeppelin\n\nIt floats over the lake.\n")
        second = graft(str(documents), "--json", "--wait", "200")
        time.sleep(1)
        assert second.poll() is None
        first.send_signal(signal.SIGCONT)
        done = [json.loads(process.communicate(timeout=200)[0]) for process in (first, second)]
    finally:
        first.send_signal(signal.SIGCONT)
        first.kill()
    assert (first.returncode, second.returncode) == (0, 0)
    assert done[1]["documents"] == 31 and done[1]["added"] + done[0]["added"] == 31
    workspace = configured(root, tiny_models)
    assert library(workspace).check() == [] and workspace.releases.numbers() == [0]


def test_a_release_whose_weights_were_overwritten_is_not_put_into_use(
    workspace, documents, tiny_models, tmp_path
):
    run(workspace, documents)
    model = str(tiny_causal(tmp_path / "model", seed=1))
    again = configured(workspace.layout.root, {**tiny_models, "generate.model": model})
    number = propose(again, ctx=CTX)
    assert promote(again, number, force=True, ctx=CTX) == number
    shutil.rmtree(model)
    tiny_causal(Path(model), seed=2)
    rollback(open_workspace(workspace.layout.root), ctx=CTX)
    with pytest.raises(ModelError, match="another generator"):
        promote(open_workspace(workspace.layout.root), number, force=True, ctx=CTX)


def test_a_folder_that_was_renamed_is_told_and_can_be_forgotten(workspace, documents, tmp_path):
    other, note = tmp_path / "other", tmp_path / "note.md"
    other.mkdir()
    (other / "tides.md").write_text("A note about tides.")
    note.write_text("A note about ferries.")
    assert run(workspace, documents, other, note, tmp_path / "oth*").absent == {}
    other.rename(tmp_path / "renamed")
    note.unlink()
    told = run(workspace, documents)
    assert told.to_dict()["absent"] == {str(other): 1, str(note): 1}
    shown = Console(file=io.StringIO(), width=400)
    show_ingested(shown, told)
    assert f"remove --under {other}\n" in shown.file.getvalue()
    with pytest.raises(InputError, match=r"1 documents from there stay .* remove --under"):
        run(workspace, other)
    with pytest.raises(NotFound, match="no document comes from"):
        remove_documents(workspace, [], under=str(tmp_path / "nowhere"), ctx=CTX)
    assert remove_documents(workspace, [], under=str(other), ctx=CTX)["removed"] == 1
    assert run(workspace, tmp_path / "renamed").absent == {str(note): 1}
    assert {row["id"] for row in list_documents(workspace)} >= {"tides.md", "note.md"}
    # what lies where it lay is not left behind
    inner = documents / "inner"
    inner.mkdir()
    (inner / "x.md").write_text("Of locks.")
    run(workspace, inner)
    run(workspace, documents)
    (inner / "x.md").unlink()
    inner.rmdir()
    done = run(workspace, documents)
    assert done.removed == 1 and done.absent == {str(note): 1}
