"""Server-sent events, cut anywhere, give the data that was sent."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from graft.generate.events import DONE, Events

texts = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\u2028\u2029\x85\x0b\x0c")
)
ends = st.sampled_from(["\n", "\r\n", "\r"])
others = st.sampled_from(["", ": ping", "event: message", "id: 7", "retry: 10", "data2: no"])


def read(data: bytes, cuts: list[int]) -> list[bytes]:
    events, found = Events(), list[bytes]()
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    for a, b in pairwise(places):
        found += events.add(data[a:b])
    return found + list(events.end())


@given(
    st.lists(st.tuples(texts, others, st.booleans(), st.booleans())), ends, st.booleans(),
    st.lists(st.integers(0, 2000)),
)  # fmt: skip
def test_what_was_sent_arrives(sent, end: str, mark: bool, cuts: list[int]):
    stream = "\ufeff" if mark else ""
    for text, other, space, lines in sent:
        event = json.dumps({"text": text}, ensure_ascii=False, indent=1 if lines else None)
        stream += f"{other}{end}" if other else ""
        for line in event.split("\n"):
            stream += f"data:{' ' if space else ''}{line}{end}"
        stream += end
    found = read(stream.encode(), cuts)
    assert [json.loads(data)["text"] for data in found] == [text for text, *_ in sent]


@given(st.binary(), st.lists(st.integers(0, 100)))
def test_any_bytes_give_the_same_however_they_are_cut(data: bytes, cuts: list[int]):
    assert read(data, cuts) == read(data, [])


def test_an_event_is_given_before_the_empty_line_that_ends_it():
    events = Events()
    assert list(events.add(b'data: {"a": 1}\n')) == [b'{"a": 1}']
    assert list(events.add(b"data: [DONE]\n")) == [DONE]
    assert list(events.add(b"data: nonsense\n")) == []
    assert list(events.add(b"\n")) == [b"nonsense"]


def test_the_last_line_needs_no_end():
    assert read(b"data: [DONE]", []) == [DONE]
