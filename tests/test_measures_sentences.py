import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.measures.sentences import LONGEST, running_sentences, sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in running_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["One ends.", "Two ends!", "Does three?", "Four"],
        ["Dr. Ada Smith met Mr. Brown at St. Mary's.", "They spoke."],
        ["J. R. R. Tolkien wrote it.", "It sold well."],
        ["Take vitamin C.", "The dose is small."],
        ["It costs $3.50 in v1.2.3 of U.S. Army stores.", "We paid."],
        ["He lives in the U.S.", "She lives here."],
        ["See Fig. 3 and pp. 4-5, i.e. the end.", "Then stop."],
        ["The answer is no.", "But wait."],
        ["Apples, pears, etc. are fruit.", "Apples, pears, etc.", "They are fruit."],
        ["It began in Jan. 2020 and ended.", "It began in Jan.", "The end came."],
        ['"Stop!" he said.', "She did."],
        ['He said "Stop."', "She did."],
        ["Wait... what now?", "Go on…", "Then he left."],
        ["(It rained.)", "We left."],
        ["Open graft.toml and run `a.b`.", "Then wait."],
        ["it was great.", "i love it!", "works well."],
        ["This is approx. five.", "Good."],
        ["1. Install it.", "Run it."],
        ["休暇は五日です。", "「本当に？」", "はい！", "終わり"],
        ["यह पहला वाक्य है।", "यह दूसरा है।"],
        ["هل هذا صحيح؟", "نعم."],
        ["It began c. 1900 in Rome.", "It ended."],
        ["It works.[1][note]", "So does that."],
    ],
)
def test_sentences_are_told_apart(expected: list[str]) -> None:
    joiner = "" if "。" in expected[0] else " "
    assert cut(joiner.join(expected)) == expected


def test_a_line_break_is_a_space() -> None:
    assert cut("One is\nbroken. Two\r\nis too.\n") == ["One is\nbroken.", "Two\r\nis too."]


def test_a_part_of_a_text_is_cut_by_its_own_bounds() -> None:
    text = "Left out. One. Two. Left out."
    assert running_sentences(text, 10, 19) == [(10, 14), (15, 19)]


@given(st.text("ab.!? \n。\"'A1)…", max_size=60))
def test_no_visible_character_is_lost(text: str) -> None:
    found = running_sentences(text)
    held = {i for start, end in found for i in range(start, end)}
    assert all(character.isspace() or i in held for i, character in enumerate(text))
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in found)
    assert all(one[1] <= two[0] for one, two in pairwise(found))


def test_a_long_run_of_dots_takes_no_quadratic_time() -> None:
    started = time.process_time()
    assert len(running_sentences("Leave " + "." * 200_000 + "7 days.")) == 1
    assert time.process_time() - started < 1


@given(st.text("ab.!? \n。\"'A1)…-#|", max_size=60), st.integers(1, 40))
def test_sentences_cover_all_but_white_space(text: str, times: int) -> None:
    text *= times
    spans = sentences(text)
    left, gaps = 0, ""
    for start, end in spans:
        assert left <= start < end
        assert end - start <= LONGEST
        assert text[start:end] == text[start:end].strip()
        gaps += text[left:start]
        left = end
    assert not (gaps + text[left:]).strip()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("He is J. R. Cash. He sang.", ["He is J. R. Cash.", "He sang."]),
        ("No. It is No. 5 of the U.S. Army.", ["No.", "It is No. 5 of the U.S. Army."]),
        ("- one\n- two\n\nthree", ["- one", "- two", "three"]),
        ("你好。再见！", ["你好。", "再见！"]),
        (
            "This line was wrapped by hand at some width that\nended here. Next",
            ["This line was wrapped by hand at some width that\nended here.", "Next"],
        ),
        ("# Head\nText of it", ["# Head", "Text of it"]),
        ("Apples\nPears\nPlums", ["Apples", "Pears", "Plums"]),
        (
            "It works.[1] In the U.S. She left c. 1900.",
            ["It works.[1]", "In the U.S.", "She left c. 1900."],
        ),
        (
            "- यह पहला वाक्य है। यह दूसरा है।\n- i love it! works well.",
            ["- यह पहला वाक्य है।", "यह दूसरा है।", "- i love it!", "works well."],
        ),
        ('"Stop!" she said. (Why?) Because', ['"Stop!" she said.', "(Why?)", "Because"]),
    ],
)
def test_sentences_end_where_they_should(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["कर्मचारियों को छुट्टी मिलती है।", "पाँच दिन अगले साल ले जाएँ।"],
        ["ছুটি পাঁচ দিন।", "বেতন পঁচিশ তারিখে।"],
        ["धर्मः सनातनः॥", "सत्यं वद।"],
        ["休暇は五日です。", "「はい！」", "給料は月末です"],
        ["有五天假期！", "真的吗？", "是的。"],
        ["値は３．１４である．", "次に進む．"],
        ["هل يوجد إجازة؟", "نعم."],
        ["چھٹی پانچ دن ہے۔", "تنخواہ ملتی ہے۔"],
        ["ခွင့်ငါးရက်ရှိသည်။", "လစာပေးသည်။"],
        ["ច្បាប់មានប្រាំថ្ងៃ។", "ប្រាក់ខែ។"],
        ["እረፍት አምስት ቀን ነው።", "ደመወዝ አለ።"],
        ["Արձակուրդ կա։", "Այո։"],
    ],
)
@pytest.mark.parametrize("between", [" ", ""])
def test_sentences_end_where_their_script_says(parts: list[str], between: str) -> None:
    text = between.join(parts)
    if "." in text and not between:
        text = between.join(parts[:-1])
        parts = parts[:-1]
    assert [text[a:b] for a, b in running_sentences(text)] == parts
