"""Items: examples as what a generator learns from, with passages (RAFT) and without."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from graft.answer.prepare import Budget, Prepared, distinct, prepare, shows_passages
from graft.core.document import Passage
from graft.core.example import Example
from graft.core.generation import Message, Prompt
from graft.core.recipe import Recipe
from graft.generate.prompts import Template
from graft.measures.text import token_f1
from graft.tune.sft import TrainItem

UNTAUGHT = "has no answer to learn"


@dataclass(frozen=True)
class Items:
    """What a generator learns from, and how many examples were left out by reason."""

    items: tuple[TrainItem, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Trainable:
    """The examples that a generator can be trained on, and how many cannot by reason."""

    examples: tuple[Example, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def answerable(self) -> tuple[Example, ...]:
        """Those with an answer: what training without passages learns from."""
        return tuple(example for example in self.examples if example.answerable)


def trainable(
    examples: Sequence[Example],
    gold: Mapping[str, Sequence[Passage]],
    *,
    template: Template,
    closed_book: Template,
    recipe: Recipe,
    count_tokens: Callable[[Prompt], int],
) -> Trainable:
    """Return the examples that both objectives can be trained on, told from the gold alone.

    An answerable example is in when evidence of it fits into `template` whole, beside the answer,
    and its question into `closed_book`. Unanswerable ones are in, drawn by the seed, until they are
    `recipe.distractors_only` of as many: they teach to write nothing, and half a set of them
    buried the answers (answer F1 .206 without, .079 with). No distractor is needed to
    tell: a prompt loses its distractors before its evidence. So `items_raft` keeps every
    answerable example of these, `items_closed_book` the same ones, and neither has to run for the
    other to know.
    """
    kept, skipped = [], Counter[str]()
    silent = _silent(examples, recipe)
    for example in examples:
        reason = _unusable(example, gold)
        if not example.answerable and example.id not in silent:
            reason = UNTAUGHT
        if example.answerable and not reason:
            budget = _budget(agreed_answer(example), recipe, count_tokens)
            read = not shows_passages(template) or _with_evidence(
                example, gold[example.id], {}, template=template, recipe=recipe, budget=budget
            )
            asked = prepare(
                example.question, (), closed_book, budget=budget, history=_history(example)
            )
            reason = "" if read and not asked.error else "too long"
        if reason:
            skipped[reason] += 1
        else:
            kept.append(example)
    return Trainable(tuple(kept), dict(skipped))


def _silent(examples: Sequence[Example], recipe: Recipe) -> frozenset[str]:
    """The unanswerable examples that are taught."""
    lacking = sorted(e.id for e in examples if not e.answerable)
    most = round(recipe.distractors_only * (len(examples) - len(lacking)))
    rng = random.Random(f"{recipe.seed}:unanswerable")
    return frozenset(rng.sample(lacking, min(most, len(lacking))))


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
        items.append(TrainItem(made.prompt, answer, example.id, accepted=example.answers))
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
    `recipe.passages` of them, every gold one that fits and then distractors, in an order drawn by
    the seed, so that where the evidence stands tells nothing. A share `recipe.distractors_only` of
    the answerable examples, less the unanswerable ones that are given, is shown distractors alone;
    their target, and that of unanswerable examples, is to write nothing: whether to decline is read
    off how likely that is (`Generation.silence`), while a text that a fifth of the examples share
    would be the likeliest start of any answer.

    Prompts are prepared as serving prepares them, within `recipe.schedule.max_tokens` less room
    for the answer. One that does not fit loses its last distractors, then the last of several gold
    passages, never all; one of which no distractor fits shows its evidence after all. An example
    of which no gold passage fits, or that has none, is left out and counted, and so is an
    unanswerable one without a distractor.
    """
    items, skipped = [], Counter[str]()
    hidden = _without_evidence(examples, distractors, recipe)

    def made(
        example: Example, answer: str | None, evidence: Sequence[Passage] = ()
    ) -> TrainItem | None:
        budget = _budget(answer or "", recipe, count_tokens)
        if evidence:
            fits = _with_evidence(
                example, evidence, distractors, template=template, recipe=recipe, budget=budget
            )
        else:
            shown = _shown(example, (), distractors, recipe, gold.get(example.id, ()))
            fits = _fitting(example, shown, template, budget)
        ids = tuple(passage.id for passage in fits.passages) if fits else ()
        return TrainItem(fits.prompt, answer, example.id, ids) if fits else None

    for example in examples:
        reason, item = _unusable(example, gold), None
        if example.answerable and not reason:
            item = made(example, None) if example.id in hidden else None
            item = item or made(example, agreed_answer(example), gold[example.id])
        elif not reason:
            known = gold.get(example.id, ())
            reason = "" if known or distractors.get(example.id) else "no passage"
            item = made(example, None, known)
        if item:
            items.append(item)
        else:
            skipped[reason or "too long"] += 1
    return Items(tuple(items), dict(skipped))


def items_served(
    examples: Sequence[Example],
    found: Mapping[str, Sequence[Passage]],
    *,
    template: Template,
    recipe: Recipe,
    count_tokens: Callable[[Prompt], int],
) -> Items:
    """Return items whose prompts are those that serving would send, for looks at dev.

    `found` holds what retrieval brings, by example id, best first. Whether the evidence is among
    it is retrieval's matter, and the answer to be given is the example's in any case.
    """
    items, skipped = [], Counter[str]()
    for example in examples:
        answer = agreed_answer(example) if example.answerable and example.answers else None
        budget = _budget(answer or "", recipe, count_tokens)
        passages = found.get(example.id, ())
        made = prepare(
            example.question, passages, template, budget=budget, history=_history(example)
        )
        if not made.passages or made.error:
            skipped["too long" if passages else "no passage"] += 1
            continue
        shown = tuple(passage.id for passage in made.passages)
        items.append(TrainItem(made.prompt, answer, example.id, shown, example.answers))
    return Items(tuple(items), dict(skipped))


def _unusable(example: Example, gold: Mapping[str, Sequence[Passage]]) -> str:
    """Why an answerable example can teach nothing; the empty string for any other."""
    if not example.answerable:
        return ""
    if not example.answers:
        return "no answer"
    return "" if gold.get(example.id) else "no passage"


def _without_evidence(
    examples: Sequence[Example], distractors: Mapping[str, Sequence[Passage]], recipe: Recipe
) -> frozenset[str]:
    # An exact share, and drawn once: a chance for each example would leave small sets with none.
    able = [e.id for e in examples if e.answerable and distractors.get(e.id)]
    lacking = sum(not e.answerable for e in examples)
    rng = random.Random(f"{recipe.seed}:distractors only")
    return frozenset(rng.sample(able, max(round(recipe.distractors_only * len(able)) - lacking, 0)))


Shown = list[tuple[bool, Passage]]
"""Passages in the order of the prompt, each with whether it is evidence."""


def _shown(
    example: Example,
    evidence: Sequence[Passage],
    distractors: Mapping[str, Sequence[Passage]],
    recipe: Recipe,
    hidden: Sequence[Passage] = (),
) -> Shown:
    known = {passage.id for passage in (*evidence, *hidden)}
    others = [(False, p) for p in distractors.get(example.id, ()) if p.id not in known]
    shown = ([(True, p) for p in evidence] + others)[: recipe.passages]
    random.Random(f"{recipe.seed}:order:{example.id}").shuffle(shown)
    return shown


def _with_evidence(
    example: Example, evidence: Sequence[Passage], distractors: Mapping[str, Sequence[Passage]],
    *, template: Template, recipe: Recipe, budget: Budget,
) -> Prepared | None:  # fmt: skip
    """The prompt with as many gold passages as fit, the best first, and then distractors."""
    own = distinct(evidence)[: recipe.passages]
    for count in range(len(own), 0, -1):
        shown = _shown(example, own[:count], distractors, recipe, evidence)
        if (made := _fitting(example, shown, template, budget)) is not None:
            return made
    return None


def _fitting(example: Example, shown: Shown, template: Template, budget: Budget) -> Prepared | None:
    """The prompt that serving would send for these passages, with all of the evidence whole."""
    shown = list(shown)
    while True:
        passages, history = [passage for _, passage in shown], _history(example)
        made = prepare(example.question, passages, template, budget=budget, history=history)
        evidence = [passage for is_gold, passage in shown if is_gold]
        if all(passage in made.passages for passage in evidence) and made.passages:
            return made
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
