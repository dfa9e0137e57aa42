import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.library.segment.blocks import blocks


def read(text: str, media_type: str = "text/markdown") -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in blocks(text, media_type)]


def headings(text: str, media_type: str = "text/markdown") -> list[tuple[str, ...]]:
    return [block.headings for block in blocks(text, media_type) if block.kind == "heading"]


def test_headings_form_paths() -> None:
    text = "# A\n## B\n### C\n## D #\n# **E** [f](g.md)\n#not one\n####### nor this\n"
    assert headings(text) == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E f",)]


def test_a_heading_of_a_skipped_level_stands_under_what_is_above() -> None:
    assert headings("### deep\n# top\n#### deeper") == [("deep",), ("top",), ("top", "deeper")]


def test_attributes_and_code_marks_are_no_part_of_a_heading() -> None:
    assert headings("## `typing` { #typing }\n## Use {x}\n") == [("typing",), ("Use {x}",)]


def test_setext_headings() -> None:
    assert headings("One\n===\n\nTwo\n-----\n\ntext") == [("One",), ("One", "Two")]


@pytest.mark.parametrize(
    "text", ["para one\nline two\n---\n", "- item\n---\n", "---\n\ntext", "a\n--\n", "***\n---\n"]
)
def test_a_rule_makes_no_heading(text: str) -> None:
    assert headings(text) == []


def test_restructured_headings_take_their_levels_in_order() -> None:
    text = "=====\nTitle\n=====\n\nPart\n----\n\nDeep\n~~~~\n\nNext\n----\n\nlonger than it\n---\n"
    expected = [("Title",), ("Title", "Part"), ("Title", "Part", "Deep"), ("Title", "Next")]
    assert headings(text, "text/x-rst") == expected
    assert headings(text, "text/plain") == expected


def test_front_matter_is_no_heading() -> None:
    assert read("---\ntitle: x\n---\n\ntext") == [
        ("code", "---\ntitle: x\n---"),
        ("paragraph", "text"),
    ]


def test_a_sign_in_plain_text_heads_a_section_only_between_blank_lines() -> None:
    script = "# comment\nrun\n\n# another\nrun more"
    assert headings(script, "text/plain") == []
    assert len(headings(script)) == 2
    assert headings("# Title\n\ntext\n\n## Part\n\nmore", "text/plain") == [
        ("Title",),
        ("Title", "Part"),
    ]


def test_fenced_code_is_one_block_and_hides_headings() -> None:
    text = "a\n\n````md\n# no\n```\n# no\n```\n\n````\n\n# yes\n"
    assert [kind for kind, _ in read(text)] == ["paragraph", "code", "heading"]
    assert headings(text) == [("yes",)]
    assert read("- ```sh\n  run\n  ```\n- two")[0] == ("code", "- ```sh\n  run\n  ```")


def test_a_fence_that_nothing_closes_is_text() -> None:
    assert headings("```\ncode\n\n# Heading\n\n~~~\nx\n~~~") == [("Heading",)]


def test_a_fence_breaks_a_paragraph_off() -> None:
    text = "Run:\n```\nx = 1\n\ny = 2\n```\nDone."
    assert [kind for kind, _ in read(text)] == ["paragraph", "code", "paragraph"]


def test_indented_code_after_a_blank_line_but_not_in_a_list() -> None:
    assert read("text\n\n    x = 1\n\n    y = 2\n\nend") == [
        ("paragraph", "text"),
        ("code", "    x = 1\n\n    y = 2"),
        ("paragraph", "end"),
    ]
    assert [kind for kind, _ in read("- item\n\n    more of it\n\nend")] == [
        "item",
        "paragraph",
        "paragraph",
    ]
    assert [kind for kind, _ in read("text\n\n    indented prose", "text/plain")] == [
        "paragraph",
        "paragraph",
    ]


def test_tables() -> None:
    ruled = "a | b\n---|---\n1 | 2\n3 | 4"
    boxed = "| a | b |\n| 1 | 2 |"
    assert read(f"{ruled}\n\n{boxed}\n\na | b\nno table") == [
        ("table", ruled),
        ("table", boxed),
        ("paragraph", "a | b\nno table"),
    ]


def test_list_items_are_blocks_with_their_continued_lines() -> None:
    text = "Do:\n- one\n  more\n  * deep\n1. two\n2) three\n\na) four"
    found = blocks(text)
    assert [text[block.start : block.end].strip() for block in found] == [
        "Do:",
        "- one\n  more",
        "* deep",
        "1. two",
        "2) three",
        "a) four",
    ]
    assert [block.depth for block in found if block.kind == "item"] == [0, 2, 0, 0, 0]


def test_a_year_at_the_start_of_a_line_is_no_item() -> None:
    assert read("It was in\n2019. Then it\n19. ended") == [
        ("paragraph", "It was in\n2019. Then it\n19. ended")
    ]


lines = st.lists(
    st.sampled_from(
        ["# a", "text", "", "```", "~~~~", "| a |", "|---|", "- i", "    x", "===", "---", "1. b"]
    ),
    max_size=14,
)


@given(lines, st.sampled_from(["text/markdown", "text/plain", "text/x-rst"]))
def test_blocks_are_in_order_and_hold_every_visible_character(rows: list[str], kind: str) -> None:
    text = "\n".join(rows)
    found = blocks(text, kind)
    held = {i for block in found for i in range(block.start, block.end)}
    assert all(character.isspace() or i in held for i, character in enumerate(text))
    assert all(one.end <= two.start for one, two in pairwise(found))


def test_many_open_fences_take_no_quadratic_time() -> None:
    text = "\n".join("`" * (3 + i % 50) + " x" for i in range(20_000))
    assert {block.kind for block in blocks(text)} == {"paragraph"}


@pytest.mark.parametrize(
    "text",
    ["# a{}b", "# a{}{{x", "## a {{#b}}{}##c", "a | b\n{}| x", "a | b\n| ---{}x |", "{}b\n==="],
)
def test_long_runs_of_spaces_take_no_quadratic_time(text: str) -> None:
    started = time.process_time()
    assert blocks(text.format(" " * 200_000))
    assert time.process_time() - started < 1


def test_a_rule_of_a_table_is_of_dashes_and_colons_between_pipes() -> None:
    for rule in ("---|", "|---|:-:|", "  | :-- | --: ", "-|-"):
        assert read(f"a | b\n{rule}\nc | d")[0][0] == "table"
    for rule in ("||", "|---||---|", "| -- - |", "|:|", "|---|x|"):
        assert read(f"a | b\n{rule}\nc | d")[0][0] == "paragraph"
