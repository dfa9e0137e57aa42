"""The workspace's folder: atomic writes, one writer, and formats."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import stat

import pytest

from graft.core.config import load_config
from graft.core.errors import FormatError, LockHeld, NotFound, SetupError
from graft.core.files import FORMAT, Layout, write_atomic
from graft.core.ledger import Ledger
from graft.core.release import Lineage, Release, Releases


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "pointer"
    write_atomic(path, "one")
    with pytest.raises(TypeError):
        write_atomic(path, 3)  # type: ignore[arg-type]
    assert path.read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["pointer"]


def test_a_newer_format_is_refused_and_left_as_it_is(tmp_path):
    layout = Layout(tmp_path)
    layout.open({})
    assert not list(tmp_path.iterdir()), "who only looks leaves nothing"
    with layout.writer():
        assert layout.format.read_text().strip() == str(FORMAT)
    layout.format.write_text(str(FORMAT + 1))
    with pytest.raises(FormatError, match="update Graft"):
        layout.open({})
    assert layout.format.read_text() == str(FORMAT + 1)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mask", [0o022, 0o007])
def test_the_umask_says_who_may_read_a_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "shared", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o666 & ~mask


def _older(root) -> Layout:
    """A workspace as a made-up Graft of format 0 left it: releases in one file."""
    layout = Layout(root)
    layout.home.mkdir()
    layout.format.write_text("0\n")
    (layout.home / "releases.txt").write_text("0: starter\n1: tuned\n")
    (layout.home / "library").mkdir()
    (layout.home / "library" / "published").write_text("7\n")
    return layout


def _split(home) -> None:
    """The step from it: a file for each release."""
    listed = home / "releases.txt"
    (home / "releases").mkdir()
    for line in listed.read_text().splitlines():
        number, name = line.split(": ")
        (home / "releases" / f"{number}.toml").write_text(name)
    listed.unlink()


def _steps(first):
    """The step under test out of format 0, and such as do nothing from there to today's."""
    return {0: first} | {number: (lambda home: None) for number in range(1, FORMAT)}


def _is_migrated(layout) -> bool:
    names = {path.name for path in layout.home.iterdir()}
    return (
        layout.format.read_text() == f"{FORMAT}\n"
        and names == {"format", "library", "releases"}
        and (layout.releases / "1.toml").read_text() == "tuned"
        and (layout.library / "published").read_text() == "7\n"
        and not [path for path in layout.root.iterdir() if path.name in (".graft.v0", ".graft.new")]
    )


def test_an_older_format_is_migrated_in_a_copy(tmp_path):
    layout = _older(tmp_path)
    seen = []

    def step(home):
        seen.append(home)
        _split(home)

    layout.open(_steps(step))
    assert _is_migrated(layout) and seen[0] != layout.home
    layout.open(_steps(step))
    assert len(seen) == 1 and _is_migrated(layout)


def test_an_older_format_that_no_step_leads_from_is_refused(tmp_path):
    layout = _older(tmp_path)
    with pytest.raises(FormatError, match="no step leads from 0"):
        layout.open({})
    assert (layout.home / "releases.txt").exists()
    assert layout.format.read_text() == "0\n"


def test_a_step_that_fails_leaves_the_folder_as_it_was(tmp_path):
    layout = _older(tmp_path)

    def fail(home):
        _split(home)
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        layout.open(_steps(fail))
    assert (layout.home / "releases.txt").read_text().count("\n") == 2
    layout.open(_steps(_split))
    assert _is_migrated(layout)


@pytest.mark.parametrize("step", ["rename", "rmtree"])
def test_a_migration_that_was_killed_is_undone_or_finished(tmp_path, monkeypatch, step):
    layout = _older(tmp_path)

    def die(*_args, **_options):
        raise KeyboardInterrupt

    def migrate(home):
        _split(home)
        if step == "rename":  # killed between the two renames: the folder itself is missing
            monkeypatch.setattr("pathlib.Path.rename", lambda old, new: (old.replace(new), die()))
        else:
            monkeypatch.setattr(shutil, "rmtree", die)

    with pytest.raises(KeyboardInterrupt), monkeypatch.context():
        layout.open(_steps(migrate))
    monkeypatch.undo()
    assert layout.home.exists() == (step == "rmtree") and (tmp_path / ".graft.v0").exists()
    layout.open(_steps(_split))
    assert _is_migrated(layout)


def test_a_damaged_ledger_is_told(tmp_path):
    path = tmp_path / "ledger.db"
    Ledger(path).record_library(1, 0.0, {"documents": 1})
    path.write_bytes(b"no database at all, and long enough to be looked at" * 100)
    with pytest.raises(FormatError, match=r"ledger\.db is damaged"):
        Ledger(path)
    path.unlink()
    ledger = Ledger(path)
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE run")
    with pytest.raises(SetupError, match=r"ledger\.db"):
        ledger.runs()


def test_a_list_of_releases_that_is_none_is_told(tmp_path):
    releases = Releases(tmp_path)
    (tmp_path / "current").write_text("seven\n")
    with pytest.raises(FormatError, match="'seven'"):
        releases.current()


def _hold(root, ready, done):
    with Layout(root).writer():
        ready.set()
        done.wait(20)


def test_a_second_writer_is_told_who_holds_the_workspace(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready, done = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_hold, args=(tmp_path, ready, done))
    process.start()
    try:
        assert ready.wait(20)
        with (
            pytest.raises(LockHeld, match=f"process {process.pid}"),
            Layout(tmp_path).writer(0.05),
        ):
            pass
    finally:
        done.set()
        process.join(20)
    with Layout(tmp_path).writer(5):
        pass


def test_releases_are_numbered_kept_and_switched(tmp_path):
    releases = Releases(tmp_path / "releases")
    with pytest.raises(NotFound, match="graft ingest"):
        releases.current()
    release = Release(
        number=0, created=1.5, settings=load_config(variables={}).settings, space="s",
        prompts={"grounded": {"system": "Say \"so\"\nand 'so' {x}."}},
        lineage=Lineage(runs=("r1",)), digests={"encoder": "abc"},
    )  # fmt: skip
    first, second = releases.add(release), releases.add(release)
    assert (first.number, second.number) == (0, 1)
    assert releases.get(1) == second
    releases.switch(1)
    assert releases.current().number == 1
    with pytest.raises(NotFound, match="the releases are 0, 1"):
        releases.switch(7)
    assert releases.current_number() == 1


def test_a_rollback_goes_to_the_release_in_use_before(tmp_path):
    releases = Releases(tmp_path / "releases")
    settings = load_config(variables={}).settings
    for _ in range(3):
        releases.add(Release(number=0, created=1.0, settings=settings))
    releases.switch(0)
    with pytest.raises(NotFound, match="no earlier release"):
        releases.rollback()
    releases.switch(2)
    releases.switch(1)
    assert releases.rollback() == 2 and releases.current_number() == 2
    assert releases.rollback() == 0 and releases.history() == [0]


def test_nobody_writes_to_a_workspace_while_it_is_migrated(tmp_path):
    layout = _older(tmp_path)
    refused = []

    def step(home):
        _split(home)
        with pytest.raises(LockHeld), layout.writer():
            pass
        refused.append(True)

    layout.open(_steps(step))
    assert refused and _is_migrated(layout)
    with layout.writer():
        pass
