"""Sources: what paths hold, under stable and distinct ids; loading that no bad file stops."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.errors import DocumentError, InputError
from graft.core.mapper import Here, Processes
from graft.library.parse import is_read_here, load_all, seconds_for
from graft.library.sources import SourceItem, expand, fingerprint, load, source_id
from tests.library_files import docx, paragraph, pdf

Make = Callable[..., Path]
APART = Processes(2, seconds=seconds_for, here=is_read_here)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes files under a folder: names to texts or bytes."""

    def write(folder: str, **files: str | bytes) -> Path:
        base = tmp_path / folder
        base.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            path = base / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return base

    return write


def ids(*paths: str | Path, exclude: tuple[str, ...] = (".*",), **known: str) -> list[str]:
    return [source.id for source in expand(paths, exclude=exclude, known=known)]


def test_folders_are_walked_in_order_without_what_is_excluded(make: Make) -> None:
    base = make(
        "docs", b_dot_md="b", a_dot_md="a", sub__c_dot_txt="c", _dot_hidden="h",
        node_modules__x_dot_js="x", sub__drafts__d_dot_md="d",
    )  # fmt: skip
    assert ids(base) == ["a.md", "b.md", "node_modules/x.js", "sub/c.txt", "sub/drafts/d.md"]
    assert ids(base, exclude=("node_modules", "sub/drafts", ".*")) == ["a.md", "b.md", "sub/c.txt"]
    assert ids(base, exclude=("*.md",))[0] == ".hidden"
    assert next(expand([base])).root == base.resolve().as_posix()


def test_a_named_file_has_its_name_and_itself_as_root(make: Make) -> None:
    base = make("docs", sub__a_dot_md="a", _dot_env="x")
    found = list(expand([base / "sub" / "a.md", base / ".env"], exclude=(".*",)))
    assert [s.id for s in found] == ["a.md", ".env"]
    assert found[0].root == (base / "sub" / "a.md").resolve().as_posix()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "sub/b.md", "sub/deep/c.md"]),
        ("sub/*", ["b.md", "deep/c.md", "n.txt"]),
        ("s?b/[ab].md", ["sub/b.md"]),
        ("**", ["a.md", "sub/b.md", "sub/deep/c.md", "sub/n.txt"]),
    ],
)
def test_globs(make: Make, pattern: str, expected: list[str]) -> None:
    base = make(
        "docs", a_dot_md="a", sub__b_dot_md="b", sub__deep__c_dot_md="c", sub__n_dot_txt="n",
        _dot_git__x_dot_md="x",
    )  # fmt: skip
    assert ids(str(base / pattern)) == expected


def test_what_is_not_there_is_named_before_anything_is_yielded(make: Make) -> None:
    base = make("docs", a_dot_md="a")
    for missing in (base / "gone.md", base / "*.pdf", base / "no" / "*.md"):
        with pytest.raises(InputError, match=missing.name.replace("*", r"\*")):
            expand([base, missing])
    with pytest.raises(InputError, match="no path"):
        expand([])


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may read everything")
def test_a_root_that_cannot_be_read(make: Make) -> None:
    base = make("docs", a_dot_md="a")
    base.chmod(0)
    try:
        with pytest.raises(InputError, match="cannot be read"):
            expand([base])
    finally:
        base.chmod(0o755)


def test_same_ids_under_two_roots_are_told_apart_and_stay_so(make: Make) -> None:
    one, two = make("x/docs", a_dot_md="1", b_dot_md="2"), make("y/docs", a_dot_md="3")
    assert ids(one, two) == ["a.md", "b.md", "docs/a.md"]
    three = make("z/docs", a_dot_md="4")
    assert ids(one, two, three) == ["a.md", "b.md", "docs/a.md", "z/docs/a.md"]
    known = {s.id: s.uri for s in expand([one, two])}
    assert ids(two, one, **known) == ["docs/a.md", "a.md", "b.md"]
    assert ids(two, **known) == ["docs/a.md"]
    assert ids(two) == ["a.md"]
    assert ids(one / "a.md", two / "a.md", three / "a.md") == ["a.md", "docs/a.md", "z/docs/a.md"]


def test_a_file_under_two_roots_comes_once(make: Make) -> None:
    base = make("docs", a_dot_md="a", sub__b_dot_md="b")
    assert ids(base, base / "sub", base, base / "a.md") == ["a.md", "sub/b.md"]


def test_links_make_no_loops_and_odd_files_are_refused(make: Make, tmp_path: Path) -> None:
    base = make("docs", a_dot_md="a", sub__b_dot_md="b")
    other = make("other", c_dot_md="c")
    (base / "up").symlink_to(base)
    (base / "sub" / "self").symlink_to(base / "sub")
    (base / "out1").symlink_to(other)
    (base / "out2").symlink_to(other)
    (other / "back").symlink_to(base)
    (base / "broken").symlink_to(base / "gone")
    (base / "copy.md").symlink_to(base / "a.md")
    assert ids(base) == ["a.md", "copy.md", "out1/c.md", "sub/b.md"]
    os.mkfifo(base / "pipe")
    found = {loaded.source.id: loaded.reason for loaded in load_all(expand([base]), Here())}
    assert {name for name, reason in found.items() if reason} == {"pipe"}


@pytest.mark.parametrize(
    "name",
    [
        "~$report.docx",
        "Thumbs.db",
        "thumbs.DB",
        ".DS_Store",
        "desktop.ini",
        "Desktop.ini",
        "ehthumbs.db",
        ".~lock.plan.odt#",
        "link.md",
    ],
)
@pytest.mark.parametrize("glob", ["", "*", "**/*"])
def test_what_programs_leave_beside_documents_is_passed_by(
    make: Make, name: str, glob: str
) -> None:
    base = make("docs", a_dot_md="a", sub__b_dot_md="b", sub__c_tilde_dollar_dot_md="c")
    for folder in (base, base / "sub"):
        if name == "link.md":
            (folder / name).symlink_to(folder / "gone.md")
        else:
            (folder / name).write_text("[x]")
    found = [source.id for source in expand([base / glob if glob else base])]
    assert sorted(found) == ["a.md", "sub/b.md", "sub/c_tilde_dollar.md"]
    if name != "link.md":  # what is named itself counts
        assert [source.id for source in expand([base / name])] == [name]


def test_names_that_are_no_utf8(make: Make) -> None:
    base = make("docs", a_dot_md="a")
    name = os.fsdecode(b"caf\xe9.md")
    try:
        (base / name).write_text("Text.")
    except OSError:
        pytest.skip("this file system keeps names in UTF-8")
    [_, source] = expand([base])
    assert source.id == "caf\\xe9.md"
    document = load(source)[0]
    json.dumps(document.id + document.uri + document.title).encode("utf-8")
    assert fingerprint(source, document.media_type) == document.fingerprint


BEIR = [
    {
        "_id": "d 1",
        "title": "T",
        "text": " kept \r\n as is\u200b ",
        "metadata": {"url": "u", "n": 1},
    },
    {"_id": "d2", "title": "Only a title", "text": ""},
    {"_id": "d3", "text": "x", "access": ["staff"]},
]


def test_beir_folders_give_their_rows_as_they_are(make: Make) -> None:
    rows = "\n".join(json.dumps(row) for row in BEIR)
    base = make("beir", corpus_dot_jsonl=rows, queries_dot_jsonl="{}", qrels__test_dot_tsv="q")
    sources = list(expand([base]))
    assert [(s.id, s.kind) for s in sources] == [("d 1", "beir"), ("d2", "beir"), ("d3", "beir")]
    first, second, third = (load(source)[0] for source in sources)
    assert first.text == " kept \r\n as is\u200b " and first.title == "T" and first.id == "d 1"
    assert first.metadata == {"url": "u", "n": "1"} and first.uri.endswith("corpus.jsonl#d%201")
    assert second.text == second.title == "Only a title"
    assert third.access == ("staff",)
    assert first.fingerprint == fingerprint(sources[0]) != second.fingerprint
    assert ids(base / "corpus.jsonl") == ["d 1", "d2", "d3"]
    assert ids(base.parent)[0] == "beir/corpus.jsonl"


def test_bad_rows_of_a_corpus_are_refused_one_by_one(make: Make) -> None:
    lines = ['{"_id": "a", "text": "x"}', "{broken", '{"text": "y"}', '{"_id": "a", "text": "z"}',
             '{"_id": "e", "text": " "}', "", '{"_id": 5, "text": "w"}']  # fmt: skip
    base = make("beir", corpus_dot_jsonl="\n".join(lines))
    found = list(load_all(expand([base]), Here()))
    assert [d.id for loaded in found for d in loaded.documents] == ["a", "5"]
    assert [loaded.reason.split(":")[0] for loaded in found if loaded.reason] == [
        "line 2 is not valid JSON (Expecting property name enclosed in double quotes",
        "line 3 has no _id", "line 4 has the _id 'a' a second time",
        "the row has neither title nor text",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["", "\n", "{broken\n", "null\n", "\r\n"])
def test_a_corpus_is_one_whatever_stands_before_its_rows(
    make: Make, first: str, encoding: str
) -> None:
    base = make("beir", corpus_dot_jsonl="")
    rows = '{"_id": "a", "text": "\u2028 é"},\r\n{"_id": "b", "text": "x"}\n'
    (base / "corpus.jsonl").write_bytes((first + rows).encode(encoding))
    found = [each for each in expand([base]) if not each.problem]
    assert [(each.id, each.kind) for each in found] == [("a", "beir"), ("b", "beir")]
    assert load(found[0])[0].text == "\u2028 é"


def test_documents_of_a_file(make: Make) -> None:
    base = make(
        "docs", my_file_dot_txt="Plain words.", faq_dot_jsonl='{"id": "q#1", "text": "a"}\n[]'
    )
    faq, plain = expand([base])
    document = load(plain)[0]
    assert (document.id, document.title, document.source) == ("my_file.txt", "my file", plain.root)
    assert document.uri == plain.path.as_uri() and document.media_type == "text/plain"
    assert document.fingerprint == fingerprint(plain)
    [row] = load(faq)
    assert row.id == "faq.jsonl#q#1" and source_id(row.id, row.uri) == "faq.jsonl"
    assert source_id(document.id, document.uri) == document.id
    before = fingerprint(plain)
    plain.path.write_text("Other words.")
    assert fingerprint(plain) != before
    with pytest.raises(DocumentError, match="limit"):
        fingerprint(plain, max_bytes=3)


@given(st.text(max_size=20), st.text(max_size=20))
def test_source_ids_come_back(name: str, part: str) -> None:
    source = SourceItem("r", f"f{name}".replace("\ud800", ""), Path("/r/f"))
    if part and "\x00" not in part:
        fragment = quote(part.encode("utf-8", "replace").decode(), safe="")
        clean = part.encode("utf-8", "replace").decode()
        assert source_id(f"{source.id}#{clean}", f"{source.uri}#{fragment}") == source.id


def test_processes_read_what_this_one_would(make: Make) -> None:
    base = make(
        "docs", a_dot_pdf=pdf([[(72, 700, 12, "In print.")]]), b_dot_md="# Hi", 
        c_dot_docx=b"PK\x03\x04",
        d_dot_docx=docx(paragraph("Words.")), e_dot_txt=b"", f_dot_html="<p>Page.</p>",
    )  # fmt: skip
    here = list(load_all(expand([base]), Here()))
    apart = list(load_all(expand([base]), APART))
    assert apart == here
    assert [loaded.source.id for loaded in apart if loaded.reason] == ["c.docx", "e.txt"]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(load, here[0].source).result() == list(here[0].documents)


def test_a_file_that_takes_too_long_is_given_up_alone(make: Make) -> None:
    base = make(
        "docs", a_dot_pdf=pdf([[(72, 700, 12, "x")]]), b_dot_md="Text.", c_dot_pdf=b"%PDF-1."
    )
    found = list(load_all(expand([base]), replace(APART, seconds=lambda source: -1)))
    assert ["took longer" in loaded.reason for loaded in found] == [True, False, True]


def test_stopping_early_ends_the_processes(make: Make) -> None:
    base = make("docs", **{f"{i}_dot_pdf": pdf([[(72, 700, 12, "x")]]) for i in range(3)})
    loading = load_all(expand([base]), APART)
    assert next(loading).documents
    loading.close()


def test_a_file_that_goes_away_while_it_is_handed_out_ends_nothing(make: Make) -> None:
    base = make("docs", a_dot_pdf=b"%PDF-1.7", b_dot_md="two")
    sources = list(expand([base]))

    def gone(source: SourceItem) -> bool:
        source.path.unlink()
        return False

    found = list(load_all(sources, replace(APART, here=gone)))
    assert [bool(loaded.reason) for loaded in found] == [True, True]


def test_a_home_of_nobody_is_told() -> None:
    with pytest.raises(InputError, match="home of a user who is not known"):
        expand(["~no-such-user-here/docs"])
