"""What other tools write is read, and a row that cannot be used stops nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.core.errors import InputError
from graft.core.example import Example
from graft.examples.formats import import_examples
from graft.examples.squad import squad_documents
from graft.examples.unusable import Unusable

ASKED = {"role": "user", "content": "When?"}
TOLD = {"role": "assistant", "content": "Now."}
GOOD = {"messages": [ASKED, TOLD]}


def lines(*rows: object) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def read(path: Path, text: str, encoding: str = "utf-8") -> tuple[list[Example], Unusable]:
    path.write_bytes(text.encode(encoding))
    left = Unusable()
    return import_examples(path, left=left), left


def said(example: Example) -> list[str]:
    before = [f"{turn['role']}: {turn['content']}" for turn in example.messages]
    return [*before, example.question, *example.answers]


def part(text: str, kind: str = "text") -> dict[str, str]:
    return {"type": kind, "text": text}


@pytest.mark.parametrize(
    ("turns", "before"),
    [
        ([{"role": "developer", "content": "Be brief."}, ASKED, TOLD], ["system: Be brief."]),
        ([{"role": "system", "content": ""}, ASKED, TOLD], []),
        ([{"role": "User", "content": "When?"}, {"role": " Assistant ", "content": "Now."}], []),
        ([{"from": "human", "value": "When?"}, {"from": "gpt", "value": "Now."}], []),
        ([{"role": "user", "parts": [{"text": "When?"}]},
          {"role": "model", "parts": [{"text": "Now."}]}], []),
        ([{"role": "user", "content": [part("When?")]}, TOLD | {"tool_calls": None}], []),
        ([{"role": "user", "content": ["When?"]}, TOLD | {"content": [part("Now.")]}], []),
        ([{"role": "user", "content": [part("When?", "input_text")]},
          TOLD | {"content": part("Now.", "output_text"), "refusal": None}], []),
        (json.dumps([ASKED, TOLD]), []),
        ([ASKED | {"name": "Ann"}, TOLD | {"weight": 1}], []),
    ],
)  # fmt: skip
def test_roles_and_parts_as_other_tools_write_them(
    tmp_path: Path, turns: object, before: list[str]
) -> None:
    (example,), left = read(tmp_path / "c.jsonl", lines({"messages": turns}))
    assert said(example) == [*before, "When?", "Now."]
    assert left.told() == ""


def test_parts_are_joined_with_what_stands_between_them(tmp_path: Path) -> None:
    for parts, text in [
        (["Days of", " leave?"], "Days of leave?"),
        (["Staff get 30 days.", "How many?"], "Staff get 30 days.\nHow many?"),
        (["", "How many?", ""], "How many?"),
    ]:
        turns = [{"role": "user", "content": [part(each) for each in parts]}, TOLD]
        (example,), _ = read(tmp_path / "c.jsonl", lines({"messages": turns}))
        assert example.question == text


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [ASKED, TOLD | {"tool_calls": [CALL]}]}, "a turn of a tool"),
        ({"messages": [ASKED, {"role": "tool", "content": "25"}, TOLD]}, "a turn of a tool"),
        ({"messages": [ASKED, TOLD | {"function_call": CALL}]}, "a turn of a tool"),
        ({"conversations": [{"from": "observation", "value": "x"}]}, "a turn of a tool"),
        ({"messages": [{"role": "user", "content": [IMAGE]}, TOLD]}, "a part that is no text"),
        ({"messages": [ASKED, TOLD | {"content": 30}]}, "a part that is no text"),
        ({"messages": [ASKED, TOLD | {"content": None}]}, "an empty turn"),
        ({"messages": [ASKED, TOLD | {"content": " "}]}, "an empty turn"),
        ({"messages": [ASKED | {"role": "robot"}, TOLD]}, "a turn of nobody known"),
        ({"messages": ["When?", "Now."]}, "a turn of nobody known"),
        ({"messages": [TOLD, ASKED]}, "no question and reply at its end"),
        ({"messages": []}, "no question and reply at its end"),
        ({"messages": None}, "no list of messages"),
        ({"prompt": "When?", "completion": "Now."}, "no list of messages"),
        ([ASKED, TOLD], "no JSON object"),
        ('{"messages": [', "not valid JSON"),
        ("When? Now.", "not valid JSON"),
        ({**GOOD, "documents": ["a"], "grades": [0]}, '"grades" that are none'),
    ],
)
def test_a_row_that_cannot_be_used_stops_nothing(tmp_path: Path, row: object, reason: str) -> None:
    path = tmp_path / "c.jsonl"
    found, left = read(path, lines(GOOD, row, GOOD))
    assert [example.question for example in found] == ["When?", "When?"]
    assert left.counts == {reason: 1}
    assert left.told().startswith(f"1 row is left out ({reason}: 1); {path}, line 2: ")
    with pytest.raises(InputError, match="line 2"):
        import_examples(path, left=Unusable(strict=True))


def test_the_first_rows_are_named_and_all_are_counted(tmp_path: Path) -> None:
    rows = ["{", {"messages": 3}, "{", "{", GOOD, "{"]
    _, left = read(tmp_path / "c.jsonl", lines(*rows))
    told = left.told()
    assert told.startswith("5 rows are left out (not valid JSON: 4, no list of messages: 1)")
    assert len(left.rows) == 5 and sum(f"line {n}:" in told for n in range(1, 7)) == 3


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "When?", "input": "", "output": "Now."}, ["When?", "Now."]),
        ({"instruction": "Add.", "input": "1", "output": "1"}, ["Add.\n\n1", "1"]),
        ({"instruction": "And?", "output": "So.", "history": [["When?", "Now."]], "system": "S"},
         ["system: S", "user: When?", "assistant: Now.", "And?", "So."]),
        ({"question": "When?", "answer": "Now."}, ["When?", "Now."]),
        ({"prompt": "When?", "response": "Now."}, ["When?", "Now."]),
        ({"prompt": [ASKED], "completion": TOLD}, ["When?", "Now."]),
        ({"prompt": [{"role": "developer", "content": "S"}, ASKED], "completion": "Now."},
         ["system: S", "When?", "Now."]),
        ({"id": "a", "conversations": [{"from": "system", "value": "S"},
          {"from": "human", "value": "When?"}, {"from": "gpt", "value": "Now."}]},
         ["system: S", "When?", "Now."]),
        ({"system": "S", "conversations": [{"from": "human", "value": "When?"},
          {"from": "gpt", "value": "Now."}]}, ["system: S", "When?", "Now."]),
        ({"custom_id": 1, "body": {"model": "m", **GOOD}}, ["When?", "Now."]),
        ({"messages": GOOD["messages"], "prompt": "other"}, ["When?", "Now."]),
    ],
)  # fmt: skip
def test_forms_of_other_tools(tmp_path: Path, row: dict[str, Any], expected: list[str]) -> None:
    for name, text in [
        ("x.jsonl", lines(row)),
        ("x.json", json.dumps([row], indent=1)),
        ("y.json", json.dumps({"data": [row]})),
        ("z.json", lines(row, {**row, "id": 2})),
    ]:
        found, left = read(tmp_path / name, text)
        assert (name, said(found[0]), left.told()) == (name, expected, "")


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [{"from": "human", "value": "When?"}],
         "chosen": {"from": "gpt", "value": "Now."}, "rejected": {"from": "gpt", "value": "No."}},
        {"question": "When?", "chosen": "Now.", "rejected": "No."},
        {"messages": [ASKED], "chosen": "Now.", "rejected": [TOLD | {"content": [part("No.")]}]},
        {"prompt": "When?", "chosen": [ASKED, TOLD],
         "rejected": [ASKED, TOLD | {"content": "No."}], "messages": [ASKED, TOLD]},
        {"system": "", "prompt": "When?", "chosen": "Now.", "rejected": "No."},
    ],
)  # fmt: skip
def test_preferences_of_other_tools(tmp_path: Path, row: dict[str, Any]) -> None:
    bad = {"prompt": "When?", "chosen": "Now.", "rejected": "Now."}
    (example,), left = read(tmp_path / "p.jsonl", lines(row, bad))
    assert left.counts == {'the same "chosen" and "rejected"': 1}
    assert [*said(example), *example.rejected] == ["When?", "Now.", "No."]


TWO = [{"prompt": "When?", "completion": "Now."}, {"prompt": "Wer?", "completion": "Jörg\u2028."}]
TEXTS: list[Callable[[Sequence[dict[str, str]]], str]] = [
    lambda rows: lines(*rows).rstrip(),
    lambda rows: "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
    lambda rows: lines(*rows).replace("\n", "\r\n"),
    lambda rows: lines(*rows).replace("\n", "\r"),
    lambda rows: "\n\n" + lines(*rows).replace("\n", "\n \n"),
    lambda rows: "\ufeff" + lines(*rows),
    lambda rows: lines(*rows).replace("}", "},"),
    lambda rows: "[\n" + lines(*rows).replace("}", "},") + "]\n",
    lambda rows: json.dumps(rows, indent=2, ensure_ascii=False),
    lambda rows: json.dumps(rows, indent=2, ensure_ascii=False).replace("}\n]", "},\n]"),
    lambda rows: json.dumps(rows, ensure_ascii=False).replace('"}', '",}'),
    lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows),
    lambda rows: json.dumps({"data": rows}, indent=2),
]


@pytest.mark.parametrize("form", range(len(TEXTS)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_rows_in_whatever_file(tmp_path: Path, form: int, encoding: str) -> None:
    for name in ("x.jsonl", "x.json"):
        found, left = read(tmp_path / name, TEXTS[form](TWO), encoding)
        assert [said(each) for each in found] == [["When?", "Now."], ["Wer?", "Jörg\u2028."]]
        assert left.told() == ""


def test_a_row_of_another_encoding_is_read_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    row = json.dumps({"prompt": "Où?", "completion": "Là, déjà."}, ensure_ascii=False) + "\n"
    path.write_bytes(row.encode("cp1252"))
    assert import_examples(path)[0].answers == ("Là, déjà.",)
    path.write_bytes(row.encode() * 20 + row.encode("cp1252"))
    left = Unusable()
    assert {e.question for e in import_examples(path, left=left)} == {"Où?"}
    assert left.counts == {}, "lines of two encodings are read"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(InputError, match="holds no text"):
        import_examples(path)


def test_ids_are_numbers_or_used_twice_and_no_row_is_lost(tmp_path: Path) -> None:
    rows = [
        {"id": 7, "prompt": "a?", "completion": "A"},
        {"id": 7.0, "prompt": "b?", "completion": "B"},
        {"id": "7", "prompt": "a?", "completion": "A"},
        {"id": "", "prompt": "c?", "completion": "C"},
        {"id": None, "prompt": "c?", "completion": "C"},
        {"id": ["x"], "prompt": "e?", "completion": "E"},
    ]
    found, left = read(tmp_path / "x.jsonl", lines(*rows))
    assert [example.question for example in found] == ["a?", "b?", "c?", "c?", "e?"]
    assert [example.id for example in found][:2] == ["7", "7~2"] and left.renamed == 1
    assert len({example.id for example in found}) == 5
    assert left.counts == {"the same row twice": 1}
    pairs = [{"id": 1, "prompt": q, "chosen": "A", "rejected": r} for q, r in ["ab", "ac", "db"]]
    found, left = read(tmp_path / "p.jsonl", lines(*pairs))
    assert [(e.id, e.rejected) for e in found] == [("1", ("b", "c")), ("1~3", ("b",))]


@given(st.lists(st.sampled_from(range(4)), min_size=1, max_size=12))
def test_good_rows_come_whatever_stands_between_them(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[int]
) -> None:
    broken = ["", '{"prompt": "x", ', "plain words", '{"prompt": "x", "completion": ""}']
    good = {n: f"q{n}?" for n, kind in enumerate(kinds, start=1) if not kind}
    rows = [
        broken[kind] or json.dumps({"prompt": good[n], "completion": "a"})
        for n, kind in enumerate(kinds, start=1)
    ]
    path, left = tmp_path_factory.mktemp("rows") / "x.jsonl", Unusable()
    path.write_text(lines(*rows))
    if not good:
        with pytest.raises(InputError):
            import_examples(path)
        return
    assert [e.question for e in import_examples(path, left=left)] == list(good.values())
    told = [int(str(row).partition("line ")[2].partition(":")[0]) for row in left.rows]
    assert sorted([*told, *good]) == list(range(1, len(kinds) + 1))


SMILE = "🙂 Leave is five days. Five pay days. A five."


def squad(*rows: dict[str, Any], context: str = SMILE) -> str:
    paragraph = {"context": context, "qas": rows}
    return json.dumps({"data": [{"title": "Leave", "paragraphs": [paragraph]}]})


def answer(text: str, start: object = None) -> dict[str, Any]:
    return {"question": f"{text} {start}?", "answers": [{"text": text, "answer_start": start}]}


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("five", 11, 11),  # characters
        ("five", 12, 11),  # UTF-16 units
        ("five", 14, 11),  # bytes of UTF-8
        ("five", "11", 11),
        ("five", 11.0, 11),
        ("five days", 0, 11),  # stands once
        ("Five pay", None, 22),
        ("five", 3, None),  # stands twice, and at neither
        ("six", 3, None),
    ],
)
def test_an_answer_is_placed_where_it_can_be_told(
    tmp_path: Path, text: str, start: object, expected: int | None
) -> None:
    found, left = read(tmp_path / "x.json", squad(answer(text, start), answer("Leave", 2)))
    spans = [gold.start for example in found for gold in example.gold]
    assert spans == [*([] if expected is None else [expected]), 2]
    reason = {"an answer that does not stand where it says": 1}
    assert left.counts == ({} if expected is not None else reason)


def test_squad_in_the_forms_of_other_tools(tmp_path: Path) -> None:
    row = {"title": "Leave", "context": SMILE, "question": "How many?"}
    told = {"text": ["five days"], "answer_start": [11]}
    rows = [
        {**row, "id": "a", "answers": told},
        {**row, "id": "b", "answers": {"text": [], "answer_start": []}},
        {**row, "id": "c", "context": "Two.", "answers": {"text": ["Two"], "answer_start": [0]}},
        {**row, "id": "d", "context": None, "answers": told},
    ]
    for name, text in [
        ("x.jsonl", lines(*rows)),
        ("x.json", json.dumps(rows)),
        ("y.json", json.dumps({"version": "1", "data": rows}, indent=1)),
    ]:
        found, left = read(tmp_path / name, text)
        assert [(e.id, e.kind) for e in found] == [
            ("a", "extractive"), ("b", "unanswerable"), ("c", "extractive"),
        ]  # fmt: skip
        assert [each.id for each in squad_documents(tmp_path / name)] == ["Leave/0", "Leave/1"]
        assert left.counts == {"a paragraph without a text": 1}
    # a test set whose answers are kept back says nothing of what has none
    with pytest.raises(InputError, match="no answers, and not marked"):
        read(tmp_path / "z.jsonl", lines(rows[1]))


def test_squad_ids_are_made_and_bad_questions_stop_nothing(tmp_path: Path) -> None:
    good = answer("Leave", 2)
    found, left = read(
        tmp_path / "x.json",
        squad(
            good, good, {**good, "id": 7}, {**answer("pay", 27), "id": "7"}, {"id": 8},
            {"id": 9, "question": "Why?", "answers": None},
            {"id": 10, "question": "Who?", "answers": [], "is_impossible": True},
        ),
    )  # fmt: skip
    assert [len(e.id) for e in found] == [16, 1, 3, 2] and found[2].id == "7~4"
    assert left.renamed == 1
    assert left.counts == {
        "the same row twice": 1, "no 'question'": 1, "no list of 'answers'": 1,
    }  # fmt: skip


QUERIES = lines({"_id": "q 1", "text": "When?"}, {"_id": 7, "text": "Who?"})


@pytest.mark.parametrize(
    "qrels",
    [
        "query-id\tcorpus-id\tscore\n7\td1\t1\n7\td2\t2\n",
        "7\td1\t1.0\n7\td2\t2.0\n",
        "7 d1 1\n7 d2 2\n",
        "7 0 d1 1\n7 0 d2 2\n7 0 d3 0\n",
        "7\t0\td1\t1\n7\tQ0\td2\t2\n",
        "qid\titer\tdocid\trel\r\n7\t0\td1\t1\t\r\n\r\n7\t0\td2\t 2 \r\n",
        "\ufeffquery_id  doc_id  relevance\n7    d1    1\n7    d2    2e0\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_qrels_as_other_tools_write_them(tmp_path: Path, qrels: str, encoding: str) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "queries.jsonl").write_bytes(QUERIES.encode(encoding))
    (tmp_path / "qrels" / "dev.tsv").write_bytes(qrels.encode(encoding))
    left = Unusable()
    (example,) = import_examples(tmp_path, left=left)
    assert (example.id, example.grades, left.told()) == ("7", {"d1": 1, "d2": 2}, "")


def test_bad_rows_of_a_beir_folder_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    bad = lines({"_id": 7, "text": "again"}, {"_id": 8, "text": ""}, "{", {"text": "x"})
    (tmp_path / "queries.jsonl").write_text(QUERIES + bad)
    rows = ["7\td1\t1", "7\td2", "7\td3\tyes", "7\td4\t0.5", "9\td5\t1", "q 1\td 6\t1", "a b c d e"]
    (tmp_path / "qrels" / "dev.tsv").write_text("\n".join(rows))
    told = lines({"_id": 7, "answers": "Ann"}, {"_id": "q 1", "answers": [1848]}, {"_id": "q 1"})
    (tmp_path / "answers.jsonl").write_text(told + lines({"_id": "q 1", "answers": [{}]}))
    left = Unusable()
    found = import_examples(tmp_path, left=left)
    assert [(e.id, e.grades) for e in found] == [("7", {"d1": 1}), ("q 1", {"d 6": 1})]
    assert found[0].answers == ("Ann",)
    assert left.counts == {
        "a judgement of other columns": 2, "a score that is no whole number": 2,
        "an id used twice": 1, 'no "text"': 1, "not valid JSON": 1, 'no "_id"': 1,
        '"answers" that are no texts': 1, "a judgement of no query": 1,
    }  # fmt: skip
