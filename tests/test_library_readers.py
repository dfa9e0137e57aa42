"""Text formats: HTML, Markdown, JSON, mail and other markup."""

from __future__ import annotations

import json

import pytest

from graft.core.errors import DocumentError
from graft.library.readers import Extracted, read_bytes
from tests.library_files import epub


def refused(name: str, data: bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        read_bytes(name, data)
    return str(caught.value)


def read(name: str, data: bytes | str) -> Extracted:
    """Return the one text of a file."""
    found = read_bytes(name, data.encode() if isinstance(data, str) else data)
    assert len(found) == 1
    return found[0]


def test_html_keeps_content_and_drops_menus() -> None:
    page = """<html lang="en"><head><title>Guide - Docs</title></head><body class="has-sidebar">
    <nav>Home Products</nav><div id="cookie-banner">We use cookies</div><div class="sidebar"><ul>
    <li><a href=a>Intro</a></ul></div><main><nav class="breadcrumbs">A / B</nav><article>
    <header><h1>Guide<a class="headerlink" href="#g">¶</a></h1></header>
    <p>Call <code>run()</code> with<br>care, 10<sup>3</sup> times<sup><a href="#n">4</a></sup>.</p>
    <aside class="admonition note"><p>Mind the gap.</p></aside>
    <ol start="3"><li>three<ul><li>inner</ul><li><p>four</p></ol>
    <div class="highlight-python"><pre><code>if x:\n    y()</code></pre></div>
    <table><tr><th rowspan=2>A<th>B<tr><td>1</table><script>no()</script>
    <blockquote>Said.<footer>Someone</footer></blockquote></article></main>
    <footer>Copyright</footer></body></html>"""
    item = read("a.html", page)
    assert item.text.split("\n\n") == [
        "# Guide", "Call `run()` with\ncare, 10^3 times [4].", "Mind the gap.",
        "3. three\n    - inner\n4. four", "```python\nif x:\n    y()\n```",
        "| A | B |\n| --- | --- |\n| A | 1 |", "Said.", "Someone",
    ]  # fmt: skip
    assert item.title == "Guide - Docs" and item.metadata["language"] == "en"


def test_html_that_is_all_menu_by_its_names_stays() -> None:
    page = (
        "<body><div class='sidebar'>" + "<p>Words of the only content there is.</p>" * 9 + "</div>"
    )
    assert read("a.html", page).text.count("only content") == 9
    deep = "<div>" * 20_000 + "deep words" + "</div>" * 20_000
    assert "deep" in read("a.html", deep).text


def test_markdown() -> None:
    text = """---
title: Leave policy
tags: [hr, leave]
access: [staff]
---
Heading {#anchor}
=======

A <b>bold</b> [link](../x.md) and ![alt](i.png), `<b>` stays. <!-- hidden -->
{{< note >}}Mind.{{< /note >}} {{< term text="pod" id="p" >}} &amp; List<String>

/// tip | Good to know
It works.
///

```html
<b> [x](y) <!-- kept -->
```
[ref]: http://example.org
"""
    item = read("a.md", text.replace("\n", "\r\n"))
    assert item.title == "Leave policy" and item.access == ("staff",)
    assert item.metadata == {"tags": "hr, leave", "left_out": "1 comments"}
    assert item.text.split("\n\n") == [
        "# Heading", "A bold link and alt, `<b>` stays.\nMind. pod & List<String>",
        "Good to know\nIt works.", "```html\n<b> [x](y) <!-- kept -->\n```",
    ]  # fmt: skip
    assert "access" in refused("a.md", b"---\naccess: 3\n---\nx")
    assert "YAML" in refused("a.md", b"---\naccess: [a\n---\nx")
    assert read("a.md", "---\nnot: [yaml\n---\nx").text.endswith("x")


def test_markdown_table_in_html() -> None:
    item = read(
        "a.md",
        "Before\n<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>`2`</td></tr></table>",
    )
    assert "| A | B |\n| --- | --- |\n| 1 | `2` |" in item.text


def test_source_code_is_fenced() -> None:
    assert (
        read("a.py", "# no heading\nx = '```'").text == "````python\n# no heading\nx = '```'\n````"
    )
    assert read("notes.txt", "# as it is").title == "as it is"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimited(delimiter: str) -> None:
    rows = [["name", "say"], ["Ann", '"a, b"'], ["Bo", ""]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    item = read("a.csv", text)
    assert item.text == "| name | say |\n| --- | --- |\n| Ann | a, b |\n| Bo |  |"


def test_json_records_and_values() -> None:
    one = read(
        "a.json", json.dumps({"title": "T", "content": "Body", "lang": "en", "access": "hr"})
    )
    assert (one.suffix_id, one.title, one.text, one.access) == ("", "T", "Body", ("hr",))
    assert one.metadata == {"lang": "en"}
    many = read_bytes(
        "a.json",
        json.dumps([{"id": 5, "text": "a"}, {"text": "b"}, {"id": 5, "text": "c"}]).encode(),
    )
    assert [item.suffix_id for item in many] == ["5", "2", "5~3"]
    plain = read("a.json", '{"name": "x", "sizes": [1, 2], "in": {"deep": true}, "no": null}')
    assert plain.text == "name: x\nsizes: 1, 2\nin:\n  deep: true\nno:"
    assert "not valid JSON" in refused("a.json", b'{"a": ')
    assert "access" in refused("a.json", b'{"text": "x", "access": 3}')


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"text": "a"}\n{broken\n{"text": "b"}', "2"),
        ('{"text": "a"}\n{"text": "b"}\n{"text": "cut o', "3"),
        ('{broken\r\n\r\n{"text": "a"}\r\n{"text": "b"}\r\n', "1"),
        ('\ufeff{"text": "a"}\nnull}\n{"text": "c", "access": 3}\n{"text": "b"}', "2 and 3"),
        ('{"text": "a"},\n{"text": "b"},\n', ""),
        ('[\n{"text": "a"},\n{"text": "b"}\n]\n', ""),
        ('{"text": "a"}\n{\n{\n{\n{"text": "b"}\n{', "2 and 3 and 4 and more"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rows_that_cannot_be_read_are_left_out_and_named(
    text: str, lines: str, encoding: str
) -> None:
    for name in ("a.jsonl", "a.json"):
        if name == "a.json" and lines in ("", "1"):
            continue
        found = read_bytes(name, text.encode(encoding))
        assert [item.text for item in found] == ["a", "b"]
        told = [item.metadata.get("left_out", "") for item in found]
        assert ["line" in each for each in told] == [bool(lines), False]
        assert told[0].endswith(f"rows that cannot be read (line {lines})" if lines else "")


def test_json_lines() -> None:
    rows = [{"id": "x", "text": "a", "access": ["b"]}, {"q": "no text", "n": 1}, {"text": "  "}]
    lines = "\n".join(json.dumps(row) for row in rows)
    found = read_bytes("a.jsonl", lines.encode())
    assert [(i.suffix_id, i.text, i.access) for i in found] == [
        ("x", "a", ("b",)), ("2", "q: no text\nn: 1", ()), ("3", "text:", ()),
    ]  # fmt: skip
    assert "line 1" in refused("a.jsonl", b'{"text": \n{broken')
    assert len(read_bytes("a.json", lines.encode())) == 3


def test_epub() -> None:
    item = read(
        "a.epub", epub({"one": "<h1>One</h1><p>Text.</p>", "two": "<h1>Two</h1><p>More.</p>"})
    )
    assert item.text == "# One\n\nText.\n\n# Two\n\nMore." and item.title == "A Book"
    assert item.metadata == {"author": "Ada"}


def test_mail() -> None:
    message = (
        "From: =?utf-8?q?J=C3=BCrgen?= <j@x.de>\nTo: b@y.org\nSubject: =?iso-8859-1?q?Gr=FC=DFe?=\n"
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n'
        'Content-Type: multipart/alternative; boundary="c"\n\n--c\n'
        "Content-Type: text/plain\n\nHi all\n"
        "--c\nContent-Type: text/html\n\n<p>Hi <b>all</b></p><ul><li>one</ul>\n--c--\n--b\n"
        'Content-Type: application/pdf; name="plan.pdf"\n'
        "Content-Disposition: attachment\n\nxx\n--b--\n"
    )
    item = read("a.eml", message)
    assert item.text == (
        "# Grüße\n\nFrom: Jürgen <j@x.de>\nTo: b@y.org\n\nHi all\n\n- one\n\nAttachments: plan.pdf"
    )
    assert item.title == "Grüße" and item.metadata["attachments"] == "plan.pdf"
    sealed = b"From: a\nSubject: s\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nMIAG"
    assert "encrypted" in refused("a.eml", sealed)
    box = (
        b"From a@b Mon Jan  1 00:00:00 2024\nFrom: a\nSubject: s1\nMessage-ID: <m1>\n\none\n\n" * 2
    )
    assert [m.suffix_id for m in read_bytes("a.mbox", box)] == ["m1", "m1~2"]


def test_markup_languages() -> None:
    rst = (
        "Title\n=====\n\nSee :ref:`the x <y>` and ``code``::\n\n    run()\n\n"
        ".. note:: Mind.\n\n* item\n\nSub\n---\n\n==  ==\nA   B\n==  ==\n1   2\n==  ==\n"
    )
    assert read("a.rst", rst).text.split("\n\n") == [
        "# Title", "See `the x` and `code`:", "```\nrun()\n```", "Note: Mind.", "- item", "## Sub",
        "| A | B |\n| --- | --- |\n| 1 | 2 |",
    ]  # fmt: skip
    org = (
        "#+TITLE: T\n* Top :tag:\n:PROPERTIES:\n:ID: 1\n:END:\ntext [[u][link]]\n"
        "#+begin_src sh\nls\n#+end_src\n"
    )
    item = read("a.org", org)
    assert item.title == "T" and item.text == "# Top\n\ntext link\n```sh\nls\n```"
    adoc = (
        "= Doc\n:toc:\n\n== Part\n\n* one\n** two\n\n[source,sh]\n----\nls\n----\n\n"
        "|===\n|A |B\n\n|1 |2\n|===\n"
    )
    assert read("a.adoc", adoc).text.split("\n\n") == [
        "# Doc", "## Part", "- one\n    - two", "```sh\nls\n```",
        "| A | B |\n| --- | --- |\n| 1 | 2 |",
    ]  # fmt: skip


def test_latex() -> None:
    source = r"""\documentclass{article}\title{On \emph{Leave}}\begin{document}
\section{Days} Ten\footnote{or so} days\cite{x}. % gone
\begin{enumerate}\item one \item two\end{enumerate}
\begin{equation}a_{1}\label{e}\end{equation} and $b_2$.
\begin{tabular}{ll}A & B \\ \hline 1 & 50\% \\\end{tabular}
\end{document}"""
    item = read("a.tex", source)
    assert item.title == "On Leave"
    assert item.text.split("\n\n") == [
        "# On Leave", "## Days", "Ten (or so) days[x].", "1. one\n2. two", "$$a_{1}$$",
        "and $b_2$.",
        "| A | B |\n| --- | --- |\n| 1 | 50% |",
    ]  # fmt: skip


def test_xml_articles_and_data() -> None:
    article = (
        "<article><front><article-meta><article-id>9</article-id><title-group><article-title>T"
        "</article-title></title-group><contrib-group><contrib contrib-type='author'><name>"
        "<surname>Ng"
        "</surname><given-names>A</given-names></name></contrib></contrib-group><abstract><p>"
        "Short.</p>"
        "</abstract></article-meta></front><body><sec><title>Aim</title><p>CO<sub>2</sub> at "
        "10<sup>7"
        "</sup><list><list-item><p>x</p></list-item></list></p></sec></body></article>"
    )
    assert read("a.nxml", article).text.split("\n\n") == [
        "# T", "A Ng", "## Abstract", "Short.", "## Aim", "CO2 at 10^7", "- x",
    ]  # fmt: skip
    data = (
        "<book><country code='fr'><name>France</name></country><country><name>Oman</name>"
        "</country></book>"
    )
    assert read("a.xml", data).text == (
        "book:\n  country:\n    code: fr\n    name: France\n\n  country:\n    name: Oman"
    )


def test_rtf_and_notebook() -> None:
    item = read("a.rtf", rb"{\rtf1\ansi\ansicpg1252 Caf\'e9\par Second}")
    assert item.text == "Café\n\nSecond"
    book = {"cells": [{"cell_type": "markdown", "source": ["# Top\n", "text"]},
                      {"cell_type": "code", "source": "1+1",
                       "outputs": [{"text": ["2"]}]}]}  # fmt: skip
    assert read("a.ipynb", json.dumps(book)).text == (
        "# Top\ntext\n\n```python\n1+1\n```\n\n```\n2\n```"
    )
    assert "notebook" in refused("a.ipynb", b"[]")
