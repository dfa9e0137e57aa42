"""Full text: the analyser, and scores that are those of bm25s."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import bm25s
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.library import fulltext
from graft.library.analyse import ENGLISH, Analyser
from graft.library.fulltext import FullText, invert, regrow, shift_of
from graft.library.visible import Rows

ANALYSER = Analyser()


def batches(
    texts: Sequence[str], some: Sequence[int] | None = None
) -> Iterator[tuple[Rows, pa.RecordBatch]]:
    """Yield the postings of some texts, all by default."""
    places = np.arange(len(texts)) if some is None else np.array(some, dtype=np.int64)
    # In batches of three and backwards, as a table on disk may hold them.
    for start in reversed(range(0, len(places), 3)):
        rows = places[start : start + 3][::-1]
        found = [ANALYSER.postings(texts[row]) for row in rows]
        yield (
            rows,
            pa.record_batch(
                {
                    "postings": pa.array([p for p, _ in found], pa.list_(pa.uint64())),
                    "length": pa.array([n for _, n in found], pa.int32()),
                }
            ),
        )


def index(texts: Sequence[str]) -> FullText:
    return invert(len(texts), batches(texts))


def search(found: FullText, query: str, limit: int = 10) -> list[tuple[int, float]]:
    rows, scores = found.search(Counter(ANALYSER.terms(query)), limit, None)
    return list(zip(rows.tolist(), scores.tolist(), strict=True))


def test_stop_words_are_those_of_bm25s() -> None:
    assert set(ENGLISH) == set(bm25s.stopwords.STOPWORDS_EN)


def tokenize(texts: Sequence[str], **how: bool) -> Any:
    """Return what bm25s makes of words of one letter and more."""
    words = r"(?u)\b\w+\b"
    return bm25s.tokenize(
        list(texts), stopwords="en", token_pattern=words, show_progress=False, **how
    )


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_bm25s(seed: int) -> None:
    draw = random.Random(seed)
    vocabulary = [f"word{i}" for i in range(40)] + ["the", "Of", "x", "naïve", "e-mail", "R"]
    texts = [" ".join(draw.choices(vocabulary, k=draw.randrange(30))) for _ in range(60)]
    texts[7] = "word1 " * 100
    peer = bm25s.BM25()
    peer.index(tokenize(texts), show_progress=False)
    found = index(texts)
    for query in ("word1 word2 the word2", "naïve e-mail r", " ".join(vocabulary), "word39"):
        tokens = tokenize([query], return_ids=False)
        scores = peer.get_scores(tokens[0])
        ours = dict(search(found, query, len(texts)))
        assert set(ours) == set(np.flatnonzero(scores).tolist())
        for row, score in ours.items():
            assert score == pytest.approx(scores[row], rel=1e-4)


def test_a_count_beyond_what_a_posting_holds_is_cut() -> None:
    (posting,), length = ANALYSER.postings("word " * 1000)
    assert (posting & 127, length) == (127, 1000)
    assert search(index(["word " * 1000, "other"]), "word")[0][0] == 0


def test_an_index_of_nothing_finds_nothing() -> None:
    assert search(index([]), "word") == []
    assert search(index(["", "the"]), "word the") == []


def test_only_allowed_passages_count_against_the_limit() -> None:
    found = index([f"word {'word ' * i}" for i in range(10)])
    allowed = np.zeros(10, dtype=np.bool_)
    allowed[[1, 4]] = True
    rows, _ = found.search(Counter({"word": 1}), 2, allowed)
    assert sorted(rows.tolist()) == [1, 4]


@pytest.mark.parametrize("filtered", [False, True])
def test_a_bound_that_a_sample_tells_leaves_out_nothing(
    monkeypatch: pytest.MonkeyPatch, filtered: bool
) -> None:
    draw = random.Random(0)
    vocabulary = [f"word{i}" for i in range(12)]
    found = index([" ".join(draw.choices(vocabulary, k=draw.randrange(9))) for _ in range(3000)])
    allowed = np.random.default_rng(0).random(3000) < 0.3 if filtered else None
    for words in range(1, 6):
        query = Counter(draw.choices(vocabulary, k=words))
        for limit in (0, 1, 10, 700, 4000):
            told = []
            for sample in (16, 1 << 20):
                monkeypatch.setattr(fulltext, "SAMPLE", sample)
                rows, scores = found.search(query, limit, allowed)
                told.append((rows.tolist(), scores.tolist()))
            assert told[0] == told[1] and len(told[0][0]) <= limit


TEXT = st.lists(st.sampled_from(["tea", "leave", "days", "river", "hill", "the"]), max_size=9)


@given(st.lists(st.tuples(TEXT.map(" ".join), st.sampled_from("ogn")), min_size=1, max_size=40))
def test_an_index_that_is_regrown_is_the_one_that_is_sorted(rows: list[tuple[str, str]]) -> None:
    """Each text is old, gone, or new: the new index holds the first and the last."""
    before = [text for text, fate in rows if fate != "n"]
    after = [text for text, fate in rows if fate != "g"]
    if shift_of(len(before)) != shift_of(len(after)):
        return
    kept = iter(range(len(after)))
    now = [next(kept) if fate != "g" else -1 for _, fate in rows]
    places = np.array([n for n, (_, fate) in zip(now, rows, strict=True) if fate != "n"], dtype=int)
    new = [n for n, (_, fate) in zip(now, rows, strict=True) if fate == "n"]
    found = regrow(index(before), places, len(after), batches(after, new))
    for name, wanted in vars(index(after)).items():
        held = getattr(found, name)
        assert np.array_equal(held, wanted), name
        assert name == "shift" or held.dtype == wanted.dtype
