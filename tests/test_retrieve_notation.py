"""The notation: what it reads is what Python's operators make, and it is written back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.context import Context
from graft.core.errors import ConfigError, GraftError, InputError
from graft.retrieve.notation import MOST, Named, parse, written
from graft.retrieve.stage import Fuse, Stage, Weighted, sum_of

A, B, C, D = (Named(name) for name in "abcd")

weights = st.floats(0.001, 1e9) | st.integers(1, 9).map(float)
names = st.sampled_from(["dense", "bm25", "follow_up", "rerank", "x1", "_"]).map(Named)


def _sum(terms: list[tuple[float, Stage]]) -> Stage:
    return sum_of([Weighted(weight, stage) for weight, stage in terms])


trees = st.recursive(
    names,
    lambda inner: (
        st.tuples(inner, inner).map(lambda pair: pair[0] >> pair[1])
        | st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1])
        | st.lists(st.tuples(weights, inner), min_size=2, max_size=4).map(_sum)
        | st.tuples(inner, st.integers(1, 10**6)).map(lambda pair: pair[0] % pair[1])
    ),
    max_leaves=8,
)


@given(trees)
def test_what_is_written_is_read_as_the_same_tree(tree: Stage):
    assert parse(written(tree)) == tree
    assert written(parse(written(tree))) == written(tree)


@given(trees)
def test_python_reads_the_line_as_it_is_read_here(tree: Stage):
    line = written(tree)
    held = {
        name.name: name
        for name in (Named(n) for n in ("dense", "bm25", "follow_up", "rerank", "x1", "_"))
    }
    assert eval(line, {"__builtins__": {}}, held) == parse(line)


@pytest.mark.parametrize(
    ("line", "tree"),
    [
        ("a", A),
        ("a >> b + c % 3", A >> (B + (C % 3))),
        ("a>>(b + .7*c)%100>>d % 10", A >> (B + 0.7 * C) % 100 >> D % 10),
        ("(((a)))", A),
        ("a + (b + c)", A + B + C),
        ("a >> (b >> c)", A >> B >> C),
        ("1 * (a + b) + c", Fuse((Fuse((A, B)), C))),
        ("2e-1 * a % 3 + 1 * b", Fuse((A % 3, B), (0.2, 1.0))),
        ("0 * a + b", Fuse((A, B), (0.0, 1.0))),
        ("0 * a + 0 * b + c", Fuse((A, B, C), (0.0, 0.0, 1.0))),
        ("(a >> b) + c", (A >> B) + C),
        ("a\n  >> b\t", A >> B),
        ("a % 5 % 3", A % 5 % 3),
    ],
)
def test_the_line_stands_for_the_tree_of_the_algebra(line: str, tree: Stage):
    assert parse(line) == tree
    assert parse(written(tree)) == tree


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "the end at character 1, where a stage"),
        ("dense +", "the end at character 8, where a stage"),
        ("dense bm25", "'bm25' at character 7, where '>>', '+', '%' or the end"),
        ("follow-up >> dense", "'-' at character 7"),
        ("-1 * dense + bm25", "'-' at character 1"),
        ("dense - bm25", "'-' at character 7"),
        ("(dense + bm25", "the end at character 14, where ')' was expected: close"),
        ("dense)", "')' at character 6"),
        ("dense % 0", "'0' at character 9, where a number of hits"),
        ("dense % 1.5", "'1.5' at character 9, where a number of hits"),
        ("dense % bm25", "'bm25' at character 9, where a number of hits"),
        ("dense % 99999999999", "where a number of hits"),
        ("bm25 * 0.7", "a weight stands before its stage: '0.7 * bm25'"),
        ("0.7 * dense >> rerank", "a weight at character 1 where nothing is summed"),
        ("dense + (2 * bm25)", "a weight at character 10 where nothing is summed"),
        ("0.7 dense + bm25", "'dense' at character 5, where '*' was expected"),
        ("0 * dense + 0 * bm25", "one must be above 0"),
        ("1e999 * dense + bm25", "a weight without end"),
        ("dense >> __import__('os')", "'(' at character 20"),
        ("dense.store", "'.' at character 6"),
        ("(" * (MOST + 1) + "a" + ")" * (MOST + 1), f"at most {MOST} times"),
        ("a" + " % 1" * (MOST + 1), f"at most {MOST} times"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_where_and_what_to_write(line: str, told: str):
    with pytest.raises(ConfigError) as error:
        parse(line)
    assert told in str(error.value)


@given(st.text("ab %+*>()0.7-_\n#'", max_size=30) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str):
    try:
        tree = parse(text)
    except GraftError as error:
        assert str(error)
    else:
        assert parse(written(tree)) == tree


def test_a_stage_that_is_only_named_does_not_run():
    with pytest.raises(InputError, match="'dense' is only named"):
        Named("dense")([], Context())
