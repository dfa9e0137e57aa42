"""Histories from files: the forms that chat logs have, and a clear word where a row is none."""

from __future__ import annotations

import json

import pytest

from graft.core.errors import InputError
from graft.core.history import history_of, parse_history
from graft.core.search import Search, as_search

ASKED = {"role": "user", "content": "How many leave days carry over?"}
TOLD = {"role": "assistant", "content": "Five."}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ASKED, TOLD]),
        json.dumps([ASKED, TOLD], indent=2),
        json.dumps({"messages": [ASKED, TOLD]}),
        f"{json.dumps(ASKED)}\n\n{json.dumps(TOLD)}\n",
        f"{json.dumps(ASKED)}\r\n{json.dumps(TOLD)}",
        json.dumps([{**ASKED, "content": [{"type": "text", "text": ASKED["content"]}]}, TOLD]),
        json.dumps([{"role": "assistant", "content": "Hello!"}, ASKED, TOLD]),
        json.dumps([{**ASKED, "name": "Ann", "time": 3}, TOLD]),
    ],
    ids=["json", "indented", "messages", "jsonl", "crlf", "parts", "greeting", "more keys"],
)
def test_each_form_gives_the_same_turns(text: str) -> None:
    assert parse_history(text) == (ASKED, TOLD)


def test_turns_of_one_role_that_follow_each_other_become_one() -> None:
    more = {"role": "user", "content": "For interns too?"}
    joined = {"role": "user", "content": f"{ASKED['content']}\n\nFor interns too?"}
    assert history_of([ASKED, more, TOLD]) == (joined, TOLD)
    assert history_of([]) == () == parse_history("")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{nonsense", "line 1 of the history is no JSON"),
        (f"{json.dumps(ASKED)}\n[1", "line 2 of the history is no JSON"),
        ("3", "a JSON int: write a list of messages"),
        ('"hello"', "a JSON str: write a list of messages"),
        ('{"messages": "x"}', "a JSON str: write a list of messages"),
        ('["hello"]', "row 1 of the history is no message"),
        ('{"question": "x"}', "row 1 of the history is no message"),
        ('[{"role": "user"}]', "row 1 of the history is no message"),
        ('[{"role": "system", "content": "x"}]', "row 1 of the history has the role 'system'"),
        (json.dumps([ASKED, {"role": "tool", "content": "x"}]), "row 2 .* has the role 'tool'"),
        (json.dumps([ASKED, {"role": ["user"], "content": "x"}]), "row 2 .* has the role"),
        (json.dumps([ASKED, {"role": "assistant", "content": None}]), "row 2 .* has no text"),
        (json.dumps([ASKED, {"role": "assistant", "content": "  "}]), "row 2 .* has no text"),
        (json.dumps([{"role": "user", "content": [{"type": "image"}]}]), "row 1 .* no text"),
        (json.dumps([ASKED, TOLD, ASKED]), "row 3 .* a question without an answer"),
    ],
)
def test_what_is_no_history_is_told_with_its_row(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_history(text)


def test_what_is_asked_has_words_and_a_history_in_order() -> None:
    greeted = Search("And interns?", history=({"role": "assistant", "content": "Hi"}, ASKED, TOLD))
    assert as_search(greeted).history == (ASKED, TOLD)
    assert as_search("And interns?") == Search("And interns?")
    for question in ("", "  ", Search("\n")):
        with pytest.raises(InputError, match="at least one word"):
            as_search(question)
    with pytest.raises(InputError, match="row 1"):
        as_search(Search("And interns?", history=({"role": "robot", "content": "x"},)))
