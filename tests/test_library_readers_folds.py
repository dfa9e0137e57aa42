"""What a page folds away is content; what stays hidden is counted; questions are headings."""

from __future__ import annotations

import pytest

from graft.library.readers import Extracted, read_bytes

LEAD = "<h1>Harbour help</h1><p>Answers to what passengers ask us about the crossing.</p>"


def page(body: str, head: str = "") -> Extracted:
    html = f"<!doctype html><html><head><title>Help</title>{head}</head><body><main>{LEAD}{body}"
    return read_bytes("a.html", html.encode())[0]


@pytest.mark.parametrize("body", [
    '<div><button aria-expanded="false">Dogs</button>'
    '<div style="display: none">Muzzles on</div></div>',
    "<div><h3>Dogs</h3><div hidden><p>Muzzles on</p></div></div>",
    '<dl><dt>Dogs</dt><dd style="display:none">Muzzles on</dd></dl>',
    "<details><summary>Dogs?</summary><p>Muzzles on</p></details>",
    '<div class="panel" aria-hidden="true"><p>Muzzles on</p></div>',
    '<ul role="tablist"><li><a role="tab" href="#t2">Dogs</a></li></ul>'
    '<section id="t2" style="visibility:hidden">Muzzles on</section>',
    '<div class="tab-pane active">One</div>'
    '<div class="tab-pane" style="display:none">Muzzles on</div>',
    '<p>Short <a onclick="show(\'rest\')">more</a></p>'
    '<div id="rest" style="display:none">Muzzles on</div>',
    '<div hidden="until-found">Muzzles on</div>',
    '<x-card><template shadowrootmode="open"><p>Muzzles on</p></template></x-card>',
    '<table><tr><th>A<th>B<tr><td>Dogs<td><span class="sr-only">Muzzles on</span></table>',
])  # fmt: skip
def test_what_a_click_opens_is_content(body: str) -> None:
    found = page(body)
    assert "Muzzles on" in found.text
    assert "left_out" not in found.metadata


@pytest.mark.parametrize("body", [
    "<template><p>Secret</p></template>",
    '<div id="cookie-banner" style="display:none">Secret</div>',
    '<p style="display:none">Secret</p>',
    '<p>Price 5 <span class="visually-hidden">Secret</span></p>',
    '<a href="/x">Fees <span class="sr-only">Secret</span></a>',
    '<div hidden class="loading">Secret</div>',
])  # fmt: skip
def test_what_stays_hidden_is_counted(body: str) -> None:
    found = page(body)
    assert "Secret" not in found.text
    assert found.metadata["left_out"] == "1 hidden elements"


@pytest.mark.parametrize("body", [
    '<h2><button class="accordion-button collapsed" type="button">May I bring a dog?</button></h2>',
    '<div><button aria-expanded="false" aria-controls="p">May I bring a dog?</button><div id="p">',
    "<details><summary>May I bring a dog?</summary>",
    '<ul><li><button>May I bring a dog?</button><div>',
    '<div role="button" aria-expanded="true">May I bring a dog?</div><div>',
    '<h4><a data-toggle="collapse" href="#q">May I bring a dog?</a></h4><div id="q">',
])  # fmt: skip
def test_questions_in_controls_are_headings(body: str) -> None:
    lines = page(body + "Yes, with a muzzle.").text.split("\n")
    place = next(n for n, line in enumerate(lines) if line.endswith("# May I bring a dog?"))
    assert "Yes, with a muzzle." in lines[place + 2]


def test_buttons_carry_words_or_are_counted() -> None:
    found = page("<p>Press <button>Save</button> to keep it.</p><button>Copy</button>")
    assert "Press Save to keep it." in found.text
    assert found.metadata["left_out"] == "1 buttons"
    assert "Copy" not in found.text


def test_the_head_is_metadata() -> None:
    head = (
        '<meta name="author" content="Ada Quay"><meta name="description" content="On ferries">'
        '<meta property="article:published_time" content="2026-03-03T10:00:00Z">'
        '<meta http-equiv="last-modified" content="Tue, 3 Mar 2026 10:00:00 +0100">'
    )
    assert page("", head).metadata == {
        "author": "Ada Quay",
        "description": "On ferries",
        "date": "2026-03-03T10:00:00Z",
        "modified": "2026-03-03T10:00:00+01:00",
    }
