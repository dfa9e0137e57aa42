"""The workspace's folder: atomic writes, one writer, and formats."""

from __future__ import annotations

import multiprocessing

import pytest

from graft.core.config import load_config
from graft.core.errors import FormatError, LockHeld, NotFound
from graft.core.files import FORMAT, Layout, write_atomic
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
    layout.open()
    assert layout.format.read_text().strip() == str(FORMAT)
    layout.format.write_text(str(FORMAT + 1))
    with pytest.raises(FormatError, match="update Graft"):
        layout.open()
    assert layout.format.read_text() == str(FORMAT + 1)


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
