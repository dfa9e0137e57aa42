"""Items: examples as what a generator learns from, with passages (RAFT) and without."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from graft.answer.prepare import Budget, prepare
from graft.core.document import Passage
from graft.core.errors import ConfigError
from graft.core.example import Example
from graft.core.generation import Message, Prompt
from graft.core.recipe import Recipe
from graft.generate.prompts import Template
from graft.measures.text import token_f1
from graft.tune.sft import TrainItem


@dataclass(frozen=True)
class Items:
    """What a generator learns from, and how many examples were left out by reason."""

    items: tuple[TrainItem, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def ids(self) -> frozenset[str]:
        """The examples that are in, for another objective to learn from the same ones."""
        return frozenset(item.id for item in self.items)


def agreed_answer(example: Example) -> str:
    """Return the one of an example's answers to learn: the nearest to all others, the shorter of
    two that are equally near (by token F1).

    >>> agreed_answer(Example("e", "Who?", ("the two delegates elected", "two delegates", "two")))
    'two delegates'
    """
    near = [token_f1(answer, [other]) for answer in example.answers for other in example.answers]
    size = len(example.answers)
    means = [sum(near[row * size : (row + 1) * size]) for row in range(size)]
    best = max(range(size), key=lambda row: (round(means[row], 6), -len(example.answers[row])))
    return example.answers[best]


def items_closed_book(
    examples: Sequence[Example],
    *,
    template: Template,
    recipe: Recipe,
    count_tokens: Callable[[Prompt], int],
) -> Items:
    """Return items without passages: the question, and its answer to be known by heart.

    An example without an answer is left out: without passages there is nothing to decline from.
    """
    items, skipped = [], Counter[str]()
    for example in examples:
        if not example.answerable or not example.answers:
            skipped["no answer"] += 1
            continue
        answer = agreed_answer(example)
        budget = _budget(answer, recipe, count_tokens)
        made = prepare(example.question, (), template, budget=budget, history=_history(example))
        if made.error:
            skipped["too long"] += 1
            continue
        items.append(TrainItem(made.prompt, answer, example.id))
    return Items(tuple(items), dict(skipped))


def items_raft(
    examples: Sequence[Example],
    gold: Mapping[str, Sequence[Passage]],
    distractors: Mapping[str, Sequence[Passage]],
    *,
    template: Template,
    recipe: Recipe,
    count_tokens: Callable[[Prompt], int],
) -> Items:
    """Return items with passages, as RAFT shows them (arXiv:2403.10131).

    `gold` and `distractors` hold passages by example id, best first. Each prompt shows
    `recipe.passages` of them in an order drawn by the seed, so that where the evidence stands
    tells nothing. A share `recipe.distractors_only` of the answerable examples is shown
    distractors alone; their target, and that of unanswerable examples, is to decline.

    Prompts are prepared as serving prepares them, within `recipe.schedule.max_tokens` less room
    for the answer. One that does not fit loses its last distractors, never its evidence; an
    example whose evidence alone does not fit, or that has none, is left out and counted.
    Raises ConfigError when the target to decline is empty.
    """
    decline = recipe.decline or template.decline
    if not decline:
        raise ConfigError(
            f"the prompt {template.name!r} has no declining answer, which examples without "
            "evidence are trained to give: use the prompt 'grounded'"
        )
    items, skipped = [], Counter[str]()
    hidden = _without_evidence(examples, distractors, recipe)
    for example in examples:
        declines = not example.answerable or example.id in hidden
        if not declines and not example.answers:
            skipped["no answer"] += 1
            continue
        shown = _shown(example, gold, distractors, hidden=example.id in hidden, recipe=recipe)
        if not shown or (not declines and not gold.get(example.id)):
            skipped["no passage"] += 1
            continue
        answer = decline if declines else agreed_answer(example)
        budget = _budget(answer, recipe, count_tokens)
        prompt = _fitting(example, shown, template, budget)
        if prompt is None:
            skipped["too long"] += 1
            continue
        items.append(TrainItem(prompt, answer, example.id))
    return Items(tuple(items), dict(skipped))


def _without_evidence(
    examples: Sequence[Example], distractors: Mapping[str, Sequence[Passage]], recipe: Recipe
) -> frozenset[str]:
    # An exact share, and drawn once: a chance for each example would leave small sets with none.
    able = [e.id for e in examples if e.answerable and distractors.get(e.id)]
    rng = random.Random(f"{recipe.seed}:distractors only")
    return frozenset(rng.sample(able, round(recipe.distractors_only * len(able))))


Shown = list[tuple[bool, Passage]]
"""Passages in the order of the prompt, each with whether it is evidence."""


def _shown(
    example: Example,
    gold: Mapping[str, Sequence[Passage]],
    distractors: Mapping[str, Sequence[Passage]],
    *,
    hidden: bool,
    recipe: Recipe,
) -> Shown:
    evidence = list(gold.get(example.id, ()))
    known = {passage.id for passage in evidence}
    others = [(False, p) for p in distractors.get(example.id, ()) if p.id not in known]
    first = [] if hidden else [(True, p) for p in evidence]
    shown = (first + others)[: recipe.passages]
    random.Random(f"{recipe.seed}:order:{example.id}").shuffle(shown)
    return shown


def _fitting(example: Example, shown: Shown, template: Template, budget: Budget) -> Prompt | None:
    """The prompt that serving would send for these passages, with all of the evidence whole."""
    shown = list(shown)
    while True:
        passages, history = [passage for _, passage in shown], _history(example)
        made = prepare(example.question, passages, template, budget=budget, history=history)
        evidence = [passage for is_gold, passage in shown if is_gold]
        if all(passage in made.passages for passage in evidence) and made.passages:
            return made.prompt
        spare = [place for place, (is_gold, _) in enumerate(shown) if not is_gold]
        if not evidence or not spare:
            return None
        del shown[spare[-1]]


def _budget(answer: str, recipe: Recipe, count_tokens: Callable[[Prompt], int]) -> Budget:
    # As a turn of its own an answer takes at least the tokens that training appends.
    room = count_tokens([{"role": "user", "content": answer}])
    return Budget(count_tokens, recipe.schedule.max_tokens - room, recipe.passages)


def _history(example: Example) -> Sequence[Message]:
    turns = list(example.messages)
    if turns and turns[-1]["role"] == "user" and turns[-1]["content"] == example.question:
        turns.pop()
    return turns
