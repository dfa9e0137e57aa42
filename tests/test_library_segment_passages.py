import functools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.document import Document, Passage, passage_id
from graft.core.errors import ConfigError
from graft.core.protocols import Tokenizer
from graft.core.space import Segmentation
from graft.library.segment import segment
from graft.models.tokenizer import WordTokenizer, load_tokenizer

WORDS = WordTokenizer()


@dataclass(frozen=True)
class DearStart:
    """Counts up to six tokens more for the first word, as byte-pair tokenizers may do."""

    name: str = "dear-start"

    def offsets(self, text: str) -> list[tuple[int, int]]:
        found = WORDS.offsets(text)
        start, end = found[0] if found else (0, 0)
        return [(i, i + 1) for i in range(start, min(start + 6, end))] + found


def cut(
    text: str,
    *,
    title: str = "",
    media_type: str = "text/markdown",
    tokenizer: Tokenizer = WORDS,
    **limits: int,
) -> list[Passage]:
    document = Document("d", text, title, media_type)
    limits = {"max_tokens": 40, "min_tokens": 8, **limits}
    segmentation = Segmentation(tokenizer=tokenizer.name, **limits)  # type: ignore[arg-type]
    return list(segment(document, segmentation, tokenizer))


word = st.sampled_from(
    [
        "leave",
        "Dr.",
        "carry",
        "3.14",
        "x" * 90,
        "naïve",
        "日本語。",
        "🙂🙂",
        "שלום",
        "`a`",
        "etc.",
        "e.g.",
    ]
)
line = st.lists(word, min_size=1, max_size=14).map(" ".join)
sentence = st.tuples(line, st.sampled_from([".", "!", "?", "", ":", "。", '."'])).map("".join)
part = st.one_of(
    sentence,
    st.lists(sentence, min_size=2, max_size=6).map(" ".join),
    st.tuples(st.sampled_from(["# ", "## ", "### "]), line).map("".join),
    line.map(lambda title: f"{title}\n======"),
    st.lists(line, min_size=1, max_size=8).map(lambda rows: "```py\n" + "\n".join(rows) + "\n```"),
    st.lists(line, min_size=1, max_size=8).map(lambda rows: "\n".join(f"    {r}" for r in rows)),
    st.lists(line, min_size=1, max_size=6).map(lambda rows: "\n".join(f"- {r}" for r in rows)),
    st.lists(line, min_size=1, max_size=6).map(
        lambda rows: "| a | b |\n|---|---|\n" + "\n".join(f"| {r} | 1 |" for r in rows)
    ),
    st.sampled_from(
        ["```", "---", "|", "\f", "\u2028", "\x1c", "\u200b", "\ud800", "#", "-", "    "]
    ),
    st.text(max_size=30),
)
gap = st.sampled_from(["\n\n", "\n", "\r\n\r\n", "\r", " ", "\n \n\n", "\f"])
texts = st.lists(st.tuples(part, gap).map("".join), max_size=12).map("".join)
limits = st.fixed_dictionaries(
    {"max_tokens": st.integers(16, 70), "min_tokens": st.integers(0, 30)}
)
kinds = st.sampled_from(["text/markdown", "text/plain", "text/x-rst"])
titles = st.one_of(st.just(""), line, st.text(max_size=12))
tokenizers = st.sampled_from([WORDS, DearStart()])


@settings(max_examples=150, deadline=None)
@given(texts, titles, limits, kinds, tokenizers)
def test_passages_are_spans_that_hold_every_character_once_within_the_limit(
    text: str, title: str, limits: dict[str, int], kind: str, tokenizer: Tokenizer
) -> None:
    found = cut(text, title=title, media_type=kind, tokenizer=tokenizer, **limits)
    held: set[int] = set()
    for passage in found:
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip()
        held.update(range(passage.start, passage.end))
        assert len(tokenizer.offsets(passage.indexed_text)) + 2 <= limits["max_tokens"]
    assert all(one.end <= two.start for one, two in pairwise(found))
    lost = [i for i, character in enumerate(text) if not character.isspace() and i not in held]
    assert lost == []
    assert len({passage.id for passage in found}) == len(found)


@settings(max_examples=60, deadline=None)
@given(texts, limits, st.integers(1, 30))
def test_overlap_repeats_no_more_than_asked_and_keeps_all_else(
    text: str, limits: dict[str, int], overlap: int
) -> None:
    overlap = min(overlap, limits["max_tokens"] // 3)
    found = cut(text, overlap=overlap, **limits)
    held = {i for passage in found for i in range(passage.start, passage.end)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in held)
    for one, two in pairwise(found):
        assert one.start < two.start
        assert one.end <= two.end
        if two.start < one.end:
            assert len(WORDS.offsets(text[two.start : one.end])) <= overlap
        assert len(WORDS.offsets(two.indexed_text)) + 2 <= limits["max_tokens"]


@settings(max_examples=60, deadline=None)
@given(st.lists(line, min_size=1, max_size=12).map("\n".join), limits)
def test_no_word_is_cut_that_fits(text: str, limits: dict[str, int]) -> None:
    plain = re.sub(r"[^\x00-\x7f]", "z", text)
    for passage in cut(plain, **limits):
        for place in (passage.start, passage.end):
            assert place in (0, len(plain)) or (plain[place - 1] + plain[place]).split() != [
                plain[place - 1] + plain[place]
            ]


def test_ids_pages_and_titles() -> None:
    text = "The first page is here. Read it.\n\nThe second page is here. Read it."
    document = Document("d", text, "Guide", pages=(0, 34))
    segmentation = Segmentation(tokenizer="words", max_tokens=16, min_tokens=0)
    one, two = segment(document, segmentation, WORDS)
    assert (one.page, two.page) == (1, 2)
    assert (one.title, one.segmentation) == ("Guide", segmentation.id)
    assert two.id == passage_id("d", document.text_hash, (34, 67), segmentation.id)


def test_a_document_without_pages_has_none() -> None:
    assert cut("text")[0].page is None


@pytest.mark.parametrize("text", ["", " \n\t\f\r\n ", "\u2003\u3000"])
def test_a_document_without_visible_text_has_no_passages(text: str) -> None:
    assert cut(text, title="Title") == []
    assert list(segment(Document("d", text), Segmentation(method="whole"), WORDS)) == []


def test_whole_is_one_passage_of_any_length() -> None:
    text = "\n# One\n\n" + "word " * 500 + "\n# Two\n\nend \n"
    (passage,) = segment(Document("d", text, "T", pages=(0,)), Segmentation(method="whole"), WORDS)
    assert passage.text == text.strip()
    assert (passage.title, passage.headings, passage.page) == ("T", (), 1)


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"max_tokens": 8}, "at least 16"), ({"max_tokens": 30, "overlap": 11}, "a third")],
)
def test_limits_that_cannot_be_kept_are_refused(limits: dict[str, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        cut("text", **limits)


def test_headings_are_the_path_above_and_stay_with_what_follows() -> None:
    text = (
        "# Guide\n\n## Leave\n\n" + "Five days carry over each year to the next. " * 2
        + "\n\n## Pay\n\n" + "Pay comes on the last day of the month here. " * 2
    )  # fmt: skip
    first, second = cut(text)
    assert first.text.startswith("# Guide\n\n## Leave\n\nFive")
    assert first.headings == ("Guide", "Leave")
    assert second.text.startswith("## Pay\n\nPay comes")
    assert second.headings == ("Guide", "Pay")


def test_continued_sections_keep_their_headings() -> None:
    text = "# Guide\n\n## Leave\n\n" + "Five days carry over each year to the next. " * 12
    found = cut(text)
    assert len(found) > 2
    assert {passage.headings for passage in found} == {("Guide", "Leave")}
    assert all(passage.text.endswith(".") for passage in found)


def test_sections_are_even_and_leave_no_small_tail() -> None:
    text = "Five days carry over each year to the next. " * 13  # 130 tokens, 38 a passage at most
    sizes = [len(WORDS.offsets(passage.text)) for passage in cut(text)]
    assert sizes == [30, 30, 30, 40] or max(sizes) - min(sizes) <= 10
    assert sum(sizes) == 130
    assert min(sizes) >= 20


def test_paragraphs_are_kept_whole_where_they_fit() -> None:
    paragraph = "Five days carry over. They end in March."  # 10 tokens
    text = "\n\n".join([paragraph] * 9)
    found = cut(text)
    assert [passage.text for passage in found] == ["\n\n".join([paragraph] * 3)] * 3


def test_small_sections_share_a_passage_under_their_parent() -> None:
    text = "# Terms\n\n## A\n\nShort.\n\n## B\n\nBrief.\n\n# Other\n\n" + "Long text here. " * 8
    first, second = cut(text)
    assert first.text.endswith("Brief.")
    assert first.headings == ("Terms",)
    assert second.headings == ("Other",)


def test_small_sections_of_different_parents_stay_apart() -> None:
    text = "# One\n\n## A\n\nShort text.\n\n# Two\n\n## B\n\nBrief text."
    found = cut(text, min_tokens=20)
    assert [passage.headings for passage in found] == [("One", "A"), ("Two", "B")]


def test_a_last_heading_without_text_joins_what_is_before() -> None:
    text = "# One\n\nSome text here that is long enough to stand.\n\n## Empty"
    (passage,) = cut(text, min_tokens=0)
    assert passage.text == text


def test_a_heading_in_fenced_code_is_none() -> None:
    text = "# Guide\n\n```sh\n# not a heading\nrun\n```\n\n" + "More text follows it. " * 10
    assert {passage.headings for passage in cut(text)} == {("Guide",)}


def test_code_is_cut_at_blank_lines_and_lines() -> None:
    body = "\n\n".join(f"def f{i}(a, b):\n    c = a + b\n    return c" for i in range(6))
    found = cut(f"```py\n{body}\n```")
    assert len(found) > 2
    assert all(passage.text.startswith(("```py\ndef", "def")) for passage in found)
    long_body = "\n".join(f"value_{i} = compute(first, second)" for i in range(20))
    for passage in cut(f"```py\n{long_body}\n```"):
        assert all(
            re.fullmatch(r"```(py)?|value_\d+ = compute\(first, second\)", row)
            for row in passage.text.split("\n")
        )


def test_indented_code_keeps_its_indent() -> None:
    text = "Run this first, please:\n\n" + "\n".join(f"    call_{i}(a, b, c)" for i in range(12))
    found = cut(text)
    assert all(row.startswith("    call") for p in found[1:] for row in p.text.split("\n"))


def test_table_rows_are_whole_and_their_header_goes_along() -> None:
    rows = "\n".join(f"| item {i} | {i} days | yes |" for i in range(12))
    text = f"# Leave\n\n| kind | days | paid |\n|------|------|---|\n{rows}\n"
    found = cut(text, max_tokens=64)
    assert len(found) > 2
    assert found[0].headings == ("Leave",)
    for passage in found[1:]:
        assert passage.headings == ("Leave", "kind | days | paid")
        assert all(row.startswith("| item") for row in passage.text.split("\n"))


def test_a_table_header_goes_before_the_headings_above_it() -> None:
    rows = "\n".join(f"| item {i} | {i} days | yes |" for i in range(12))
    above = "# Leave of absence for all who work\n\n## In the summer"
    text = f"{above}\n\n| kind | days | paid |\n|------|------|---|\n{rows}\n"
    found = cut(text, max_tokens=40, title="A guide for all")
    assert len(found) > 3
    assert {passage.headings[-1] for passage in found[1:]} == {"kind | days | paid"}


FUNCTIONS = {
    "python": ["def f{0}(a, b):", "    c = a + b", "", "    return c"],
    "decorated": ["# Adds two.", "@cached", "async def f{0}(a):", "    c = a", "", "    return c"],
    "javascript": ["export function f{0}(a, b) {{", "  const c = a + b;", "", "  return c;", "}}"],
    "rust": ["pub(crate) fn f{0}(a: u8) {{", "    let c = a;", "", "    c", "}}"],
    "go": ["func (s *Server) F{0}() {{", "    c := a + b", "", "    return c", "}}"],
    "java": ["@Override", "public static class F{0} {{", "    int c = a;", "", "    int d;", "}}"],
}


@pytest.mark.parametrize("language", FUNCTIONS)
@pytest.mark.parametrize("between", ["\n\n", "\n"])
def test_code_is_cut_at_functions(language: str, between: str) -> None:
    first, *rest = FUNCTIONS[language]
    body = between.join("\n".join([first, *rest]).format(i) for i in range(8))
    found = cut(f"```\n{body}\n```", max_tokens=64)
    assert len(found) > 2
    whole = re.compile(re.escape(first).replace(r"\{0\}", r"\d").replace(r"\{\{", r"\{"))
    for passage in found[1:]:
        assert whole.match(passage.text) or passage.text == "```"


def test_a_mark_stays_with_its_letter() -> None:
    text = "ที่นี่มีวันลาพักผ่อนประจำปีทั้งสิ้นห้าวันต่อปีเท่านั้น" * 30
    for passage in cut(text, tokenizer=Characters()):
        assert unicodedata.category(passage.text[0])[0] != "M"


def test_a_table_header_that_takes_too_much_is_left_out() -> None:
    rows = "\n".join(f"| item {i} | {i} days | yes |" for i in range(12))
    text = f"| {'a long header ' * 4} | days | paid |\n|---|---|---|\n{rows}\n"
    assert {passage.headings for passage in cut(text)} == {()}


def test_list_items_are_whole() -> None:
    text = "They may take:\n" + "\n".join(f"- item {i} with four words" for i in range(20))
    for passage in cut(text):
        rows = [row for row in passage.text.split("\n") if row != "They may take:"]
        assert all(re.fullmatch(r"- item \d+ with four words", row) for row in rows)
        assert rows


def test_title_and_headings_take_a_third_at_most() -> None:
    text = f"# {'outer ' * 9}\n\n## {'inner ' * 5}\n\n" + "Some text stands here. " * 20
    for passage in cut(text, title="Title"):
        assert passage.headings == (("inner " * 5).strip(),)
        assert passage.title == "Title"
    trimmed = cut("Some text. " * 30, title="A very long title " * 10)
    assert {passage.title for passage in trimmed} == {("A very long title " * 3).strip()}


def test_overlap_repeats_whole_sentences() -> None:
    text = " ".join(f"Sentence number {i} has some words." for i in range(20))  # 8 tokens each
    found = cut(text, overlap=9)
    assert len(found) > 4
    for one, two in pairwise(found):
        assert one.end - two.start == len(one.text.rpartition(". ")[2])
        assert two.text.startswith("Sentence")


def test_one_line_of_a_megabyte() -> None:
    text = "word " * 200_000
    found = cut(text, max_tokens=250)
    sizes = [len(WORDS.offsets(passage.text)) for passage in found]
    assert sum(sizes) == 200_000
    assert 807 <= len(found) <= 820
    assert min(sizes) > 200


def test_one_word_of_a_megabyte_is_cut_into_even_parts() -> None:
    found = cut("x" * 1_000_000, max_tokens=250)
    lengths = [len(passage.text) for passage in found]
    assert sum(lengths) == 1_000_000
    assert max(lengths) - min(lengths) <= 40
    assert max(lengths) <= 250 * 40


def test_many_tiny_items_are_packed_in_bounded_time() -> None:
    found = cut("- a\n" * 8_000, max_tokens=250)
    assert sum(passage.text.count("a") for passage in found) == 8_000


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\u2028"])
def test_line_ends_of_every_kind_are_read(end: str) -> None:
    text = end.join(["# Guide", "", "Text one.", "", "## More", "", "Text two is here."])
    headings = [passage.headings for passage in cut(text, min_tokens=0)]
    assert headings == [("Guide",), ("Guide", "More")]


def test_languages_without_spaces_are_cut_between_sentences() -> None:
    text = "休暇は五日まで繰り越せます。" * 12
    found = cut(text, tokenizer=Characters())
    assert len(found) > 4
    assert all(passage.text.endswith("。") for passage in found)


@dataclass(frozen=True)
class Characters:
    name: str = "characters"

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i, character in enumerate(text) if not character.isspace()]


def test_each_text_is_tokenised_once() -> None:
    seen: list[str] = []
    offsets: Callable[[str], list[tuple[int, int]]] = WORDS.offsets

    @dataclass(frozen=True)
    class Counting:
        name: str = "counting"

        def offsets(self, text: str) -> list[tuple[int, int]]:
            seen.append(text)
            return offsets(text)

    text = "\n\n".join(f"# Part {i}\n\n" + "Some words stand here. " * 4 for i in range(40))
    cut(text, tokenizer=Counting(), title="Title")
    assert seen.count(text) == 1
    assert sum(map(len, seen)) < 1.3 * len(text)


load_starter = functools.cache(lambda: load_tokenizer("starter"))


@pytest.mark.real
@settings(max_examples=25, deadline=None)
@given(texts, titles)
def test_the_default_passages_fit_the_starter_encoder(text: str, title: str) -> None:
    starter = load_starter()
    for passage in segment(Document("d", text * 3, title), Segmentation(), starter):
        assert len(starter.offsets(passage.indexed_text)) + 2 <= 250
