from hypothesis import given
from hypothesis import strategies as st

from graft.library.segment import counts as module
from graft.library.segment.counts import Counts
from graft.models.tokenizer import WordTokenizer

WORDS = WordTokenizer()


@given(st.text("ab .\n", max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_size_is_the_tokens_touched(text: str, start: int, end: int) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    touched = [t for t in WORDS.offsets(text) if t[0] < end and t[1] > start]
    if end > start:
        assert Counts(text, WORDS).size(start, end) == max(len(touched), -((start - end) // 40))


@given(st.text("ab .", min_size=1, max_size=60), st.integers(0, 59), st.integers(1, 9))
def test_reach_is_the_furthest_end_of_a_size(text: str, start: int, size: int) -> None:
    start = min(start, len(text) - 1)
    counts = Counts(text, WORDS)
    end = counts.reach(start, size)
    assert end > start
    if end < len(text) and end > start + 1:
        assert counts.size(start, end) <= size < counts.size(start, end + 1)


def test_long_texts_are_tokenised_in_blocks_that_cut_no_word() -> None:
    seen = []

    class Watching:
        name = "watching"

        def offsets(self, text: str) -> list[tuple[int, int]]:
            seen.append(text)
            return WORDS.offsets(text)

    text = "seven words stand in this short line\n" * 9000
    counted = Counts(text, Watching())
    assert counted.size(0, len(text)) == 63_000
    assert "".join(seen) == text
    assert len(seen) == -(-len(text) // module._BLOCK)
    assert all(part.endswith("\n") for part in seen)


def test_a_word_without_end_counts_by_its_characters() -> None:
    counts = Counts("x" * 4000, WORDS)
    assert counts.size(0, 4000) == 100
    assert counts.reach(0, 10) == 400
