"""Every citation that is shown resolves to characters on both sides."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.answer.cite import cite
from graft.core.document import Document, Passage, Span
from graft.measures.marks import masked
from graft.measures.sentences import sentences
from graft.measures.words import has_meaning
from graft.testing import MemoryStore

pytestmark = pytest.mark.slow

quick = settings(deadline=None, max_examples=100)

DOCUMENTS = [
    Document(
        "leave.md",
        "# Leave\n\nStaff get 30 days of leave a year. Five days carry over to the next year.\n\n"
        "Sick leave needs a doctor's note after the third day. – Ask Ms. Silva 🙂 for a form.",
        "Leave",
    ),
    Document("pay.md", "Pay day is the 25th.\n\nInterns are paid weekly, in cash.", "Pay"),
]
STORE = MemoryStore(DOCUMENTS)
PASSAGES = STORE.passages(list(STORE._by_id))
TEXTS = {document.id: document.text for document in DOCUMENTS}

pieces = st.sampled_from(
    [
        "Five days carry over to the next year.",
        "Five days.",
        "the 25th",
        "Ask Ms. Silva 🙂 for a form.",
        "Interns are paid monthly, in cash.",
        "Bananas ripen quickly in a warm room.",
        "[2]",
        "Yes.",
        "\n- ",
        "Staff get 31 days of leave a year.",
    ]
)
answers = st.lists(pieces | st.text(max_size=12), max_size=5).map(" ".join)
questions = st.sampled_from(["", "How many leave days carry over?", "When is pay day?"])


@quick
@given(answers, questions, st.lists(st.sampled_from(PASSAGES), max_size=4))
def test_offsets_are_exact_on_both_sides(text: str, question: str, shown: list[Passage]):
    cited = cite(text, shown, question=question, document=TEXTS.__getitem__)
    spans = sentences(masked(text))
    for citation in cited.citations:
        assert (citation.start, citation.end) in spans
        source = TEXTS[citation.document_id]
        assert source[citation.source_start : citation.source_end] == citation.quote
        passage = next(p for p in shown if p.id == citation.passage_id)
        assert passage.document_id == citation.document_id
        assert passage.start <= citation.source_start < citation.source_end <= passage.end
        assert 0 < citation.support <= 1
    cited_spans = {(c.start, c.end) for c in cited.citations}
    assert cited_spans.isdisjoint(cited.unsupported)
    worded = {span for span in spans if has_meaning(masked(text)[slice(*span)])}
    assert cited_spans | set(cited.unsupported) >= worded
    assert 0 <= cited.support <= 1


def test_each_sentence_gets_its_own_evidence():
    text = "Five days carry over. Pay day is the 25th. Bananas ripen quickly in a warm room."
    cited = cite(text, PASSAGES, document=TEXTS.__getitem__)
    assert [(text[c.start : c.end], c.quote) for c in cited.citations] == [
        ("Five days carry over.", "Five days carry over to the next year."),
        ("Pay day is the 25th.", "Pay day is the 25th."),
    ]
    assert [text[slice(*span)] for span in cited.unsupported] == [
        "Bananas ripen quickly in a warm room."
    ]
    # nine words of the sixteen are fully supported
    assert cited.support == pytest.approx(9 / 16)


def test_a_fragment_that_says_nothing_is_passed_over():
    cited = cite("Five days carry over to the next year. The", PASSAGES)
    assert [c.end for c in cited.citations] == [38]
    assert cited.unsupported == ()
    assert cited.support == pytest.approx(1)
    alone = cite("The", PASSAGES)  # it is all there is, so it is held against the passages
    assert [c.end for c in alone.citations] == [3] and alone.unsupported == ()


def test_a_wrong_number_is_not_cited():
    cited = cite("Six days carry over to the next year.", PASSAGES)
    assert cited.citations == ()
    assert cited.unsupported == ((0, 37),)
    assert cited.support <= 0.3


def test_the_passage_that_deals_with_the_question_is_cited():
    one = Passage("a", "a.md", 0, 29, "The port was closed in 1931.", "s")
    two = Passage("b", "b.md", 7, 34, "The museum opened in 1931.", "s")
    for shown in ([one, two], [two, one]):
        (citation,) = cite("1931", shown, question="When did the museum open?").citations
        assert (citation.passage_id, citation.source_start) == ("b", 7)


def test_a_quote_that_differs_from_what_is_stored_is_not_shown():
    moved = {**TEXTS, "pay.md": "New! " + TEXTS["pay.md"]}
    cited = cite("Pay day is the 25th.", PASSAGES, document=moved.__getitem__)
    assert cited.citations == ()
    assert cited.unsupported == ((0, 20),)
    assert cited.support < 0.1


def test_a_document_that_was_removed_bears_nothing_out():
    left = MemoryStore(DOCUMENTS[:1])
    text = "Pay day is the 25th. Five days carry over."
    cited = cite(text, PASSAGES, document=lambda id: left.document(id).text)
    assert [c.document_id for c in cited.citations] == ["leave.md"]
    assert cited.unsupported == ((0, 20),)
    assert cited.support < 0.6
    summary = Passage("sum", "sum", 0, 4, "Pay.", "tree", made_from=(Span("pay.md", 0, 20),))
    assert not cite(text, [summary], document=lambda id: left.document(id).text).citations


def test_what_a_removed_document_said_is_cited_where_it_is_still_stored():
    copy = Document("copy.md", "Pay day is the 25th.", "Pay")
    both, left = MemoryStore([DOCUMENTS[1], copy]), MemoryStore([copy])
    shown = both.passages(list(both._by_id))
    cited = cite("Pay day is the 25th.", shown, document=lambda id: left.document(id).text)
    assert [c.document_id for c in cited.citations] == ["copy.md"]


def test_a_derived_passage_is_cited_where_it_was_made_from():
    text = TEXTS["leave.md"]
    start = text.index("Five")
    spans = (Span("pay.md", 0, 20), Span("leave.md", start, start + 38))
    summary = Passage("sum", "sum", 0, 24, "About pay and left days.", "tree", made_from=spans)
    cited = cite("Five days carry over.", [summary], document=TEXTS.__getitem__)
    (citation,) = cited.citations
    assert (citation.document_id, citation.source_start) == ("leave.md", start)
    assert citation.quote == "Five days carry over to the next year."
    assert cite("Five days carry over.", [summary]).citations == ()


def test_nothing_to_say_and_nothing_shown():
    assert cite("", PASSAGES).support == 0
    assert cite("[1] ...", PASSAGES).unsupported in {(), ((0, 3),), ((0, 7),)}
    cited = cite("Five days carry over.", [])
    assert (cited.citations, cited.unsupported, cited.support) == ((), ((0, 21),), 0.0)
