"""The table of readers is open, and each has a version of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from graft.core.errors import DocumentError
from graft.core.hashing import bytes_hash, text_hash
from graft.core.mapper import Here, Processes
from graft.library import detect as kinds
from graft.library.access import Access
from graft.library.parse import is_read_here, load_all
from graft.library.readers import READERS, Blob, Extracted, Reader, read_bytes, reader_of
from graft.library.rows import DocumentRow
from graft.library.sources import expand, fingerprint, load
from graft.library.sync import LeftOut, Sync
from graft.library.walk import find_roots
from tests.extending_reader import SUBTITLES
from tests.library_files import docx, paragraph

SRT = b"1\n00:00:01,000 --> 00:00:02,000\nTen leave days\n\n2\n00:00:03 --> 00:00:04\ncarry over.\n"


@pytest.fixture
def added() -> Iterator[None]:
    before = set(READERS.all())
    READERS.add(SUBTITLES)
    yield
    for name in set(READERS.all()) - before:
        READERS.drop(name)
    assert not READERS.added


def stored(base: Path, *, fingerprint: str = "") -> dict[str, list[DocumentRow]]:
    """What an ingest of a folder would have kept, under the fingerprint that was the rule then."""
    found = {}
    for source in expand([base]):
        (document,) = load(source)
        mark = fingerprint or document.fingerprint
        found[source.id] = [
            DocumentRow(
                source.id, "", document.media_type, source.uri, source.root, mark, "", (), 1
            )
        ]
    return found


def reread(base: Path, known: dict[str, list[DocumentRow]]) -> list[str]:
    sync = Sync(known, find_roots([base]), Access(), 1 << 20)
    return [source.id for source in sync.changed(expand([base]))]


def test_every_kind_that_is_detected_has_one_reader() -> None:
    types = [t for name, t in vars(kinds).items() if name.isupper() and isinstance(t, str)]
    assert len(types) == 29
    for media_type in types:
        readers = [r for r in READERS.all().values() if media_type in r.media_types]
        assert readers == [reader_of("", media_type)], media_type
    assert {r.name for r in READERS.all().values() if r.suffixes} == {"calendar"}


@pytest.mark.usefixtures("added")
def test_a_reader_in_one_file_reads_its_own(tmp_path: Path) -> None:
    (found,) = read_bytes("talk.srt", SRT)
    assert (found.text, found.media_type) == ("Ten leave days carry over.", "application/x-subrip")
    (tmp_path / "talk.srt").write_bytes(SRT)
    (tmp_path / "a.docx").write_bytes(docx(paragraph("Words.")))
    loaded = list(load_all(expand([tmp_path]), Processes(2, here=is_read_here)))
    assert [each.documents[0].media_type for each in loaded] == [kinds.DOCX, "application/x-subrip"]
    assert reread(tmp_path, stored(tmp_path)) == []


def test_an_unknown_suffix_is_plain_text_without_its_reader() -> None:
    assert read_bytes("talk.srt", SRT)[0].media_type == kinds.TEXT
    with pytest.raises(DocumentError, match="no reader"):
        read_bytes("talk.srt", SRT, "application/x-subrip")


def test_packages_offer_readers_that_other_processes_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site"
    (package / "subs-1.dist-info").mkdir(parents=True)
    (package / "subs-1.dist-info" / "METADATA").write_text("Name: subs\nVersion: 1\n")
    (package / "subs-1.dist-info" / "entry_points.txt").write_text(
        "[graft.readers]\nsubs = tests.extending_reader\nboom = boom\n"
    )
    (package / "boom.py").write_text(
        "import os\nfrom graft.library.readers import Reader\n"
        "BOOM = Reader('boom', ('x/boom',), lambda blob: os._exit(1), suffixes=('.boom',))\n"
    )
    monkeypatch.syspath_prepend(package)
    monkeypatch.setattr("graft.library.readers.reader.READERS._looked", False)
    base = tmp_path / "docs"
    base.mkdir()
    (base / "a.srt").write_bytes(SRT)
    (base / "b.boom").write_bytes(b"text")
    (base / "c.srt").write_bytes(SRT)
    try:
        loaded = list(load_all(expand([base]), Processes(1, here=is_read_here)))
    finally:
        READERS.drop("subtitles")
        READERS.drop("boom")
    assert [bool(each.documents) for each in loaded] == [True, False, True]
    assert "crashed" in loaded[1].reason


def test_a_reader_that_changes_reads_only_its_own_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text("# Text")
    (tmp_path / "b.html").write_text("<p>Page.</p>")
    (tmp_path / "c.docx").write_bytes(docx(paragraph("Words.")))
    known = stored(tmp_path)
    assert reread(tmp_path, known) == []
    html = READERS.named("html")
    monkeypatch.setitem(READERS._found, "html", replace(html, version="next"))
    assert reread(tmp_path, known) == ["b.html"]


def test_what_was_stored_before_readers_had_versions_is_unchanged(tmp_path: Path) -> None:
    data = docx(paragraph("Words."))
    (tmp_path / "c.docx").write_bytes(data)
    # bytes and the version alone, as when all readers had one together
    before = text_hash(f"{bytes_hash(data)}:{READERS.named('docx').version}")
    assert reread(tmp_path, stored(tmp_path, fingerprint=before)) == []
    # A reader that a package brings for the same files reads them anew, and keeps them.
    READERS.add(Reader("other", (kinds.DOCX,), lambda blob: [Extracted("", "Other words.")]))
    try:
        assert reread(tmp_path, stored(tmp_path, fingerprint=before)) == ["c.docx"]
        assert reread(tmp_path, stored(tmp_path)) == []
        assert load(next(expand([tmp_path])))[0].text == "Other words."
    finally:
        READERS.drop("other")


def test_a_reader_that_is_gone_leaves_its_files_to_others(tmp_path: Path) -> None:
    (tmp_path / "talk.srt").write_bytes(SRT)
    (source,) = expand([tmp_path])
    assert fingerprint(source, "application/x-subrip") == ""


def test_what_a_reader_leaves_out_is_counted_told_and_kept(added, tmp_path: Path) -> None:
    def read(blob: Blob) -> list[Extracted]:
        told = {"left_out": "9 lies"}  # a file does not say what we leave out
        return [Extracted("", "Words.", metadata=told, left_out={"images": 1200, "notes": 0})]

    READERS.add(Reader("drawn", ("text/drawn",), read, suffixes=(".drawn",)))
    (tmp_path / "a.drawn").write_text("x")
    (tmp_path / "b.txt").write_text("Words.")
    sync = Sync({}, find_roots([tmp_path]), Access(), 1 << 20)
    documents = {d.id: d for d in sync.documents(expand([tmp_path]), Here())}
    assert documents["a.drawn"].metadata == {"left_out": "1,200 images"}
    assert "left_out" not in documents["b.txt"].metadata
    assert sync.left_out == [LeftOut("a.drawn", {"images": 1200})]
