"""Batches: which triples may stand together, so that no in-batch negative is a positive."""

from __future__ import annotations

import random
from collections.abc import Sequence

from graft.tune.mine import Triple, passage_keys


def batches(triples: Sequence[Triple], size: int, rng: random.Random) -> list[list[int]]:
    """Return one epoch of batches of `size` triples at most, by index, in a random order.

    In a batch every passage is a negative of every other question, so no two triples stand
    together when one shows a passage, a copy of it, or a document that answers the other: trained
    on as negatives, such passages do harm. What finds no place waits for the next batch; a triple
    that would stand alone, with nothing to be told from, is left for the next epoch.

    >>> from graft.core.document import Passage
    >>> text = Passage("p", "d", 0, 1, "text", "s")
    >>> same = [Triple(id, "?", text, (), passage_keys(text)) for id in ("a", "b")]
    >>> batches(same, 2, random.Random(0))
    []
    """
    order = list(range(len(triples)))
    rng.shuffle(order)
    shown = [_shown(triple) for triple in triples]
    gold = [triple.gold for triple in triples]
    done = []
    while order:
        batch: list[int] = []
        waiting: list[int] = []
        batch_shown: set[str] = set()
        batch_gold: set[str] = set()
        for place, index in enumerate(order):
            if len(batch) == size:
                waiting.extend(order[place:])
                break
            if batch_shown.isdisjoint(gold[index]) and batch_gold.isdisjoint(shown[index]):
                batch.append(index)
                batch_shown |= shown[index]
                batch_gold |= gold[index]
            else:
                waiting.append(index)
        order = waiting
        if len(batch) > 1 or triples[batch[0]].negatives:
            done.append(batch)
    return done


def _shown(triple: Triple) -> frozenset[str]:
    return frozenset().union(*map(passage_keys, (triple.positive, *triple.negatives)))
