"""The prompt holds the best passages that fit, each text once, and is counted few times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.answer.prepare import Budget, budget_of, distinct, prepare, shows_passages
from graft.core.document import Passage, Span
from graft.core.errors import ConfigError
from graft.core.generation import Decoding, Message, Prompt
from graft.generate.prompts import CLOSED_BOOK, GROUNDED, build
from graft.measures.similarity import plain_words
from graft.testing import FakeGenerator

quick = settings(deadline=None, max_examples=60)


def passage(number: int, text: str, *, document: str = "", start: int = 0) -> Passage:
    id = document or f"d{number}"
    return Passage(f"p{number}", id, start, start + len(text), text, "s", title=f"Title {number}")


def sentence(number: int, length: int = 8) -> str:
    return " ".join(f"w{number}x{i}" for i in range(length)).capitalize() + "."


PASSAGES = [passage(n, " ".join(sentence(10 * n + i) for i in range(4))) for n in range(5)]


@dataclass
class Counter:
    """Counts words, and how often it was asked."""

    asked: int = 0
    seen: list[int] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> int:
        self.asked += 1
        self.seen.append(sum(len(plain_words(turn["content"])) + 4 for turn in prompt))
        return self.seen[-1]


def size(prompt: Prompt) -> int:
    return Counter()(prompt)


def test_what_fits_is_what_build_makes_and_is_counted_once():
    count = Counter()
    made = prepare("Who?", PASSAGES, GROUNDED, budget=Budget(count, 10_000, passages=3))
    assert made.prompt == build(GROUNDED, "Who?", PASSAGES[:3])
    assert made.passages == tuple(PASSAGES[:3])
    assert count.asked == 1
    content = made.prompt[-1]["content"]
    assert [content.index(f"[{n}] Title {n - 1}") for n in (1, 2, 3)] == sorted(
        content.index(p.text) - len("[1] Title 0\n") for p in PASSAGES[:3]
    )


@quick
@given(st.integers(20, 260), st.integers(1, 5), st.integers(0, 3), st.integers(0, 2))
def test_prompts_fit_and_hold_the_best_passages(
    tokens: int, passages: int, turns: int, worked: int
):
    count = Counter()
    history: list[Message] = [
        turn
        for n in range(turns)
        for turn in (
            Message(role="user", content=sentence(100 + n)),
            Message(role="assistant", content=sentence(200 + n)),
        )
    ]
    shots = [(f"Q{n}?", [PASSAGES[4 - n]], f"A{n}.") for n in range(worked)]
    budget = Budget(count, tokens, passages)
    made = prepare("Who is it?", PASSAGES, GROUNDED, budget=budget, worked=shots, history=history)
    assert bool(made.error) == (size(made.prompt) > tokens)
    assert len(made.passages) <= passages
    assert count.asked <= 15
    for number, (shown, best) in enumerate(zip(made.passages, PASSAGES, strict=False), start=1):
        assert shown.id == best.id
        assert best.text.startswith(shown.text)
        assert shown.end - shown.start == len(shown.text)
        assert f"[{number}] {shown.title}\n{shown.text}" in made.prompt[-1]["content"]
    whole = [p for p in made.passages if p in PASSAGES]
    if len(made.passages) != len(whole):
        assert len(made.passages) == 1
        assert made.passages[0].text.endswith(".")
    roles = [turn["role"] for turn in made.prompt]
    assert roles == ["system", *["user", "assistant"] * ((len(roles) - 2) // 2), "user"]
    # one passage more would not have fitted
    more = len(made.passages) + 1
    if whole and more <= passages:
        turns_kept = [turn for turn in made.prompt[1:-1] if turn in history]
        bigger = build(GROUNDED, "Who is it?", PASSAGES[:more], worked=shots, history=turns_kept)
        assert size(bigger) > tokens


def test_a_single_passage_is_cut_after_the_last_sentence_that_fits():
    whole = build(GROUNDED, "Who?", PASSAGES[:1])
    budget = Budget(Counter(), size(whole) - 1)
    made = prepare("Who?", PASSAGES, GROUNDED, budget=budget)
    assert made.passages[0].text == " ".join(sentence(i) for i in range(3))
    assert made.passages[0].end == len(made.passages[0].text)
    assert size(made.prompt) == size(whole) - 8


def test_no_room_for_a_sentence_shows_no_passage_and_no_room_at_all_is_an_error():
    bare = size(build(GROUNDED, "Who?"))
    made = prepare("Who?", PASSAGES, GROUNDED, budget=Budget(Counter(), bare + 2))
    assert (made.passages, made.error) == ((), "")
    made = prepare("Who?", PASSAGES, GROUNDED, budget=Budget(Counter(), bare - 1))
    assert made.error == (
        f"the question takes {bare} tokens and the prompt may take {bare - 1}: ask a shorter one"
    )


def test_a_long_history_loses_its_oldest_turns_first():
    history = [
        Message(role=role, content=sentence(n, 20))
        for n, role in enumerate(["user", "assistant"] * 6)
    ]
    full = size(build(GROUNDED, "Who?", PASSAGES[:2], history=history))
    budget = Budget(Counter(), full - 1, passages=2)
    made = prepare("Who?", PASSAGES, GROUNDED, budget=budget, history=history)
    kept = made.prompt[1:-1]
    assert 0 < len(kept) < len(history)
    assert kept == history[-len(kept) :]
    assert kept[0]["role"] == "user"
    assert len(made.passages) == 2


def test_worked_examples_stand_as_earlier_turns():
    shots = [("Q0?", [PASSAGES[4]], "A0.")]
    made = prepare("Who?", PASSAGES, GROUNDED, budget=Budget(Counter(), 10_000), worked=shots)
    assert made.prompt == build(GROUNDED, "Who?", PASSAGES[:3], worked=shots)
    assert made.passages == tuple(PASSAGES[:3])


def test_a_closed_book_template_shows_none():
    made = prepare("Who?", PASSAGES, CLOSED_BOOK, budget=Budget(Counter(), 10_000))
    assert (made.passages, made.error) == ((), "")
    assert not shows_passages(CLOSED_BOOK)


def test_each_text_is_shown_once():
    text = "One. Two. Three."
    whole = passage(1, text, document="d")
    part = passage(2, "Two.", document="d", start=5)
    copy = passage(3, "One.  Two.\nThree.", document="elsewhere")
    other = passage(4, "Two.", document="elsewhere", start=50)
    assert distinct([whole, part, copy, other]) == (whole, other)
    # the longer one takes the better rank, and everything inside it goes
    late = passage(5, "Three.", document="d", start=10)
    assert distinct([part, other, late, whole]) == (whole,)
    assert distinct([late, other, whole]) == (whole, other)
    derived = replace(part, id="sum", text="A summary.", made_from=(Span("d", 0, 4),))
    assert distinct([whole, derived]) == (whole, derived)


def test_a_longer_answer_than_the_context_is_refused():
    generator = FakeGenerator(context_tokens=100)
    assert budget_of(generator, Decoding(max_new_tokens=30)).tokens == 70
    with pytest.raises(ConfigError, match="ask for a shorter answer"):
        budget_of(generator, Decoding(max_new_tokens=100))
