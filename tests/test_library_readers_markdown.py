"""Markdown: what CommonMark shows is kept, what it hides is cut out, code is not touched."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.library.readers import Extracted, read_bytes
from graft.library.readers.commonmark import rewrite

PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 60


def read(name: str, text: str) -> Extracted:
    """Return the one text of a file."""
    (item,) = read_bytes(name, text.encode())
    return item


def text_of(markdown: str) -> str:
    return read("a.md", markdown + "\n\nEnd.").text.removesuffix("End.").strip("\n")


@pytest.mark.parametrize(
    "kept",
    [
        # Only a target with at most a quoted title defines a link (CommonMark 4.7)
        "[WARNING]: Do not open valve 7 while the pump runs.",
        "[10:42]: Lena reported a drop to 3 bar.\n[10:55]: Back to 6 bar.",
        "[Q1]: Which gasket fits pump 9?\n[A1]: Gasket type K-40.",
        "[STATUS]: Open\n[TOTAL]: 36.6\n[CHOICE]: yes/no\n[WHO]: J.Smith",
        '[said]: Yes "really"',
        "[speed]: http://a.b/c is the limit",
        "[a]: /b (title) and more",
        "Text goes on\n[p]: /not-a-definition",
        "> [WARNING]: Quoted too.",
        "- [Step 2]: Close the lid.",
        "[^1]: https://example.org stays, as notes do.",
        "[^note]: word",
        "[]: /empty",
        # brackets without a definition
        "array[i][j] and matrix[0][1], f[x](1, 2), [sic], [x] done",
        "a [b] (c) and [d] [e]",
        "see [1], [2][3] and [Smith 2020]",
        "- [ ] to do\n- [x] done\n- [X] done too",
        "\\[not](a-link) and \\[i\\]\\[j\\]",
        "[link](a b c.md) has no such target",
        "[unclosed](http://a.b",
        # words in angle brackets, comparisons
        "List<String>, Map<K, V>, a < b > c, x<y and y>z",
        "cp <source> <target>, the <video> element, <your-name> here",
        "a <!-- that nothing ends",
        "<!-- that nothing ends\n\nand goes on",
        "<script> is a word where nothing ends it",
        # signs
        "5 * 3 * 2, snake_case_name, 2 ** 8, ~5, #hashtag, C# and F#",
        "AT&T, R&D, a & b, ?a=1&copy=2",
        "$\\alpha \\# \\_ \\. x$ and \\(x\\)",
        "C:\\dir\\file, \\alpha",
        "/// just a comment of a program",
        "{braces} and {a: 1}, {{ template }}, {% tag %}",
        "data: is a word, data:text/plain;base64,SGVsbG8= an example",
        # code in any container
        "```\n<b>[x](y)</b> <!-- c --> &amp; [p]: /x\n===\n```",
        "~~~~ md\n```\n[a](b)\n```\n~~~~",
        "> ```\n> a[i][j] <b> [x](y)\n> ```",
        "- item\n\n  ```\n  <b>[x](y)</b>\n  ```",
        "1. one\n   - two\n\n     ```\n     [x](y) <!-- z -->\n     ```",
        "> - > ~~~\n>   > <i>[x](y)</i>\n>   > ~~~",
        "`[a](b)`, `` `<b>` [c](d) ``, `<!-- x -->`",
        "Text.\n\n    <b>[indented](code)</b> &amp;",
        "```\nnothing closes [this](one)",
        # what is not underlined
        "| a | b |\n| --- | --- |\n| `x \\| y` | z |",
        "Term\n\n---\n\nText",
        "- item\n---\n- item",
    ],
)
def test_what_is_shown_stays_as_it_was_written(kept: str) -> None:
    assert text_of(kept) == kept


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        # definitions and references
        ('See the [plan][p].\n\n[p]: https://e.org/p "The plan"', "See the plan."),
        ("[a][], [a] and [B c][a]\n\n[a]: <x y>\n'over\nlines'", "a, a and B c"),
        ("[the guide][guide]\n\n[guide]: guide", "the guide"),
        ("[a]:\n  /url\n  'title'\n\n[a] [b]", "a [b]"),
        ("[STATUS]: Open\n[p]: https://e.org\n\n[plan][p]", "[STATUS]: Open\n\nplan"),
        ("array[i][j]\n\n[j]: /j", "arrayi"),
        ("> [p]\n>\n> [p]: /x", "> p\n>\n>"),
        ("- [p]\n\n  [p]: ../x.md", "- p"),
        ("[//]: # (nobody reads this)\nText", "Text"),
        # links and images
        ("[a](b.md) ![c](d.png \"t\") [e](<f g> 'h') [i](j(k)l)", "a c e i"),
        ("[![badge](a.svg)](b) [![x](y)](z)[w](v)", "badge x w"),
        ("[a\nb](c\n'd') e", "a\nb e"),
        ("> [a\n> b](c\n> 'd') e", "> a\n> b e"),
        ("[a `]` b](c) [`code`](d)", "a `]` b `code`"),
        ("[a](javascript:x) [b](ftp://c) [d](#e) [](f)g", "a b d g"),
        ('[a]({{< ref "b.md" >}}) [c]({% link d %}) [e]({{ url }}/f)', "a c e"),
        ("<https://e.org/a> and <me@e.org>", "https://e.org/a and me@e.org"),
        ("| a | b |\n| - | - |\n| [x](y) | [x](z \\| w) [v](u) |",
         "| a | b |\n| - | - |\n| x | [x](z \\| w) v |"),
        ("| [a](b) | a |\n|-|-|\n| a \\| [c](d) | [e](f) |", "| a | a |\n|-|-|\n| a \\| c | e |"),
        # headings
        ("Title\n===\n\nOne\ntwo\n---\ntext", "# Title\n\n## One two\ntext"),
        ("> Quoted\n> ---\n> text", "> ## Quoted\n> text"),
        ("- In a list\n  ===\n  text", "- # In a list\n  text"),
        ("## [A](b) {#c}\n### B<br>c ###", "## A\n### B c ###"),
        # tags
        ("A <b>bold</b><br>line, H<sub>2</sub>O, 10<sup>3</sup>, <kbd>Ctrl</kbd>",
         "A bold\nline, H2O, 10^3, Ctrl"),
        ("| a |\n| - |\n| b<br>c<br/>d |", "| a |\n| - |\n| b c d |"),
        ("a <!-- b\nc --> d <!----> e", "a  d  e"),
        ("<!-- a\n\nb -->\nText", "Text"),
        ("<!-- a --> shown", "shown"),
        ("<div align=center>\n\n# A\n\n</div>", "# A"),
        ("<details>\n<summary>Why <b>so</b></summary>\n\nBecause.\n\n</details>",
         "Why so\n\nBecause."),
        ("<p>One</p><p>two</p>", "One\ntwo"),
        ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "- a\n- b"),
        ("> <ul>\n> <li>a</li>\n> <li>b</li>\n> </ul>", "> - a\n> - b"),
        ("<table>\n<tr><td>a</td><td>b</td></tr>\n\n<tr><td>c</td><td>d</td></tr>\n</table>\nx",
         "| a | b |\n| --- | --- |\n| c | d |\nx"),
        ("<pre>\na[i][j]\n  &lt;b&gt;\n</pre>", "```\na[i][j]\n  <b>\n```"),
        ("<details>\n```python\n<b>[x](y)\n```\n</details>", "```python\n<b>[x](y)\n```"),
        ("<script>\n\nlet a = '<b>';\n\n</script>\nx", "x"),
        ("a <svg width='1'><path d='M1'/></svg> b", "a  b"),
        ("<Tabs>\n<TabItem value='x' label='Use [it]'>\n\n**[a](b)**\n\n</TabItem>\n</Tabs>",
         "Use [it]\n\n**a**"),
        ("<input type='checkbox' checked> done", "[x]  done"),
        # entities, escapes, hard breaks
        ("&lt;b&gt; &copy; &#35; &nbsp;x &amp;amp;", "<b> © #  x &amp;"),
        ("| a |\n| - |\n| &#124; &gt; |", "| a |\n| - |\n| \\| > |"),
        ("&#35; no heading\n&gt; no quote", "\\# no heading\n\\> no quote"),
        ("snake\\_case, C\\#, 3\\.5, \\*no\\*", "snake_case, C#, 3.5, \\*no\\*"),
        ("one\\\ntwo  \nthree", "one\ntwo\nthree"),
        # what site generators add
        ("::: fastapi.APIRouter\n    options:", "fastapi.APIRouter\n    options:"),
        ("::: warning Hot [lid](x)\nText\n:::", "Hot lid\nText"),
        (":::note[Mind]{.a}\nText\n:::", "Mind\nText"),
        ("::: {.callout-tip}\nText\n:::", "Callout-tip\nText"),
        ("> /// note\n> Text\n> ///", "> Note\n> Text\n>"),
        ("!!! note\n\n    A [link](x) <b>b</b>.\n\n    - [y](z)",
         "!!! note\n\n    A link b.\n\n    - y"),
        ("[^1]: First.\n\n    Second [a](b).", "[^1]: First.\n\n    Second a."),
        ("Text[^1] {: .lead }\n{* ../a.py hl[1] *}", "Text[^1]"),
    ],
)  # fmt: skip
def test_what_is_not_shown_goes(markdown: str, text: str) -> None:
    assert text_of(markdown) == text


@pytest.mark.parametrize(
    ("markdown", "text", "left_out"),
    [
        (f"Fill.\n\n![Figure 1: the lid]({PICTURE})\n\nRest.",
         "Fill.\n\nFigure 1: the lid\n\nRest.", "1 images"),
        (f"[a drawing]({PICTURE.replace('png', 'svg+xml')})", "a drawing", "1 images"),
        ("![x](data:image/gif;base64,R0) [y](data:text/csv,a%20b)", "x y",
         "1 images, 1 embedded files"),
        ("![x](data:image/svg+xml;utf8,<svg a=\"rotate(4)\"><b></b></svg>) y", "x y", "1 images"),
        (f"![][image1]\n\n[image1]: <{PICTURE}>", "", "1 images"),
        ("![a][b]\n\n[b]: data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA\n"
         "AAAFCAYAAACNbyblAAAAHElE\nQg==", "a", "1 images"),
        (f"> - ![a]({PICTURE})", "> - a", "1 images"),
        (f"| a |\n| - |\n| ![b]({PICTURE}) |", "| a |\n| - |\n| b |", "1 images"),
        (f"a <img src='{PICTURE}' alt='b'> c", "a  c", "1 images"),
        (f"<p>\n<img src=\"{PICTURE}\">\n</p>\nc", "c", "1 images"),
        (f"<table><tr><td><img src='{PICTURE}'>a<td>b</table>", "| a | b |\n| --- | --- |",
         "1 images"),
        (f"See {PICTURE} here.", "See  here.", "1 images"),
        (f"<{PICTURE}>", "", "1 images"),
        ("a <!-- b --> c\n\n<!-- d -->\n\n[//]: # (e)", "a  c", "3 comments"),
    ],
)  # fmt: skip
def test_embedded_files_go_and_are_counted(markdown: str, text: str, left_out: str) -> None:
    item = read("a.md", markdown + "\n\nEnd.")
    assert item.text.removesuffix("End.").strip("\n") == text
    assert item.metadata["left_out"] == left_out


def test_what_stands_deep_is_kept() -> None:
    deep = "<ul><li>" * 3000 + "word" + "</li></ul>" * 3000
    for text in (deep, "![" * 3000 + "word" + "](b)" * 3000, "> - " * 3000 + "word"):
        assert "word" in read("a.md", text).text
    assert rewrite("[^1]: a\n\n    \0b", Counter()) == "[^1]: a\n\n    b"


def test_embedded_files_in_code_stay() -> None:
    assert read("a.md", f"```\n![a]({PICTURE})\n```").text == f"```\n![a]({PICTURE})\n```"


def test_embedded_files_of_pages_go_and_are_counted() -> None:
    page = (
        f"<main><p>Lid <img src='{PICTURE}' alt='x'> and <a href='data:text/csv,a'>rows</a>.</p>"
        f"<p>{PICTURE}</p><pre>{PICTURE}</pre></main>"
    )
    item = read("a.html", page)
    assert item.text == f"Lid and rows.\n\n```\n{PICTURE}\n```"
    assert item.metadata["left_out"] == "3 images, 1 embedded files"


def test_notebooks() -> None:
    def display(**data: str) -> dict[str, object]:
        return {
            "output_type": "display_data",
            "data": {key.replace("_", "/"): value for key, value in data.items()},
        }

    here = "<IPython.core.display.Markdown object>"
    cells = [
        {"cell_type": "markdown", "source": [f"![a]({PICTURE})\n", "m[i][j] <!-- b -->"],
         "attachments": {"c.png": {}}},
        {"cell_type": "raw", "source": "Raw text."},
        {"cell_type": "code", "source": "x", "outputs": [
            {"output_type": "stream", "text": f"\x1b[31mred\x1b[0m {PICTURE}\n"},
            display(image_png="iVBO", text_plain="<Figure size 640x480>"),
            display(text_plain=here, text_markdown="**Ten** [days](x)"),
            display(text_plain="<IPython.core.display.HTML object>", text_html="<h2>Sum</h2>"),
            display(text_plain="   a\n0  1", text_html="<table><tr><td>1</table>"),
            {"output_type": "error", "ename": "KeyError", "evalue": "'a'"}]},
        {"cell_type": "code", "source": "y", "outputs": [{"text": "z" * 3000}]},
    ]  # fmt: skip
    item = read("a.ipynb", json.dumps({"cells": cells}))
    assert item.text.split("\n\n")[:4] == ["a\nm[i][j]", "Raw text.", "```python\nx\n```",
        "```\nred\n<Figure size 640x480>   a\n0  1KeyError: 'a'\n```"]  # fmt: skip
    assert item.text.split("\n\n")[4:6] == ["**Ten** days", "## Sum"]
    assert item.metadata["left_out"] == "4 images, 1 comments, 1 cut results"


def test_front_matter_of_toml() -> None:
    item = read("a.md", '+++\ntitle = "Leave"\ntags = ["a", "b"]\naccess = "hr"\n+++\nTen days.')
    assert (item.title, item.text, item.access) == ("Leave", "Ten days.", ("hr",))
    assert item.metadata == {"tags": "a, b"}
    assert read("a.md", "+++\nnot toml\n+++\nx").text.startswith("+++")


words = st.lists(
    st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"], exclude_characters="_"), min_size=1)
    .map(lambda word: word + "q"),
    min_size=1, max_size=6,
)  # fmt: skip


@given(st.text(st.characters(codec="utf-8", exclude_characters="[]<>\\`&{}=~:/-\r\x00")))
@settings(max_examples=200)
def test_a_text_without_marks_comes_out_as_it_went_in(text: str) -> None:
    assert rewrite(text, Counter()) == text


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n`\x00")),
    st.sampled_from(["", "> ", "- ", "1. ", "> - "]),
)
@settings(max_examples=200)
def test_code_is_kept_byte_by_byte(code: str, prefix: str) -> None:
    rest = re.sub(r"[^> ]", " ", prefix)
    fenced = f"{prefix}```x\n{rest}{code}\n{rest}{code}\n{rest}```\n"
    text = f"# A\n\n{fenced}\n[b](c)\n\n    d[e](f){code}"
    assert rewrite(text, Counter()) == f"# A\n\n{fenced}\nb\n\n    d[e](f){code}"


pieces = st.one_of(
    words.map(" ".join),
    words.map(lambda w: f"[{' '.join(w)}](https://e.org/a_(b) 'c')"),
    words.map(lambda w: f"![{' '.join(w)}](a.png)"),
    words.map(lambda w: f"[{' '.join(w)}]"),
    words.map(lambda w: f"[{' '.join(w)}][known]"),
    words.map(lambda w: f"[{' '.join(w)}]: {' '.join([*w, 'x', 'y'])}"),
    words.map(lambda w: f"`{' '.join(w)}`"),
    words.map(lambda w: f"**{' '.join(w)}** _{w[0]}_"),
    words.map(lambda w: f"<b>{' '.join(w)}</b>"),
    words.map(lambda w: f"<{w[0]}> {' '.join(w)}"),
    st.sampled_from(
        ["<br>", "<!-- c -->", "&amp;", "\\*", "[", "]", "](", "`", "<", "{", "---", "|"]
    ),
)
lines = st.lists(pieces, min_size=1, max_size=4).map(" ".join)
starts = st.sampled_from(
    ["", "", "", "> ", "- ", "  - ", "12. ", "> > ", "# ", "### ", "    ", "| "]
)
ends = st.sampled_from(["\n", "\n", "\n\n", "\n===\n", "\n---\n", "\n```\n", "  \n", "\\\n"])
documents = st.lists(st.tuples(starts, lines, ends).map("".join), min_size=1, max_size=8).map(
    "".join
)


@given(documents)
@settings(max_examples=400, deadline=None)
def test_no_word_is_lost(document: str) -> None:
    # Of words that end in q every one is shown, whatever the marks around it come to mean.
    source = f"{document}\n\n[known]: https://e.org 'title'\n"
    hidden = r"<!--[^q]*-->"
    wanted = Counter(re.findall(r"\w*q\b", re.sub(hidden, "", source)))
    assert not wanted - Counter(re.findall(r"\w*q\b", rewrite(source, Counter())))
