"""A sync reads what changed, keeps what it cannot read, and removes only under roots named now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from graft.core.mapper import Here
from graft.library.access import Access
from graft.library.rows import DocumentRow
from graft.library.sources import expand, fingerprint
from graft.library.sync import Sync
from graft.library.walk import find_roots

Rows = dict[str, list[DocumentRow]]


def row(
    path: Path, mark: str, root: Path, *, part: str = "", access: tuple[str, ...] = (),
    own: bool = False,
) -> DocumentRow:  # fmt: skip
    """What is stored of a file, or of a row in it, that was ingested by a root."""
    id, uri = path.name, path.as_uri()
    id, uri = (f"{id}#{part}", f"{uri}#{part}") if part else (id, uri)
    return DocumentRow(id, id, "text/markdown", uri, root.as_posix(), mark, "", access, 1, own)


def start(
    root: Path, stored: Rows, access: list[str] | None = None,
    recorded: dict[str, tuple[str, ...]] | None = None,
) -> Sync:  # fmt: skip
    return Sync(stored, find_roots([root]), Access.of(access, recorded or {}), 1 << 20)


def test_each_source_ends_as_one_thing(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    for name in ("same", "changed", "new", "empty"):
        (root / f"{name}.md").write_text("" if name == "empty" else f"# {name}\n\nSome words.\n")
    mark = {source.id: fingerprint(source, "text/markdown") for source in expand([root])}["same.md"]
    stored = {
        f"{name}.md": [row(root / f"{name}.md", mark if name == "same" else "old", root)]
        for name in ("same", "changed", "empty", "gone")
    }
    elsewhere = tmp_path / "another" / "elsewhere.md"
    stored["elsewhere.md"] = [row(elsewhere, "old", elsewhere.parent)]
    sync = start(root, stored, access=["hr"])
    documents = {d.id: d for d in sync.documents(expand([root]), Here())}
    assert set(documents) == {"changed.md", "new.md"} and sync.unchanged == 1
    assert (sync.added, sync.updated) == ({"new.md"}, {"changed.md"})
    assert sync.vanished() == {"gone.md"}
    assert [failure.path for failure in sync.failed] == ["empty.md"]
    assert all(d.access == ("hr",) for d in documents.values())
    # what is stored of a file that cannot be read any more is closed like the rest
    assert sync.reopened == {"same.md": ("hr",), "empty.md": ("hr",)}


def test_rows_that_left_a_file_of_many_documents_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text('{"id": "a", "text": "Some words."}\n{"id": "b", "text": "Other words."}\n')
    sync = start(path, {"faq.jsonl": [row(path, "old", path, part=part) for part in ("a", "z")]})
    assert {d.id for d in sync.documents(expand([path]), Here())} == {"faq.jsonl#a", "faq.jsonl#b"}
    assert (sync.added, sync.updated, sync.gone) == (
        {"faq.jsonl#b"}, {"faq.jsonl#a"}, {"faq.jsonl#z"})  # fmt: skip


def test_a_document_that_names_its_readers_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text(
        '{"id": "a", "text": "Some words.", "access": ["alice"]}\n'
        '{"id": "b", "text": "Other words."}\n'
    )
    rows = [
        row(path, "old", path, part="a", access=("alice",), own=True),
        row(path, "old", path, part="b", access=("staff",)),
    ]
    sync = start(path, {"faq.jsonl": rows}, access=["bob"])
    found = {d.id: d.access for d in sync.documents(expand([path]), Here())}
    assert found == {"faq.jsonl#a": ("alice",), "faq.jsonl#b": ("bob",)}
    assert sync.own_access == {"faq.jsonl#a"}
    # the same with nothing changed in the file
    (source,) = expand([path])
    same = [replace(each, fingerprint=fingerprint(source, each.media_type)) for each in rows]
    sync = start(path, {"faq.jsonl": same}, access=["bob"])
    assert list(sync.documents(expand([path]), Here())) == []
    assert sync.reopened == {"faq.jsonl#b": ("bob",)}


def test_without_a_word_on_access_what_is_stored_or_lies_around_counts(tmp_path: Path) -> None:
    closed = tmp_path / "docs" / "pay"
    closed.mkdir(parents=True)
    for name in ("old", "own", "new"):
        (closed / f"{name}.md").write_text(f"# {name}\n\nSome words.\n")
    stored = {
        "old.md": [row(closed / "old.md", "old", closed, access=("boss",))],
        # named its readers when it was stored and does not any more
        "own.md": [row(closed / "own.md", "old", closed, access=("alice",), own=True)],
    }
    recorded = {
        (tmp_path / "docs").as_posix(): ("staff",), closed.as_posix(): ("hr",),
        tmp_path.as_posix(): (), f"{tmp_path.as_posix()}/other/*.md": ("none",),
    }  # fmt: skip
    sync = start(closed, stored, recorded=recorded)
    found = {d.id: d.access for d in sync.documents(expand([closed], known={}), Here())}
    assert found == {"old.md": ("boss",), "own.md": ("hr",), "new.md": ("hr",)}
    assert not sync.own_access and not sync.reopened


def test_globs_that_were_ingested_say_who_may_see_what_fits_them(tmp_path: Path) -> None:
    base = tmp_path.as_posix()
    access = Access.of(None, {base: (), f"{base}/**/pay*": ("hr",), f"{base}/x[1]": ("x",)})
    assert access.at(tmp_path / "pay.md") == access.at(tmp_path / "a" / "pay" / "b.md") == ("hr",)
    assert access.at(tmp_path / "a" / "tea.md") == ()
    assert access.at(tmp_path / "x1" / "tea.md") == ("x",)
    (tmp_path / "x[1]").mkdir()  # a folder that is called so
    access = Access.of(None, access.recorded)
    assert access.at(tmp_path / "x1" / "tea.md") == ()
    assert access.at(tmp_path / "x[1]" / "tea.md") == ("x",)


def test_roots_under_one_that_is_given_readers_have_no_more_say(tmp_path: Path) -> None:
    base = tmp_path.as_posix()
    names = [base, f"{base}/a", f"{base}/.b/c.md", f"{base}2", f"{base}/*.md"]
    access = Access.of(["x"], dict.fromkeys(names, ()))
    covered = access.covered(find_roots([tmp_path]), exclude=[".*"])
    assert covered == [f"{base}/a", f"{base}/*.md"]


def test_what_vanished_is_told_by_where_it_lay_not_by_the_root_that_read_it(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.md").write_text("# a\n\nSome words.\n")
    (root / ".kept.md").write_text("# kept\n\nNamed itself.\n")
    stored = {
        name: [row(root / name, "old", root / name)] for name in ("a.md", "gone.md", ".kept.md")
    }
    stored["else.md"] = [row(tmp_path / "docs2" / "else.md", "old", tmp_path / "docs2")]
    sync = start(root, stored)
    assert {d.id for d in sync.documents(expand([root], exclude=[".*"]), Here())} == {"a.md"}
    assert sync.vanished() == {"gone.md"}


def test_rows_of_a_corpus_vanish_whatever_root_read_them(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"_id": "1", "text": "Some words."}\n')
    rows = {
        id: [DocumentRow(id, id, "", f"{path.as_uri()}#{id}", path.as_posix(), "old", "", (), 1)]
        for id in ("1", "2")
    }
    sync = start(tmp_path, rows)
    assert [d.id for d in sync.documents(expand([tmp_path]), Here())] == ["1"]
    assert sync.vanished() == {"2"}


def test_what_lies_behind_a_link_that_leads_nowhere_stays(tmp_path: Path) -> None:
    root = tmp_path / "docs"
    root.mkdir()
    (root / "share.md").symlink_to(tmp_path / "unmounted" / "share.md")
    sync = start(root, {name: [row(root / name, "old", root)] for name in ("share.md", "gone.md")})
    assert list(sync.documents(expand([root]), Here())) == []
    assert sync.vanished() == {"gone.md"}
