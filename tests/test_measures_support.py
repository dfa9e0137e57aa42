"""Support sees words, numbers, names, negations and places, and says where the evidence is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.measures.sentences import sentences
from graft.measures.source import read_source
from graft.measures.support import Evidence, find_evidence, support
from graft.measures.words import STOP_WORDS, fold, folded_words

quick = settings(deadline=None, max_examples=80)

LEAVE = (
    "Staff of the Lisbon office get 30 days of leave a year. Five days carry over to the next "
    "year. Interns may not carry over any unused days. Sick leave needs a note from a doctor after "
    "the third day, and the note goes to Ms. Silva."
)
QUESTION = "How many days of leave carry over?"

prose = st.lists(
    st.sampled_from(
        [*LEAVE.split(), "no", "not", "12", "increase", "lower", "\n", "-", "。", "[1]"]
    ),
    max_size=40,
).map(" ".join)
anything = st.text(max_size=60) | prose


def quote(evidence: Evidence, text: str = LEAVE) -> str:
    return text[evidence.start : evidence.end]


@quick
@given(anything, anything, anything, anything)
def test_scores_lie_in_0_to_1_and_spans_in_the_text(
    sentence: str, text: str, question: str, title: str
):
    found = support(sentence, text, question=question, context=title)
    for value in (found.score, found.match, found.relevance):
        assert 0 <= value <= 1
    assert 0 <= found.start <= found.end <= len(text)
    if found.score:
        assert quote(found, text).strip()


@quick
@given(prose)
def test_spans_start_and_end_with_sentences(text: str):
    found = support("Interns may not carry over any unused days at the office.", text)
    if found.score:
        starts, ends = zip(*sentences(text), strict=True)
        assert found.start in starts and found.end in ends


@pytest.mark.parametrize("span", sentences(LEAVE))
def test_a_verbatim_sentence_is_fully_supported_by_itself(span: tuple[int, int]):
    found = support(LEAVE[slice(*span)], LEAVE)
    assert found.score == pytest.approx(1)
    assert (found.start, found.end) == span


def test_no_shared_word_is_no_support():
    assert support("Bananas ripen quickly beside old apples.", LEAVE) == Evidence()
    assert support("", LEAVE) == support("x", "") == Evidence()


@pytest.mark.parametrize(
    ("sentence", "most"),
    [
        ("Nine days carry over to the next year.", 0.3),
        ("Staff of the Lisbon office get 31 days of leave a year.", 0.3),
        ("Five days do not carry over to the next year.", 0.4),
        ("Interns may carry over any unused days.", 0.4),
        ("Staff of the Madrid office get 30 days of leave a year.", 0.75),
    ],
)
def test_one_wrong_word_takes_support_away(sentence: str, most: float):
    assert 0 < support(sentence, LEAVE).score <= most


def test_an_opposite_direction_takes_support_away():
    text = "The new drug reduces blood pressure in adults. It was tried for a year."
    assert support("The new drug reduces blood pressure in adults.", text).score == 1
    assert support("The new drug increases blood pressure in adults.", text).score <= 0.4


def test_forms_of_a_word_and_of_a_number_agree():
    text = "They carried 1,200 boxes on 21st Sept. and twelve more later that day."
    assert (
        support("They carry 1200 boxes on 21 September, then 12 more that day.", text).score > 0.5
    )
    assert [fold(w) for w in ("studies", "studied", "study")] == ["study"] * 3
    assert fold("mile") == fold("miles") and fold("naming") == fold("named") == fold("name")
    assert fold("June") == fold("Jun") == "june"
    assert all(fold(word) == word for word in STOP_WORDS)
    assert [key for key, _ in folded_words("猫が好き")] == ["猫", "が", "好", "き"]


def test_a_short_answer_must_stand_in_one_piece():
    assert support("Five days", LEAVE).score == 1
    assert support("days, five", LEAVE).score == 1  # in whatever order
    assert support("doctor's leave year", LEAVE).score < 0.6
    assert quote(support("Ms. Silva", LEAVE)).startswith("Sick leave needs")


def test_the_evidence_must_deal_with_the_question():
    text = "The museum opened in 1931 in Porto. The library next to it was founded in 1968."
    right = support("1931", text, question="When did the museum open?")
    wrong = support("1968", text, question="When did the museum open?")
    assert right.score > 0.7
    assert wrong.score < 0.3
    assert support("Porto", text, question="Where did the museum open?").score > 0.7
    assert support("The library", text, question="What opened in Porto?").score < 0.6
    elsewhere = support("1931", text, question="When was the treaty of Windsor signed by Richard?")
    assert elsewhere.score < 0.2


def test_of_two_places_the_one_near_the_question_is_quoted():
    text = "In 1931 the port froze over. Nobody was hurt. The museum opened its doors in 1931."
    found = support("1931", text, question="When did the museum open?")
    assert quote(found, text) == "The museum opened its doors in 1931."


def test_a_question_that_asks_not_needs_evidence_that_says_not():
    asked = "Who may not carry over unused days?"
    assert support("Interns", LEAVE, question=asked).score > 0.8
    text = LEAVE.replace("may not carry", "may carry")
    assert support("Interns", text, question=asked).score < 0.6


def test_repeating_the_question_answers_it_only_where_it_may_be_repeated():
    said = "Five days carry over to the next year."
    for asked, echo in (
        ("What carries over to the next year, given five days?", True),
        ("Do five days carry over to the next year?", False),
        ("Which carries over to the next year, five days or ten?", False),
    ):
        assert (support(said, LEAVE, question=asked).match < 0.5) == echo


def test_what_answers_weighs_more_than_what_repeats():
    asked = "Which note do the staff of the Lisbon office need after the third day?"
    wrong = "The staff of the Lisbon office need a passport and banana."
    assert support(wrong, LEAVE).match > support(wrong, LEAVE, question=asked).match


def test_names_in_the_question_must_be_in_the_text_or_its_title():
    text = "The museum opened in 1931."
    asked = "When did the museum in Porto open?"
    bare, titled = (support("1931", text, question=asked, context=t) for t in ("", "Porto"))
    assert titled.score > bare.score + 0.15


def test_words_of_the_question_count_when_the_title_holds_them():
    text = "It opened in 1931. Nobody came."
    asked = "When did the city museum open?"
    bare, titled = (
        support("1931", text, question=asked, context=t) for t in ("", "The city museum")
    )
    assert titled.relevance > bare.relevance + 0.1


def test_a_bare_yes_rests_on_where_the_question_is_dealt_with():
    found = support("Yes.", LEAVE, question="Does sick leave need a note from a doctor?")
    assert found.score > 0.8
    assert quote(found).startswith("Sick leave")
    assert support("No", LEAVE, question="Is the canteen open on Sundays?").score < 0.2
    assert support("Yes", LEAVE) == support("Yes", LEAVE, question="Banana?") == Evidence()


def test_marks_that_point_to_passages_are_no_numbers():
    plain = "Five days carry over to the next year."
    marked = "Five days carry over to the next year [2], according to passage 3."
    assert support(marked, LEAVE).score == support(plain, LEAVE).score == 1


def test_a_source_is_read_once_for_many_sentences():
    source = read_source(LEAVE, context="Leave")
    for sentence in ("Five days", "Interns carry over days that they did not use."):
        once = find_evidence(sentence, source, question=QUESTION)
        assert once == support(sentence, LEAVE, question=QUESTION, context="Leave")


def test_a_heading_speaks_of_what_stands_under_it():
    text = (
        "## glob.iglob\n\nReturn an iterator which yields the paths matching a pathname pattern."
        "\n\n"
        "## glob.escape\n\nEscape all special characters. Drive names are not escaped."
    )
    asked = "Which function returns an iterator which yields the paths that match a pattern?"
    found = support("glob.iglob", text, question=asked)
    assert found.score > 0.8
    assert quote(found, text) == text[: text.index("\n\n## glob.escape")]
    assert support("glob.escape", text, question=asked).score < 0.5
    # one sentence is enough where the next adds nothing
    special = support("glob.escape", text, question="What escapes all special characters?")
    assert quote(special, text).endswith("special characters.")
    assert read_source(text).headed == (1, 0, 2, 0, 0)
