"""The run folder: whole or not at all, read back as it was, and free of secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from graft.core.curves import CurvePoint
from graft.core.errors import FormatError, ModelError, NotFound
from graft.core.estimate import Estimate
from graft.core.hashing import file_hash
from graft.core.recipe import Recipe, Schedule
from graft.core.runs import Artefact, Probe, Run, ancestors, read_run, require_digest
from graft.tune.data import DataRow
from graft.tune.writing import run_id, versions, write_run

RECIPE = Recipe("generator", "raft", "starter", schedule=Schedule(epochs=2), data="d1", seed=3)
CREATED = 1_750_000_000.5


def make_run(created: float = CREATED) -> Run:
    return Run(
        id=run_id(RECIPE, created),
        recipe=RECIPE,
        created=created,
        seconds=12.5,
        trainable_parameters=42,
        peak_memory={"host": 1 << 30, "device": 0},
        before={"loss": 2.0},
        after={"loss": 1.0},
        curves=(
            CurvePoint(0, None, 2.0, 0.0, 0.0, 0.0),
            CurvePoint(1, 1.5, None, 1e-4, 100.0, 3.0),
        ),
        counts={"used": 8, "too long": 1},
        estimate=Estimate(11.0, 1 << 30, 800, 4, 42),
        versions=versions(),
        settings={"retrieve": {"depth": 50}, "tune": {"generator": {"epochs": 2.0}}},
        library_version=7,
    )


def save(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(b"weights")


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    written = write_run(tmp_path / "runs", make_run(), save)
    assert read_run(written.folder) == written
    assert written.folder == tmp_path / "runs" / written.id
    assert (written.weights / "adapter_model.safetensors").read_bytes() == b"weights"
    assert written.digest


def test_each_part_of_a_run_keeps_its_own_probe(tmp_path: Path) -> None:
    told = Probe("vector", {"text": "x", "tokens": 3}, [0.5], 0.4)
    run = replace(make_run(), artefacts=(Artefact("retriever", probe=told),))
    written = write_run(tmp_path, run, {"generator": save, "retriever": save})
    found = read_run(written.folder)
    assert found == written
    assert found.artefact("retriever").probe == told and found.artefact("generator").probe is None
    assert found.weights_of("retriever") != found.weights_of("generator")
    with pytest.raises(NotFound, match="holds weights of generator, retriever"):
        found.artefact("reranker")


def test_weights_that_were_changed_are_found_by_their_digest(tmp_path: Path) -> None:
    written = write_run(tmp_path, make_run(), save)
    require_digest(written.artefacts[0], written.folder)
    (written.weights / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match="are not those that were trained"):
        require_digest(written.artefacts[0], written.folder)


def test_the_digest_follows_the_weights(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", make_run(), save)
    same = write_run(tmp_path / "b", make_run(), save)
    other = write_run(tmp_path / "c", make_run(), lambda f: (f / "w").write_bytes(b"others"))
    assert first.digest == same.digest != other.digest


def test_a_failed_save_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_bytes(b"half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_run(tmp_path / "runs", make_run(), fail)
    assert list((tmp_path / "runs").iterdir()) == []


def test_half_a_run_of_a_crash_is_no_run_and_is_in_nobodys_way(tmp_path: Path) -> None:
    run = make_run()
    partial = tmp_path / f".{run.id}.partial" / "adapter"
    partial.mkdir(parents=True)
    (partial / "stale").write_bytes(b"stale")
    with pytest.raises(NotFound):
        read_run(tmp_path / run.id)
    written = write_run(tmp_path, run, save)
    assert not (written.weights / "stale").exists()
    assert [path.name for path in tmp_path.iterdir()] == [run.id]


def test_what_it_was_trained_on_is_written_row_by_row_and_told_by_a_digest(tmp_path: Path) -> None:
    rows = [DataRow("train", "q1", ("p1",), ("p9", "p1")), DataRow("dev", "q2", ("é",), digest="x")]
    folder = tmp_path / "runs" / f".{make_run().id}.partial"
    sizes = []

    def streamed():
        for row in [*rows, *[DataRow("train", f"q{i}", ("p" * 32,)) for i in range(2000)]]:
            sizes.append((folder / "data.jsonl").stat().st_size)
            yield row

    written = write_run(tmp_path / "runs", make_run(), save, data=streamed())
    assert sizes[0] == 0 < sizes[-1], "the first rows are on disk before the last are made"
    lines = (written.folder / "data.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2002
    assert json.loads(lines[0]) == {
        "split": "train", "example": "q1", "positives": ["p1"], "shown": ["p9", "p1"],
        "stage": "", "digest": "",
    }  # fmt: skip
    assert read_run(written.folder) == written
    assert written.data_digest == file_hash(written.folder / "data.jsonl")
    about = json.loads((written.folder / "run.json").read_text())
    assert (about["data_digest"], about["library_version"]) == (written.data_digest, 7)
    other = write_run(tmp_path / "other", make_run(), save, data=[rows[1], rows[0]])
    assert other.data_digest != written.data_digest


def test_a_row_that_fails_leaves_no_run(tmp_path: Path) -> None:
    def failing():
        yield DataRow("train", "q1")
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        write_run(tmp_path, make_run(), save, data=failing())
    assert list(tmp_path.iterdir()) == []


def test_the_settings_it_was_made_under_are_read_back(tmp_path: Path) -> None:
    written = write_run(tmp_path, make_run(), save)
    assert json.loads((written.folder / "settings.json").read_text()) == written.settings
    assert read_run(written.folder).settings["retrieve"] == {"depth": 50}


def test_a_run_from_before_settings_and_data_were_kept_is_still_read(tmp_path: Path) -> None:
    written = write_run(tmp_path, make_run(), save)
    about = json.loads((written.folder / "run.json").read_text())
    for key in ("library_version", "data_digest"):
        del about[key]
    (written.folder / "run.json").write_text(json.dumps(about))
    for name in ("settings.json", "data.jsonl"):
        (written.folder / name).unlink()
    old = read_run(written.folder)
    assert (old.settings, old.library_version, old.data_digest) == ({}, 0, "")
    assert old.recipe == written.recipe


def test_what_a_run_started_from_is_followed_to_the_first(tmp_path: Path) -> None:
    def tuned(base: str, seed: int) -> str:
        recipe = replace(RECIPE, base=base, seed=seed)
        run = replace(make_run(), id=run_id(recipe, CREATED), recipe=recipe)
        return write_run(tmp_path, run, save).id

    first = tuned("starter", 1)
    second = tuned(f"runs/{first}", 2)
    third = tuned(f"runs/{second}", 3)
    other = tuned("some/model", 4)
    assert ancestors(tmp_path, [third, other]) == (third, other, second, first)
    assert ancestors(tmp_path, [f"runs/{second}", first]) == (second, first), "each named once"
    assert ancestors(tmp_path, []) == ()
    orphan = tuned("runs/retriever-gone", 5)
    assert ancestors(tmp_path, [orphan]) == (orphan, "retriever-gone")


def test_no_variable_of_the_environment_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret-value")
    written = write_run(tmp_path, replace(make_run(), versions=versions()), save)
    for path in written.folder.rglob("*"):
        if path.is_file():
            assert b"sk-very-secret-value" not in path.read_bytes()
            assert b"SOME_API_KEY" not in path.read_bytes()


def test_the_folder_tells_seed_data_and_versions(tmp_path: Path) -> None:
    written = write_run(tmp_path, make_run(), save)
    about = json.loads((written.folder / "run.json").read_text())
    assert (about["seed"], about["data"]) == (3, "d1")
    assert about["peak_memory_bytes"] == {"host": 1 << 30, "device": 0}
    told = json.loads((written.folder / "versions.json").read_text())
    assert {"python", "torch", "transformers", "peft", "graft-rag"} <= told.keys()


def test_damaged_and_missing_runs_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no run in"):
        read_run(tmp_path / "absent")
    written = write_run(tmp_path, make_run(), save)
    (written.folder / "recipe.json").write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        read_run(written.folder)


def test_ids_are_short_and_differ_by_time_and_recipe() -> None:
    first = run_id(RECIPE, CREATED)
    assert first.startswith("generator-20250615-") and len(first) == 25
    assert first != run_id(RECIPE, CREATED + 1)
    assert first != run_id(replace(RECIPE, seed=4), CREATED)
