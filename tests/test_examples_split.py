from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.errors import InputError, LeakError
from graft.core.example import Example, Gold, Split
from graft.examples.check import check
from graft.examples.split import (
    LEARNED_COPY,
    SPLIT_COPY,
    Shares,
    TrainedOn,
    Wanted,
    assign,
    counts,
    documents_of,
    grouped,
)
from graft.measures.leaks import leaks

WORDS = re.findall(
    r"\w+", "amber birch cedar delta ember fjord grove heron inlet jetty knoll larch marsh"
)


def ask(place: int, documents: list[str], topic: int = 0) -> Example:
    told = [WORDS[(place * 5 + i * i + topic) % len(WORDS)] for i in range(5)]
    return Example(
        f"q{place}",
        f"Question {place} {' '.join(told)} of number {place}?",
        (str(place),),
        tuple(map(Gold, documents)),
    )


def corpus(documents: int = 20, each: int = 6) -> list[Example]:
    return [ask(d * each + i, [f"d{d:02}"]) for d in range(documents) for i in range(each)]


def test_shares_hold_and_test_new_documents_are_never_trained_on() -> None:
    made = assign(corpus(), shares=Shares(dev=0.15, test_seen=0.15, test_new=0.25), seed=3)
    assert counts(made.examples) == {"train": 62, "dev": 14, "test-seen": 14, "test-new": 30}
    new = {e.group for e in made.examples if e.split == "test-new"}
    assert len(new) == 5
    assert not new & {e.group for e in made.examples if e.split != "test-new"}
    check(made.examples)


def new_of(wanted: Wanted | None, examples: list[Example], share: float = 0.2) -> list[Example]:
    made = assign(examples, shares=Shares(0.15, 0.15, share, wanted), seed=3)
    check(made.examples)
    return [e for e in made.examples if e.split == "test-new"]


def test_test_new_takes_the_documents_that_its_questions_need_and_no_more_than_most() -> None:
    asked = corpus()  # 120 questions on 20 documents
    assert len(new_of(None, asked)) == 24
    assert len(new_of(Wanted(20), asked)) == 24, "its share is the least"
    assert len(new_of(Wanted(40), asked)) == 42, "as many whole documents as 40 questions take"
    assert len(new_of(Wanted(100), asked)) == 60, "half of the documents at most"
    assert len(new_of(Wanted(100, most=0.3), asked)) == 36
    seven = Wanted(20, lambda sizes: len(sizes) >= 7)
    assert len(new_of(seven, asked)) == 42, "as many as seven documents have"
    assert len(new_of(Wanted(100, lambda sizes: len(sizes) >= 10), asked)) == 60
    vain = Wanted(100, lambda sizes: len(sizes) >= 11)
    assert len(new_of(vain, asked)) == 24, "in vain, so training keeps them"
    assert len(new_of(Wanted(20, per_group=3), asked)) == 42, "three of each are counted"
    few = {e.id for e in asked[::2]}
    assert len(new_of(Wanted(30, counts=lambda e: e.id in few), asked)) == 60, "30 that count"
    half = {f"d{number:02}" for number in range(0, 20, 2)}
    six = Wanted(1, lambda sizes: len(sizes) >= 6, counts=lambda e: e.gold[0].document_id in half)
    new = new_of(six, asked)
    assert len({e.group for e in new} & half) == 6, "no room is spent on what is not counted"
    smaller, larger = ({e.id for e in new_of(Wanted(n), asked)} for n in (24, 40))
    assert smaller < larger, "more are wanted of the same documents first"


def test_test_seen_asks_only_about_documents_that_are_trained_on() -> None:
    made = assign(corpus(30, 2), seed=1).examples
    train = {d for e in made if e.split == "train" for d in documents_of(e)}
    seen = [e for e in made if e.split == "test-seen"]
    assert seen
    assert all(set(documents_of(e)) <= train for e in seen)


def test_the_same_seed_gives_the_same_splits_in_any_order() -> None:
    examples = corpus()
    one = {e.id: e.split for e in assign(examples, seed=7).examples}
    assert one == {e.id: e.split for e in assign(examples[::-1], seed=7).examples}
    assert one != {e.id: e.split for e in assign(examples, seed=8).examples}


def test_documents_of_one_cluster_or_one_question_stay_together() -> None:
    examples = [*corpus(), ask(500, ["d00", "d01"]), ask(501, ["d01", "d02"])]
    made = assign(examples, groups={"d03": "d02"}, seed=2).examples
    sides = {
        e.split == "test-new" for e in made if {"d00", "d01", "d02", "d03"} & {*documents_of(e)}
    }
    assert len(sides) == 1
    assert {e.group for e in made if "d03" in documents_of(e)} == {"d00"}


def test_near_copies_of_a_question_go_to_one_side() -> None:
    examples = corpus()
    same = "When did the long northern river flood the old town by the bridge?"
    copies = [Example(f"c{i}", same + "?" * i, ("x",), (Gold(f"d{i:02}"),)) for i in range(2)]
    for seed in range(8):
        made = assign([*examples, *copies], seed=seed)
        check(made.examples)
        assert {e.split for e in made.examples if e.id in {"c0", "c1"}} <= {
            e.split for e in made.examples
        }
        assert len({e.split for e in made.examples if e.id in {"c0", "c1"}}) == 1


def test_a_question_asked_of_every_document_does_not_tie_them_all() -> None:
    copies = [
        Example(f"c{d:02}", "How good is the sound of the product?", ("x",), (Gold(f"d{d:02}"),))
        for d in range(20)
    ]
    made = assign([*corpus(), *copies], seed=4)
    held = counts(made.examples)
    assert held["test-new"] >= 20
    assert len(made.dropped[SPLIT_COPY]) == 5
    check(made.examples)


def test_a_document_that_was_learned_never_goes_to_test_new() -> None:
    examples = [*corpus(), ask(500, ["d00", "d01"])]
    learned = [f"d{i:02}" for i in range(14)] + ["copy of d19"]
    groups = {"copy of d19": "d19", "gone": "d18"}
    kept_out = set(learned[:-1]) | {"d19"}
    for seed in range(8):
        made = assign(examples, groups=groups, seed=seed, learned=TrainedOn(learned))
        new = {d for e in made.examples if e.split == "test-new" for d in documents_of(e)}
        assert len(new) == 5 and not new & kept_out
        assert min(counts(made.examples).values()) > 0
        check(made.examples, groups=groups)
    everything = [f"d{i:02}" for i in range(20)]
    held = counts(assign(examples, seed=1, learned=TrainedOn(everything)).examples)
    assert held == {"train": 85, "dev": 18, "test-seen": 18, "test-new": 0}


def test_a_question_that_was_learned_is_in_no_test() -> None:
    examples = corpus()
    train = {e.id: e.question for e in examples if e.id.endswith(("1", "2"))}
    dev = {e.id: e.question for e in examples if e.id.endswith("3")}
    questions: dict[str, Split] = {}
    questions |= {f"{text.upper()}!": "dev" for text in dev.values()}
    questions |= {text.replace("Question", "question the"): "train" for text in train.values()}
    for seed in range(8):
        made = assign(examples, seed=seed, learned=TrainedOn(questions=questions))
        splits = {e.id: e.split for e in made.examples}
        lost = set(made.dropped.get(LEARNED_COPY, ()))
        assert {splits.get(id) for id in train.keys() - lost} == {"train"}
        assert {splits.get(id) for id in dev.keys() - lost} <= {"train", "dev"}
        assert splits.keys() | lost == {e.id for e in examples}
        assert min(counts(made.examples).values()) > 0
        check(made.examples)


def test_a_learned_question_keeps_its_document_from_test_new_while_others_fill_it() -> None:
    examples = corpus()
    some: dict[str, Split] = {e.question: "train" for e in examples[::6][:15]}
    for seed in range(8):
        made = assign(examples, seed=seed, learned=TrainedOn(questions=some))
        new = {d for e in made.examples if e.split == "test-new" for d in documents_of(e)}
        assert not made.dropped and new == {f"d{i}" for i in range(15, 20)}
    # where every document has one, the test goes without the questions
    everywhere: dict[str, Split] = {e.question: "train" for e in examples[::6]}
    made = assign(examples, seed=1, learned=TrainedOn(questions=everywhere))
    assert counts(made.examples)["test-new"] == 25 and len(made.dropped[LEARNED_COPY]) == 5


def test_an_unanswerable_question_belongs_to_the_document_of_its_group() -> None:
    lost = [
        Example(f"u{i}", f"Unheard {i} {WORDS[i]}?", kind="unanswerable", group=f"d{i:02}")
        for i in range(12)
    ]
    made = assign([*corpus(), *lost], seed=5).examples
    new = {e.group for e in made if e.split == "test-new"}
    for example in made:
        if example.kind == "unanswerable":
            assert (example.split == "test-new") == (example.group in new)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3), min_size=2, max_size=40),
    st.integers(0, 3),
)
def test_whatever_is_split_passes_the_check(golds: list[list[int]], seed: int) -> None:
    examples = [ask(i, [f"d{d}" for d in gold]) for i, gold in enumerate(golds)]
    made = assign(examples, groups={"d1": "d0"}, seed=seed)
    check(made.examples, groups={"d1": "d0"})
    for left, right in combinations(("train", "dev", "test-seen", "test-new"), 2):
        asked = [[(e.id, e.question) for e in made.examples if e.split == s] for s in (left, right)]
        assert not leaks(*asked)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to train on"):
        assign(corpus(), shares=Shares(dev=0.5, test_seen=0.5))


def leaky(question: str, split: str, document: str, other: str = "") -> list[Example]:
    first = Example("a", "Which river floods the old town in spring?", gold=(Gold("one.md"),))
    second = Example("b", question, gold=(Gold(document),), split=split, group=other)  # type: ignore[arg-type]
    return [first, second]


@pytest.mark.parametrize("split", ["dev", "test-seen", "test-new"])
def test_a_question_on_two_sides_is_an_error_that_names_both(split: str) -> None:
    document = "two.md" if split == "test-new" else "one.md"
    with pytest.raises(LeakError, match=r"\(a\).*\(b\).*near-copies"):
        check(leaky("which river floods the old town in SPRING", split, document))


def test_a_document_of_test_new_in_train_is_an_error() -> None:
    with pytest.raises(LeakError, match=r"one\.md is the document"):
        check(leaky("Who built it?", "test-new", "one.md"))
    with pytest.raises(LeakError, match="cluster"):
        check(leaky("Who built it?", "test-new", "two.md"), groups={"two.md": "k", "one.md": "k"})
    check(leaky("Who built it?", "test-new", "two.md"))


def test_test_seen_without_its_document_in_train_is_an_error() -> None:
    with pytest.raises(LeakError, match=r"about two\.md, of which train has nothing"):
        check(leaky("Who built it?", "test-seen", "two.md"))
    check(leaky("Who built it?", "test-seen", "one.md"))


def test_an_id_used_twice_is_an_error() -> None:
    example = leaky("Who built it?", "dev", "one.md")[0]
    with pytest.raises(LeakError, match="two examples have the id a"):
        check([example, example])


def test_groups_follow_shared_gold_and_clusters() -> None:
    examples = [ask(1, ["b", "c"]), ask(2, ["c"]), ask(3, ["e"]), ask(4, [])]
    made = grouped(examples, {"e": "a"})
    assert [e.group for e in made] == ["b", "b", "a", "q4"]
    assert Counter(e.split for e in made) == {"train": 4}


def test_questions_on_one_sentence_are_dealt_together() -> None:
    def made(number: int, place: int, origin: str = "made") -> Example:
        told = ask(number, ["d"], topic=number)
        gold = (Gold("d", start=10 * place, end=10 * place + 10),)
        return replace(told, gold=gold, origin=origin)

    twice = [made(number, number // 2) for number in range(40)]
    pair = replace(made(40, 0), gold=(twice[0].gold[0], twice[2].gold[0]))
    shares = Shares(dev=0.3, test_seen=0.3, test_new=0.0)
    for seed in range(5):
        splits = {e.id: e.split for e in assign([*twice, pair], shares=shares, seed=seed).examples}
        assert len(set(splits.values())) == 3
        for number in range(0, 40, 2):
            assert splits[f"q{number}"] == splits[f"q{number + 1}"]
        assert splits["q40"] == splits["q0"] == splits["q2"]
    own = [replace(e, origin="") for e in twice]
    dealt = {e.id: e.split for e in assign(own, shares=shares).examples}
    assert any(dealt[f"q{n}"] != dealt[f"q{n + 1}"] for n in range(0, 40, 2)), "a person's own are"


def test_one_question_asked_of_many_documents_is_one_question_of_test_new() -> None:
    same = [replace(ask(1, [f"p{n:03}"]), id=f"same{n:03}") for n in range(60)]
    others = [replace(ask(n, [f"o{n:03}"], topic=n), id=f"other{n:03}") for n in range(2, 142)]
    for seed in range(4):
        made = assign([*same, *others], shares=Shares(0.1, 0.0, 0.5), seed=seed)
        asked = [e for e in made.examples if e.split == "test-new" and e.id.startswith("same")]
        assert len(asked) <= 1
        assert len(made.dropped.get(SPLIT_COPY, ())) >= 20
