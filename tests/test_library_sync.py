"""A sync reads what changed, keeps what it cannot read, and removes only under roots named now."""

from __future__ import annotations

from pathlib import Path

from graft.library.rows import DocumentRow
from graft.library.sources import expand, fingerprint, roots_of
from graft.library.sync import Sync


def row(id: str, mark: str, source: str, access: tuple[str, ...] = ()) -> DocumentRow:
    return DocumentRow(id, id, "text/markdown", "", source, mark, "", access, 1)


def start(root: Path, stored: dict[str, list[DocumentRow]], access=()) -> Sync:
    roots = roots_of([str(root)])
    return Sync(stored, frozenset(roots), dict.fromkeys(roots, tuple(access)), 1 << 20)


def test_each_source_ends_as_one_thing(tmp_path):
    root = tmp_path / "docs"
    root.mkdir()
    for name in ("same", "changed", "new", "empty"):
        (root / f"{name}.md").write_text("" if name == "empty" else f"# {name}\n\nSome words.\n")
    marks = {source.id: fingerprint(source) for source in expand([str(root)])}
    here = roots_of([str(root)])[0]
    stored = {
        "same.md": [row("same.md", marks["same.md"], here)],
        "changed.md": [row("changed.md", "old", here)],
        "empty.md": [row("empty.md", "old", here)],
        "gone.md": [row("gone.md", "old", here)],
        "elsewhere.md": [row("elsewhere.md", "old", "another root")],
    }
    sync = start(root, stored, access=["hr"])
    documents = {d.id: d for d in sync.documents(expand([str(root)]))}
    assert set(documents) == {"changed.md", "new.md"} and sync.unchanged == 1
    assert (sync.added, sync.updated) == ({"new.md"}, {"changed.md"})
    assert sync.vanished() == {"gone.md"}
    assert [failure.path for failure in sync.failed] == ["empty.md"]
    assert all(d.access == ("hr",) for d in documents.values())
    assert sync.reopened == {"same.md": ("hr",)}


def test_rows_that_left_a_file_of_many_documents_are_gone(tmp_path):
    path = tmp_path / "faq.jsonl"
    path.write_text('{"id": "a", "text": "Some words."}\n{"id": "b", "text": "Other words."}\n')
    here = roots_of([str(path)])[0]
    stored = {"faq.jsonl": [row(f"faq.jsonl#{id}", "old", here) for id in ("a", "z")]}
    sync = start(path, stored)
    assert {d.id for d in sync.documents(expand([str(path)]))} == {"faq.jsonl#a", "faq.jsonl#b"}
    assert (sync.added, sync.updated, sync.gone) == (
        {"faq.jsonl#b"}, {"faq.jsonl#a"}, {"faq.jsonl#z"})  # fmt: skip
