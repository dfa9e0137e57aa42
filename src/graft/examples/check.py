"""Check: that no question, near-copy or document stands on two sides of the splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graft.core.errors import LeakError
from graft.core.example import SPLITS, Example
from graft.examples.repeats import repeats
from graft.examples.split import documents_of


def check(examples: Iterable[Example], *, groups: Mapping[str, str] | None = None) -> None:
    """Raise LeakError, naming the pair, when anything stands on two sides of the splits.

    Looked for: an id used twice; a question that is a near-copy of one in another split; a
    document of test-new, or one of its cluster (`groups`, and the examples' own), that is asked
    about in another split; a document of test-seen that is not in train.
    """
    sides: dict[str, list[Example]] = {split: [] for split in SPLITS}
    ids: dict[str, Example] = {}
    for example in examples:
        if example.id in ids:
            raise LeakError(
                f"two examples have the id {example.id}, in {ids[example.id].split} and "
                f"{example.split}: give each its own"
            )
        ids[example.id] = example
        sides[example.split].append(example)
    _check_documents(sides, groups or {})
    _check_questions(sides)


def _check_documents(sides: Mapping[str, Sequence[Example]], groups: Mapping[str, str]) -> None:
    new: dict[str, Example] = {}
    for example in sides["test-new"]:
        new.update(dict.fromkeys(_names(example, groups), example))
    train: set[str] = set()
    for split in ("train", "dev", "test-seen"):
        for example in sides[split]:
            for name in _names(example, groups):
                if name in new:
                    raise LeakError(
                        f"{name} is the document (or cluster) of {_show(new[name])} in test-new "
                        f"and of {_show(example)} in {split}: split the examples anew"
                    )
                if split == "train":
                    train.add(name)
    for example in sides["test-seen"]:
        for document in documents_of(example):
            if groups.get(document, document) not in train and not train & _names(example, groups):
                raise LeakError(
                    f"test-seen asks {_show(example)} about {document}, of which train has "
                    "nothing: move it to test-new"
                )


def _check_questions(sides: Mapping[str, Sequence[Example]]) -> None:
    before: list[Example] = []
    for split in SPLITS:
        for found in repeats(before, sides[split]):
            raise LeakError(
                f"{_show(found.example)} in {found.example.split} and {_show(found.other)} in "
                f"{split} are near-copies (similarity {found.similarity:.2f}): keep one, or split "
                "the examples anew"
            )
        before += sides[split]


def _names(example: Example, groups: Mapping[str, str]) -> set[str]:
    """Return what an example must not share with test-new: documents, clusters, its group."""
    documents = documents_of(example)
    clusters = {groups.get(document, document) for document in documents}
    return {*documents, *clusters, *({example.group} if example.group else ())}


def _show(example: Example) -> str:
    return f"{example.question!r} ({example.id})"
