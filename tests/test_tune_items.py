"""Items: evidence shown, order drawn, declines where the evidence is hidden, nothing cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from graft.core.document import Passage
from graft.core.example import Example
from graft.core.generation import Prompt
from graft.core.recipe import Recipe, Schedule
from graft.generate.prompts import CLOSED_BOOK, GROUNDED, build
from graft.testing.fakes import FakeGenerator
from graft.tune.items import (
    UNTAUGHT,
    Items,
    Trainable,
    items_closed_book,
    items_raft,
    trainable,
)

RECIPE = Recipe("generator", "raft", "starter", passages=3, distractors_only=0.2, seed=1)


def passage(name: str) -> Passage:
    return Passage(name, f"doc-{name}", 0, 9, f"Text of {name}.", "s", title="T")


def examples(count: int, unanswerable: int = 0) -> list[Example]:
    able = [
        Example(f"e{i}", f"Question {i}?", (f"answer {i}", "some other answer"))
        for i in range(count)
    ]
    unable = [Example(f"u{i}", f"Unknown {i}?", kind="unanswerable") for i in range(unanswerable)]
    return able + unable


def make(
    chosen: list[Example], recipe: Recipe = RECIPE, *, distractors: int = 4, gold: int = 1
) -> Items:
    return items_raft(
        chosen,
        {e.id: [passage(f"gold-{e.id}-{k}") for k in range(gold)] for e in chosen if e.answerable},
        {e.id: [passage(f"other-{e.id}-{k}") for k in range(distractors)] for e in chosen},
        template=GROUNDED,
        recipe=recipe,
        count_tokens=FakeGenerator().count_tokens,
    )


def closed_book(chosen: list[Example], recipe: Recipe = RECIPE) -> Items:
    return items_closed_book(
        chosen,
        template=CLOSED_BOOK,
        recipe=recipe,
        count_tokens=FakeGenerator().count_tokens,
    )


def chosen_of(chosen: list[Example], recipe: Recipe = RECIPE, *, gold: int = 1) -> Trainable:
    return trainable(
        chosen,
        {e.id: [passage(f"gold-{e.id}-{k}") for k in range(gold)] for e in chosen if e.answerable},
        template=GROUNDED,
        closed_book=CLOSED_BOOK,
        recipe=recipe,
        count_tokens=FakeGenerator().count_tokens,
    )


def user(prompt: Prompt) -> str:
    return prompt[-1]["content"]


def place_of_gold(prompt: Prompt) -> int:
    blocks = user(prompt).split("\n\n")
    return next(i for i, block in enumerate(blocks) if "gold" in block)


def test_every_prompt_shows_the_evidence_in_a_drawn_place() -> None:
    made = make(examples(120), replace(RECIPE, distractors_only=0.0))
    assert len(made.items) == 120 and not made.skipped
    places = Counter(place_of_gold(item.prompt) for item in made.items)
    assert set(places) == {0, 1, 2} and min(places.values()) > 20
    for item in made.items:
        assert [f"[{n}]" in user(item.prompt) for n in (1, 2, 3, 4)] == [True] * 3 + [False]
        assert item.answer == f"answer {item.id[1:]}"


def test_the_prompt_is_built_as_serving_builds_it() -> None:
    (item,) = make(examples(1), replace(RECIPE, passages=1, distractors_only=0.0)).items
    assert item.prompt == build(GROUNDED, "Question 0?", [passage("gold-e0-0")])


def test_an_exact_share_sees_distractors_only_and_is_to_write_nothing() -> None:
    made = make(examples(50))
    hidden = [item for item in made.items if "gold" not in user(item.prompt)]
    assert len(hidden) == 10
    assert {item.answer for item in hidden} == {None}
    assert all(item.answer for item in made.items if item not in hidden)


def test_unanswerable_examples_are_to_write_nothing() -> None:
    made = make(examples(5, unanswerable=5), replace(RECIPE, distractors_only=0.0))
    answers = {item.id: item.answer for item in made.items}
    assert len(answers) == 10
    assert all((answers[id] is None) == id.startswith("u") for id in answers)


def test_unanswerable_examples_count_among_the_share_that_sees_no_evidence() -> None:
    for lacking, hidden in ((0, 10), (4, 6), (10, 0), (30, 0)):
        chosen = chosen_of(examples(50, unanswerable=lacking))
        made = make(list(chosen.examples))
        silent = [item for item in made.items if item.answer is None]
        assert len(silent) == 10, "an exact share, whatever the set holds"
        assert sum(item.id.startswith("e") for item in silent) == hidden


def test_the_seed_decides_and_the_company_does_not() -> None:
    recipe = replace(RECIPE, distractors_only=0.0)
    whole = make(examples(20), recipe)
    assert make(examples(20), recipe) == whole
    assert make(examples(20), replace(recipe, seed=2)) != whole
    assert make(examples(10), recipe).items == whole.items[:10]


def test_a_prompt_over_budget_loses_distractors_and_never_evidence() -> None:
    count = FakeGenerator().count_tokens
    recipe = replace(RECIPE, distractors_only=0.0, schedule=Schedule(max_tokens=85))
    full = make(examples(30), replace(recipe, schedule=Schedule(max_tokens=1000)))
    made = make(examples(30), recipe)
    assert len(made.items) == 30
    assert {len(user(i.prompt).split("[")) - 1 for i in full.items} == {3}
    for item in made.items:
        turn = [*item.prompt, {"role": "assistant", "content": item.answer}]
        assert count(turn) <= 85
        assert "gold" in user(item.prompt) and f"Question {item.id[1:]}?" in user(item.prompt)
    none = make(examples(3), replace(recipe, schedule=Schedule(max_tokens=52)))
    assert none.skipped == {"too long": 3} and not none.items


def test_what_has_no_evidence_or_answer_is_counted() -> None:
    chosen = [*examples(2), Example("n", "No answer?", ())]
    made = make(chosen, replace(RECIPE, distractors_only=0.0), gold=0)
    assert made.skipped == {"no passage": 2, "no answer": 1}
    gold_twice = make(examples(4), replace(RECIPE, distractors_only=0.0), gold=2, distractors=0)
    assert all(user(item.prompt).count("gold") == 2 for item in gold_twice.items)


def test_gold_among_the_distractors_is_shown_once_and_hidden_when_hidden() -> None:
    (example,) = examples(1)
    gold = {example.id: [passage("gold")]}
    others = {example.id: [passage("gold"), passage("a"), passage("b")]}
    for share, times in ((0.0, 1), (1.0, 0)):
        (item,) = items_raft(
            [example], gold, others, template=GROUNDED,
            recipe=replace(RECIPE, distractors_only=share),
            count_tokens=FakeGenerator().count_tokens,
        ).items  # fmt: skip
        assert user(item.prompt).count("Text of gold.") == times


def test_closed_book_shows_no_passage_and_asks_nothing_unanswerable() -> None:
    made = closed_book(examples(3, unanswerable=2))
    assert [item.answer for item in made.items] == ["answer 0", "answer 1", "answer 2"]
    assert made.skipped == {"no answer": 2}
    assert made.items[0].prompt == build(CLOSED_BOOK, "Question 0?")
    assert [item.id for item in made.items] == ["e0", "e1", "e2"]
    assert not any(item.shown for item in made.items)
    short = replace(RECIPE, schedule=Schedule(max_tokens=10))
    assert closed_book(examples(3), short).skipped == {"too long": 3}


def test_a_conversation_keeps_its_turns_and_asks_once() -> None:
    turns = (
        {"role": "user", "content": "First?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And then?"},
    )
    example = Example("c", "And then?", ("No.",), kind="conversation", messages=turns)
    (item,) = closed_book([example]).items
    assert [turn["role"] for turn in item.prompt] == ["system", "user", "assistant", "user"]
    assert item.prompt == build(CLOSED_BOOK, "And then?", history=turns[:2])


def test_an_item_names_the_passages_of_its_prompt_in_their_order() -> None:
    made = make(examples(20))
    for item in made.items:
        told = [f"Text of {id}." for id in item.shown]
        places = [user(item.prompt).index(text) for text in told]
        assert places == sorted(places) and len(places) == user(item.prompt).count("Text of")


def test_both_objectives_keep_the_same_answerable_examples_whatever_does_not_fit() -> None:
    long = [Example(f"l{i}", "long " * 20 * i + "?", ("yes",)) for i in range(1, 6)]
    wordy = [Example(f"w{i}", f"Wordy {i}?", ("word " * 12 * i,)) for i in range(1, 6)]
    none = [Example("n", "No answer?", ())]
    all_of = [*examples(10, unanswerable=6), *long, *wordy, *none]
    for tokens in (60, 80, 100, 130, 400):
        for share in (0.0, 0.5, 1.0):
            schedule = Schedule(max_tokens=tokens)
            recipe = replace(RECIPE, schedule=schedule, distractors_only=share)
            chosen = chosen_of(all_of, recipe)
            raft = make(list(chosen.examples), recipe)
            closed = closed_book(list(chosen.answerable), recipe)
            assert not raft.skipped and not closed.skipped
            able = {e.id for e in chosen.answerable}
            assert {item.id for item in closed.items} == able
            silent = {item.id for item in raft.items} - able
            assert silent <= {f"u{i}" for i in range(6)}
            assert len(silent) == min(6, round(share * 21))
            if share == 0:
                # nothing is given up that could be shown with its evidence
                free = make([e for e in all_of if e.answerable], recipe)
                assert {item.id for item in free.items} == {item.id for item in raft.items}
    assert chosen_of(all_of).skipped == {"no answer": 1, UNTAUGHT: 2}
    assert chosen_of(examples(2), gold=0).skipped == {"no passage": 2}
    small = replace(RECIPE, schedule=Schedule(max_tokens=52))
    assert chosen_of(examples(3), small).skipped == {"too long": 3}


def test_where_no_distractor_fits_the_evidence_is_shown_after_all() -> None:
    (example,) = examples(1)
    huge = Passage("huge", "d", 0, 9, "word " * 200, "s")
    recipe = replace(RECIPE, distractors_only=1.0, schedule=Schedule(max_tokens=85))
    made = items_raft(
        [example], {example.id: [passage("gold")]}, {example.id: [huge]}, template=GROUNDED,
        recipe=recipe, count_tokens=FakeGenerator().count_tokens,
    )  # fmt: skip
    assert [(item.answer, item.shown) for item in made.items] == [("answer 0", ("gold",))]


def test_every_gold_passage_that_fits_is_shown_and_none_as_a_distractor() -> None:
    recipe = replace(RECIPE, distractors_only=0.0)
    two = make(examples(40), recipe, gold=2)
    assert all(user(item.prompt).count("Text of gold") == 2 for item in two.items)
    assert all(user(item.prompt).count("Text of other") == 1 for item in two.items)
    assert {item.answer for item in two.items} == {f"answer {i}" for i in range(40)}
    five = make(examples(5), recipe, gold=5)
    assert all(user(item.prompt).count("Text of gold") == 3 for item in five.items)
    # what is gold and not shown may not stand there as if it did not answer
    mixed = items_raft(
        examples(1), {"e0": [passage(f"gold-{k}") for k in range(5)]},
        {"e0": [passage("gold-4"), passage("other-0")]},
        template=GROUNDED, recipe=replace(recipe, passages=4),
        count_tokens=FakeGenerator().count_tokens,
    )  # fmt: skip
    assert set(mixed.items[0].shown) == {"gold-0", "gold-1", "gold-2", "gold-3"}


def test_gold_that_does_not_fit_goes_from_the_end_and_never_all_of_it() -> None:
    recipe = replace(RECIPE, distractors_only=0.0, schedule=Schedule(max_tokens=60))
    made = make(examples(10), recipe, gold=3)
    shown = {user(item.prompt).count("Text of gold") for item in made.items}
    assert shown <= {1, 2} and shown and not made.skipped
    assert all(f"gold-{item.id}-0" in item.shown for item in made.items), "the best stays"
    assert len(chosen_of(examples(10), recipe, gold=3).examples) == 10


def test_a_copy_among_the_gold_is_shown_once() -> None:
    recipe = replace(RECIPE, distractors_only=0.0)
    one = passage("gold")
    made = items_raft(
        examples(1), {"e0": [one, replace(one, id="copy")]}, {},
        template=GROUNDED, recipe=recipe, count_tokens=FakeGenerator().count_tokens,
    )  # fmt: skip
    assert made.items[0].shown == ("gold",)
