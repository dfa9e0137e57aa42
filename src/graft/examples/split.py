"""Split: train, dev, test-seen and test-new, with nothing standing on two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graft.core.errors import InputError
from graft.core.example import Example, Split
from graft.core.hashing import text_hash
from graft.core.unions import Unions
from graft.examples.meaning import Meaning
from graft.examples.repeats import copies, repeating

BOUND = 0.1
"""Largest share of the examples that near-copied questions may bind into one group."""

SPLIT_COPY = "near-copy in another split, or of another document in test-new"

LEARNED_COPY = "near-copy of a question that was trained on"


@dataclass(frozen=True)
class Wanted:
    """How many questions test-new should have, and up to which share of documents for their sake.

    `certifies` says of the questions of each group whether so many can show anything; where `most`
    of the documents do not give such groups, training keeps them. `counts` says which examples are
    counted, of one group `per_group` at most (0: all).
    """

    questions: int
    certifies: Callable[[Sequence[int]], bool] = lambda sizes: True
    most: float = 0.5
    counts: Callable[[Example], bool] = lambda example: True
    per_group: int = 0


@dataclass(frozen=True)
class Shares:
    """How much goes where.

    `dev` and `test_seen` are shares of the questions on documents that are trained on; `test_new`
    is the share of documents (by group) that never are, or more for what is `wanted` of them.
    """

    dev: float = 0.15
    test_seen: float = 0.15
    test_new: float = 0.25
    wanted: Wanted | None = None


@dataclass(frozen=True)
class TrainedOn:
    """What was trained on before: ids of documents, and questions with the split they were in."""

    documents: Collection[str] = frozenset()
    questions: Mapping[str, Split] = field(default_factory=dict)


@dataclass(frozen=True)
class Assigned:
    """Examples with split and group, in the order they came; and the ids dropped, by reason."""

    examples: tuple[Example, ...]
    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def assign(
    examples: Sequence[Example],
    *,
    groups: Mapping[str, str] | None = None,
    shares: Shares | None = None,
    seed: int = 0,
    learned: TrainedOn | None = None,
    meaning: Meaning | None = None,
) -> Assigned:
    """Deal examples into splits so that nothing stands on two sides; the same for the same seed.

    `groups` maps a document to its cluster: near-duplicates, and documents that hold the same
    evidence (itself, when it is not there). An
    example with several gold documents ties their clusters together, and so do questions that
    are near-copies (by `meaning` too, where one is given), as long as what they tie stays below a
    tenth of the examples; where it would not (a question that is asked of every product), the
    copies in the smaller splits are dropped.
    Whole groups go to test-new, more than its share where more of its questions are wanted. Of the
    rest, a question goes to test-seen only while its documents
    keep a question in train; near-copies go together. An example without gold belongs to the
    document in its `group`.

    What was `learned` before is asked by no test. A group with one of its documents never goes to
    test-new. A near-copy of a question that was in train stays in train, and of one in dev in train
    or dev. A group with such a copy goes to test-new only where the other groups do not fill it;
    the copy is then dropped.

    Raises InputError when shares do not leave room for train.
    """
    shares = shares or Shares()
    most = max(shares.test_new, shares.wanted.most if shares.wanted else 0.0)
    least = min(shares.dev, shares.test_seen, shares.test_new)
    if least < 0 or shares.dev + shares.test_seen >= 1 or most >= 1:
        raise InputError(
            f"{shares} leaves nothing to train on: dev and test-seen must stay below 1 together, "
            "and test-new below 1"
        )
    clusters = _clusters(examples, groups or {})
    alike = copies(examples, meaning)
    bound = _bind(examples, clusters, alike)
    owner = {example.id: bound.find(clusters[example.id][0]) for example in examples}
    learned = learned or TrainedOn()
    known = {(groups or {}).get(document, document) for document in learned.documents}
    barred = _Barred(known, _sides(examples, learned.questions, meaning))
    held = _held_out(examples, clusters, owner, barred, shares, seed)
    new = {example.id for example in examples if owner[example.id] in held}
    repeated = new & barred.sides.keys()
    strays = _strays([[id for id in ids if id not in repeated] for ids in alike], new, owner)
    kept = [e for e in examples if e.id not in strays and e.id not in repeated]
    rest = [e for e in kept if e.id not in new]
    splits = _deal(rest, clusters, [*alike, *_of_one_place(rest)], shares, barred, seed)
    dealt = [replace(e, split=splits.get(e.id, "test-new"), group=owner[e.id]) for e in kept]
    dropped = {SPLIT_COPY: tuple(sorted(strays)), LEARNED_COPY: tuple(sorted(repeated))}
    return Assigned(tuple(dealt), {reason: ids for reason, ids in dropped.items() if ids})


def grouped(examples: Sequence[Example], groups: Mapping[str, str] | None = None) -> list[Example]:
    """Return the examples with their group: the documents (or clusters) tied by shared gold.

    `groups` maps documents to their clusters. The splits stay as they are.

    >>> both = [Example("1", "?", group="a.md"), Example("2", "?", group="b.md")]
    >>> [example.group for example in grouped(both, {"a.md": "b.md"})]
    ['b.md', 'b.md']
    """
    clusters = _clusters(examples, groups or {})
    bound = _tied(clusters)
    return [replace(e, group=bound.find(clusters[e.id][0])) for e in examples]


def counts(examples: Iterable[Example]) -> dict[str, int]:
    """Return how many examples each split has, all four named."""
    found = Counter(example.split for example in examples)
    return {split: found[split] for split in ("train", "dev", "test-seen", "test-new")}


def documents_of(example: Example) -> tuple[str, ...]:
    """Return the documents an example is about: its gold, or the one its group names.

    >>> documents_of(Example("1", "Why?", group="a.md"))
    ('a.md',)
    """
    gold = tuple(dict.fromkeys(gold.document_id for gold in example.gold))
    return gold or (example.group or example.id,)


def _clusters(examples: Sequence[Example], groups: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {
        example.id: tuple(dict.fromkeys(groups.get(d, d) for d in documents_of(example)))
        for example in examples
    }


def _tied(clusters: Mapping[str, tuple[str, ...]]) -> Unions[str]:
    bound: Unions[str] = Unions()
    for names in clusters.values():
        for name in names:
            bound.join(names[0], name)
    return bound


def _bind(
    examples: Sequence[Example], clusters: Mapping[str, tuple[str, ...]], alike: list[list[str]]
) -> Unions[str]:
    bound = _tied(clusters)
    size = Counter(bound.find(names[0]) for names in clusters.values())
    most = max(2, BOUND * len(examples))
    for ids in alike:
        roots = sorted({bound.find(clusters[id][0]) for id in ids})
        if len(roots) > 1 and sum(size[root] for root in roots) <= most:
            total = sum(size.pop(root) for root in roots)
            for root in roots[1:]:
                bound.join(roots[0], root)
            size[bound.find(roots[0])] = total
    return bound


@dataclass(frozen=True)
class _Barred:
    """What no test may ask: clusters of learned documents, and the ids of examples that repeat a
    learned question, with the split that this was in."""

    clusters: Collection[str]
    sides: Mapping[str, Split]

    def allows(self, ids: Iterable[str], split: Split) -> bool:
        """Whether examples may go to dev or test-seen."""
        was = {self.sides.get(id) for id in ids}
        return "train" not in was and (split == "dev" or "dev" not in was)


def _sides(
    examples: Sequence[Example], questions: Mapping[str, Split], meaning: Meaning | None
) -> dict[str, Split]:
    """Return the ids of near-copies of learned questions; of train, where they repeat both."""
    found: dict[str, Split] = {}
    sides: tuple[Split, ...] = ("dev", "train")
    for side in sides:
        there = [Example("", question) for question, split in questions.items() if split == side]
        found |= dict.fromkeys(repeating(examples, there, meaning), side)
    return found


def _held_out(
    examples: Sequence[Example],
    clusters: Mapping[str, tuple[str, ...]],
    owner: Mapping[str, str],
    barred: _Barred,
    shares: Shares,
    seed: int,
) -> set[str]:
    """Choose whole groups until their clusters are a share of all, in an order set by the seed.

    Then more of them, as long as that brings the questions that are wanted. Those with a learned
    document are left out, and those with a learned question come last.
    """
    held: dict[str, set[str]] = {}
    for example in examples:
        held.setdefault(owner[example.id], set()).update(clusters[example.id])
    all_of_them = sum(map(len, held.values()))
    room = shares.test_new * all_of_them
    chosen: set[str] = set()
    late = {owner[id] for id in barred.sides}
    free = [root for root, names in held.items() if names.isdisjoint(barred.clusters)]
    free.sort(key=lambda root: (root in late, text_hash(f"{seed}:test-new:{root}")))
    for root in free:
        if len(held[root]) <= room:
            chosen.add(root)
            room -= len(held[root])
    if not chosen and shares.test_new > 0 and free and len(held) > 1:
        chosen.add(min(free, key=lambda root: (root in late, len(held[root]))))
    if shares.wanted is None:
        return chosen
    room = shares.wanted.most * all_of_them - sum(len(held[root]) for root in chosen)
    counted = Counter(
        owner[e.id] for e in examples if shares.wanted.counts(e) and e.id not in barred.sides
    )
    if most := shares.wanted.per_group:
        counted = Counter({root: min(most, count) for root, count in counted.items()})
    more = [(root, len(held[root])) for root in free if root not in chosen and root in counted]
    return _more(chosen, more, counted, shares.wanted, room)


def _more(
    chosen: set[str],
    more: Iterable[tuple[str, int]],
    counted: Mapping[str, int],
    wanted: Wanted,
    room: float,
) -> set[str]:
    """Return the groups with as many more, each with its size, as what is wanted takes.

    Where these are too few to show anything, it is the groups as they were.
    """
    found = set(chosen)
    sizes = [counted[root] for root in sorted(chosen) if root in counted]
    for root, size in more:
        if sum(sizes) >= wanted.questions and wanted.certifies(sizes):
            return found
        if size <= room:
            found.add(root)
            sizes.append(counted[root])
            room -= size
    return found if wanted.certifies(sizes) else chosen


def _of_one_place(examples: Sequence[Example]) -> list[list[str]]:
    """Return the ids of made examples whose evidence overlaps, each such place by itself.

    What one sentence says is asked in several ways ("What happens if", "Under which condition"),
    and by a question of two halves: one of them tells the answer of the other.
    """
    places: dict[str, list[tuple[int, int, str]]] = {}
    for example in examples:
        for gold in example.gold if example.origin == "made" else ():
            if gold.start is not None and gold.end is not None:
                places.setdefault(gold.document_id, []).append((gold.start, gold.end, example.id))
    found: list[list[str]] = []
    for spans in places.values():
        reach = -1
        for start, end, id in sorted(spans):
            if start >= reach:
                found.append([])
            found[-1].append(id)
            reach = max(reach, end)
    return [ids for ids in found if len(ids) > 1]


def _deal(
    examples: Sequence[Example],
    clusters: Mapping[str, tuple[str, ...]],
    alike: list[list[str]],
    shares: Shares,
    barred: _Barred,
    seed: int,
) -> dict[str, Split]:
    """Deal the questions on training documents: those alike together, a question left in train."""
    here = {example.id for example in examples}
    bound: Unions[str] = Unions()
    for ids in alike:
        inside = [id for id in ids if id in here]
        for id in inside:
            bound.join(inside[0], id)
    units = bound.sets(sorted(here))
    units.sort(key=lambda ids: text_hash(f"{seed}:deal:{ids[0]}"))
    splits: dict[str, Split] = dict.fromkeys(here, "train")
    left = Counter(name for id in here for name in clusters[id])
    wanted: tuple[tuple[Split, float], ...] = (("test-seen", shares.test_seen), ("dev", shares.dev))
    for split, share in wanted:
        room = round(share * len(here))
        able = [ids for ids in units if barred.allows(ids, split)]
        for ids in able:
            taken = Counter(name for id in ids for name in clusters[id])
            free = splits[ids[0]] == "train" and len(ids) <= room
            if free and all(left[name] > n for name, n in taken.items()):
                left -= taken
                splits.update(dict.fromkeys(ids, split))
                room -= len(ids)
        if split == "dev":
            _whole_documents(able, clusters, splits, room)
    return splits


def _whole_documents(
    units: list[list[str]],
    clusters: Mapping[str, tuple[str, ...]],
    splits: dict[str, Split],
    room: int,
) -> None:
    """Give dev what it lacks from documents that test-seen does not need in train."""
    needed = {name for id, split in splits.items() if split == "test-seen" for name in clusters[id]}
    for ids in units:
        fits = splits[ids[0]] == "train" and len(ids) <= room
        if fits and not any(name in needed for id in ids for name in clusters[id]):
            splits.update(dict.fromkeys(ids, "dev"))
            room -= len(ids)


def _strays(alike: list[list[str]], new: set[str], owner: Mapping[str, str]) -> set[str]:
    """Return the ids of near-copies on that side of test-new on which fewer of them are.

    Of those that are all in it, but of several groups, one stays: asked of sixty products, a
    question has one ranking and one answer, and would count for sixty documents.
    """
    strays: set[str] = set()
    for ids in alike:
        inside = [id for id in ids if id in new]
        outside = [id for id in ids if id not in new]
        if len(inside) < len(outside):
            strays.update(inside)
            continue
        strays.update(outside)
        if len({owner[id] for id in inside}) > 1:
            strays.update(sorted(inside)[1:])
    return strays
