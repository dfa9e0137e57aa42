from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from graft.core.document import Document
from graft.core.errors import InputError, NotFound
from graft.core.example import Example, Gold
from graft.core.hashing import text_hash
from graft.examples.beir import write_beir
from graft.examples.formats import FORMATS, detect, export_examples, import_examples
from graft.examples.squad import placed, read_squad, squad_documents, write_squad
from graft.examples.trec import write_runs
from graft.examples.unusable import Unusable
from graft.testing import MemoryStore

RIVER = Document("river.md", "The Aln is long. The bridge fell in 1848.", "Aln")
HILL = Document("hill.md", "The hill is of chalk.", "Hill")
STORE = MemoryStore([RIVER, HILL])


def gold(document: Document, text: str) -> Gold:
    start = document.text.index(text)
    return Gold(document.id, document.text_hash, start, start + len(text))


EXAMPLES = [
    Example(
        "1",
        "When did the bridge fall?",
        ("1848", "in 1848"),
        (gold(RIVER, "1848"),),
        origin="x",
        group="river.md",
    ),
    Example(
        "2",
        "What is the hill made of?",
        ("chalk",),
        (gold(HILL, "chalk"),),
        origin="x",
        group="hill.md",
    ),
    Example("3", "Who built the bridge?", kind="unanswerable", origin="x", group="river.md"),
]


def bare(example: Example) -> Example:
    """What a format without spans keeps."""
    return replace(example, gold=tuple(Gold(g.document_id) for g in example.gold), origin="x")


def test_beir_round_trip(tmp_path: Path) -> None:
    examples = [
        replace(EXAMPLES[0], split="train"),
        replace(EXAMPLES[1], split="test-new"),
        replace(EXAMPLES[2], split="test-new"),
    ]
    export_examples(examples, tmp_path / "set", "beir", document=STORE.document)
    assert detect(tmp_path / "set") == "beir"
    back = import_examples(tmp_path / "set")
    assert sorted(map(bare, back), key=lambda e: e.id) == [bare(e) for e in examples]
    assert [e.id for e in import_examples(tmp_path / "set", split="train")] == ["1"]
    corpus = [json.loads(line) for line in (tmp_path / "set/corpus.jsonl").open()]
    assert [row["_id"] for row in corpus] == ["river.md", "hill.md"]


def test_squad_round_trip_keeps_spans_and_documents(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    export_examples(EXAMPLES, path, "squad", document=STORE.document)
    assert json.loads(path.read_text())["version"] == "v2.0"
    assert detect(path) == "squad"
    back = sorted(import_examples(path), key=lambda e: e.id)
    assert [replace(e, origin="x") for e in back] == EXAMPLES
    assert [(d.id, d.text) for d in squad_documents(path)] == [
        (RIVER.id, RIVER.text),
        (HILL.id, HILL.text),
    ]
    export_examples(EXAMPLES[:2], path, "squad", document=STORE.document)
    assert json.loads(path.read_text())["version"] == "1.1"


@pytest.mark.parametrize("form", ["chat", "prompts"])
def test_conversation_round_trip(tmp_path: Path, form: str) -> None:
    before = (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "He."},
    )
    talk = Example(
        "4",
        "And why?",
        ("Greed.",),
        (Gold("hill.md"),),
        "conversation",
        "x",
        "dev",
        "hill.md",
        before,
    )
    examples = [*map(bare, EXAMPLES), talk]
    examples[0] = replace(examples[0], answers=("1848",))
    path = tmp_path / "x.jsonl"
    export_examples(examples, path, form)  # type: ignore[arg-type]
    assert detect(path) == form
    assert [replace(e, origin="x") for e in import_examples(path)] == examples
    if form == "chat":
        declined = json.loads(path.read_text().splitlines()[2])["messages"][-1]
        assert declined == {"role": "assistant", "content": "The passages do not say."}


def test_plain_chat_and_prompt_files_are_read(tmp_path: Path) -> None:
    chat = tmp_path / "c.jsonl"
    turns = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]
    chat.write_text(json.dumps({"messages": turns}) + "\n\n")
    [example] = import_examples(chat, split="test")
    assert (example.question, example.answers, example.split) == ("How?", ("So.",), "test-new")
    assert example.kind == "free"
    assert example.id == import_examples(chat)[0].id
    prompts = tmp_path / "p.jsonl"
    prompts.write_text(json.dumps({"prompt": turns[:1], "completion": turns[1:]}))
    assert import_examples(prompts)[0].answers == ("So.",)


def test_a_sample_is_decided_by_its_seed_and_grows_with_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(json.dumps({"prompt": f"Q{i}?", "completion": "A"}) + "\n" for i in range(50))
    )
    few = [e.id for e in import_examples(path, limit=10, seed=1)]
    more = [e.id for e in import_examples(path, limit=20, seed=1)]
    assert len(few) == 10
    assert set(few) < set(more)
    assert [id for id in more if id in few] == few
    assert set(few) != {e.id for e in import_examples(path, limit=10, seed=2)}


def beir(folder: Path, queries: str, qrels: str, **files: str) -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text(queries)
    (folder / "qrels" / "dev.tsv").write_text(qrels)
    for name, text in files.items():
        (folder / f"{name}.jsonl").write_text(text)
    return folder


QUERY = '{"_id": "q", "text": "When?"}\n'
HEADER = "query-id\tcorpus-id\tscore\n"


def test_beir_judgements_of_zero_are_no_gold_and_numbers_are_ids(tmp_path: Path) -> None:
    queries = QUERY + '{"_id": 7, "text": "Who?"}\n'
    folder = beir(tmp_path / "x", queries, HEADER + "q\td1\t0\nq\td2\t2\n7\td3\t1\n")
    first, second = import_examples(folder, split="dev")
    assert first.gold == (Gold("d2", grade=2),)
    assert (second.id, second.kind, second.split) == ("7", "free", "dev")


def test_grades_are_kept_from_import_to_export(tmp_path: Path) -> None:
    rows = "q\td1\t1.0\nq\td2\t3\nq\td3\t 2 \nq\td4\t-1\nq\td5\t0.0\n"
    (example,) = import_examples(beir(tmp_path / "x", QUERY, HEADER + rows), split="dev")
    graded = {"d1": 1, "d2": 3, "d3": 2}
    assert example.grades == graded
    for form in ("beir", "chat", "prompts"):
        told = replace(example, answers=("now",))
        export_examples([told], path := tmp_path / f"{form}.jsonl", form)
        (back,) = import_examples(path)
        assert (form, back.grades) == (form, graded)
    lines = (tmp_path / "beir.jsonl" / "qrels" / "dev.tsv").read_text().splitlines()
    assert lines[1:] == ["q\td1\t1", "q\td2\t3", "q\td3\t2"]


def test_what_a_source_says_beside_is_kept(tmp_path: Path) -> None:
    metadata = '{"kind": "bridge", "level": 2, "sentences": [1, 2]}'
    said = {"kind": "bridge", "level": "2"}
    queries = f'{{"_id": "q", "text": "When?", "metadata": {metadata}}}\n'
    folder = beir(tmp_path / "x", queries, HEADER + "q\td1\t1\n")
    (example,) = import_examples(folder, split="dev")
    assert (example.kind, dict(example.metadata)) == ("free", said)
    for form in ("beir", "chat", "prompts"):
        told = replace(example, answers=("now",))
        export_examples([told], path := tmp_path / f"{form}.jsonl", form)
        assert import_examples(path)[0].metadata == said


ASKED = [{"role": "user", "content": "How?"}]
SO, THUS = ([{"role": "assistant", "content": text}] for text in ("So.", "Thus."))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "How?", "chosen": "So.", "rejected": "Thus."},
        {"prompt": ASKED, "chosen": SO, "rejected": THUS},
        {"chosen": ASKED + SO, "rejected": ASKED + THUS},
    ],
)
def test_preferences_are_read_in_the_forms_that_trainers_take(
    tmp_path: Path, row: dict[str, object]
) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(row | {"documents": ["a.md"]}))
    assert detect(path) == "preferences"
    (example,) = import_examples(path, split="dev")
    assert (example.question, example.answers, example.rejected) == ("How?", ("So.",), ("Thus.",))
    assert (example.grades, example.split, example.messages) == ({"a.md": 1}, "dev", ())


def test_rejected_answers_come_back_from_every_format_that_holds_them(tmp_path: Path) -> None:
    before = ({"role": "user", "content": "Who?"}, {"role": "assistant", "content": "He."})
    examples = [
        replace(bare(EXAMPLES[0]), answers=("1848",), rejected=("1849", "in May")),
        replace(bare(EXAMPLES[2]), rejected=("A smith.",)),
        Example(
            "4", "And when?", ("Then.",), (Gold("hill.md"),), "conversation", "x", "dev",
            "hill.md", before, ("Never.",),
        ),
    ]  # fmt: skip
    for form in ("preferences", "chat", "prompts"):
        path = tmp_path / f"{form}.jsonl"
        assert export_examples(examples, path, form) == 3
        assert [replace(e, origin="x") for e in import_examples(path)] == examples
    assert export_examples([*examples, bare(EXAMPLES[1])], path, "preferences") == 3
    export_examples(examples[:1], tmp_path / "set", "beir")
    assert import_examples(tmp_path / "set")[0].rejected == ("1849", "in May")
    with pytest.raises(InputError, match="none of the 1 examples has one"):
        export_examples([bare(EXAMPLES[1])], path, "preferences")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prompt": "x", "chosen": "y", "rejected": "y"}], "line 1: .* are the same: 'y'"),
        ([{"prompt": "x", "chosen": "y", "rejected": ""}], "line 1: \"rejected\" is ''"),
        ([{"chosen": ASKED + SO, "rejected": THUS}], 'line 1: without a "prompt"'),
        ([{"chosen": SO, "rejected": THUS}], 'line 1: without a "prompt"'),
        (
            [{"id": 1, "prompt": "x", "chosen": c, "rejected": "z"} for c in ("y", "w")],
            "line 2: the id 1 is used twice, for different examples",
        ),
        (
            [{"prompt": "x", "completion": "y", "documents": ["a"], "grades": [0]}],
            'line 1: "grades',
        ),
        (
            [{"prompt": "x", "completion": "y", "rejected": ["z", *THUS]}],
            r"line 1: \"rejected\" is \['z', .*, a list of texts is expected",
        ),
        (
            [{"prompt": "x", "completion": "y", "rejected": ASKED}],
            "line 1: .* must end with a turn",
        ),
        (
            [{"prompt": c, "completion": "y", "id": 7} for c in "abcd"[:2]],
            "line 2: the id 7 is used twice, first in line 1: give each row its own",
        ),
    ],
)
def test_a_bad_preference_is_named(
    tmp_path: Path, rows: list[dict[str, object]], message: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match=message):
        import_examples(path, left=Unusable(strict=True))


def test_a_query_of_two_splits_is_told_with_both_files(tmp_path: Path) -> None:
    export_examples(EXAMPLES[:1], tmp_path, "beir")
    (held,) = (tmp_path / "qrels").glob("*.tsv")
    (tmp_path / "qrels" / "test.tsv").write_text(held.read_text())
    with pytest.raises(InputError, match=rf"query 1 is in qrels/test\.tsv and qrels/{held.name}"):
        import_examples(tmp_path, left=Unusable(strict=True))
    # it is asked by the test, and nothing is trained on it
    left = Unusable()
    assert [e.split for e in import_examples(tmp_path, left=left)] == ["test-new"]
    assert left.counts == {"a question of qrels/test.tsv too": 1}


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        (QUERY, HEADER + "q\td\n", r"dev\.tsv, line 2: 2 columns"),
        (QUERY, HEADER + "z\td\t1\n", r"dev\.tsv, line 2: the query z is not in"),
        (QUERY, HEADER + "q\td\tyes\n", r"dev\.tsv, line 2: the score is 'yes'"),
        (QUERY, HEADER + "q\td\t0.5\n", r"line 2: the score is '0.5', a whole number such as 1 is"),
        (QUERY, HEADER + "q\td\tnan\n", r"line 2: the score is 'nan'"),
        (QUERY, HEADER + "q\td\tinf\n", r"line 2: the score is 'inf'"),
        (QUERY + "{nonsense\n", HEADER, r"queries\.jsonl, line 2: not valid JSON"),
        (QUERY + QUERY, HEADER, r"queries\.jsonl, line 2: the id q is used twice"),
        ('{"_id": "q", "text": 3}', HEADER, r'queries\.jsonl, line 1: "text" is 3'),
        ("[1]\n", HEADER, r"line 1: a JSON object is expected"),
        (QUERY, HEADER, "holds no questions"),
    ],
)
def test_a_bad_beir_row_is_named(tmp_path: Path, queries: str, qrels: str, message: str) -> None:
    folder = beir(tmp_path / "x", queries, qrels)
    with pytest.raises(InputError, match=message):
        import_examples(folder, split="dev", left=Unusable(strict=True))


def test_an_unknown_split_is_refused_with_those_there_are(tmp_path: Path) -> None:
    folder = beir(tmp_path / "x", QUERY, HEADER + "q\td\t1\n")
    with pytest.raises(InputError, match="no split 'test': it has dev"):
        import_examples(folder, split="test")


@pytest.mark.parametrize("name", ["tset", "holdout", "new"])
def test_a_split_that_is_none_is_refused_for_a_file_and_train_for_a_folder(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"prompt": "How?", "completion": "So."}))
    with pytest.raises(InputError, match=f"no split '{name}': name one of train, dev, test-seen"):
        import_examples(path, split=name)
    with pytest.raises(InputError, match="no split 'trainn'"):
        import_examples(path, split="trainn")
    assert [e.split for e in import_examples(path, split="validation")] == ["dev"]
    folder = beir(tmp_path / "x", QUERY, HEADER)
    (folder / "qrels" / f"{name}.tsv").write_text(HEADER + "q\td\t1\n")
    assert [e.split for e in import_examples(folder, split=name)] == ["train"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": []}, "must end with a user's and an assistant's turn"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "is no message"),
        ({"messages": "hello"}, "a list of messages"),
        ({"prompt": "x", "completion": ""}, "\"completion\" is ''"),
        ({"prompt": [], "completion": "x"}, "must end with a turn of the user"),
        ({"question": "x"}, "has the keys question"),
    ],
)
def test_a_bad_row_of_jsonl_is_named(tmp_path: Path, row: dict[str, object], message: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError, match=message) as error:
        import_examples(path)
    assert "line 1" in str(error.value)


def test_what_is_no_known_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        import_examples(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="no BEIR folder"):
        import_examples(tmp_path)
    empty = tmp_path / "x.jsonl"
    empty.write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        import_examples(empty)
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match="no SQuAD file"):
        import_examples(tmp_path / "x.json")


def squad(**changes: object) -> str:
    question = {"id": "1", "question": "When?", "answers": [{"text": "1848", "answer_start": 3}]}
    paragraph = {"context": "In 1848.", "qas": [question | changes]}
    return json.dumps({"data": [{"title": "War", "paragraphs": [paragraph]}]})


def test_squad_names_documents_and_refuses_what_does_not_stand_there(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(squad())
    assert import_examples(path)[0].gold[0].document_id == "War/0"
    for changes, message in [
        ({"answers": [{"text": "1849", "answer_start": 3}]}, "'1849' does not stand at 3"),
        ({"answers": []}, "has no answers"),
        ({"answers": None}, "no list of objects in 'answers'"),
        ({"question": ""}, "has no 'question'"),
    ]:
        path.write_text(squad(**changes))
        with pytest.raises(InputError, match=message):
            import_examples(path)


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    silent = Example("1", "Which?", (), (Gold("hill.md"),))
    with pytest.raises(InputError, match="has no answer"):
        export_examples([silent], tmp_path / "x.jsonl", "chat")
    with pytest.raises(InputError, match="an answer that stands in its document"):
        export_examples(
            [replace(silent, answers=("slate",))],
            tmp_path / "x.json",
            "squad",
            document=STORE.document,
        )
    with pytest.raises(InputError, match="SQuAD holds the documents too"):
        export_examples(EXAMPLES, tmp_path / "x.json", "squad")
    with pytest.raises(InputError, match=", ".join(FORMATS)):
        export_examples(EXAMPLES, tmp_path / "x", "xml")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="tab or a line break"):
        export_examples([replace(EXAMPLES[0], id="a\tb")], tmp_path / "x", "beir")


def test_trec_runs_rank_from_one_and_keep_the_order_by_score(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    # a reranked list: its head and its tail are scored on different scales
    write_runs(
        {"bm25": {"q": [("d1", 0.5), ("d2", 7.0)], "r": []}, "dense": {"q": [("d2", 1.0)]}}, path
    )
    assert path.read_text() == "q Q0 d1 1 2.0 bm25\nq Q0 d2 2 1.0 bm25\nq Q0 d2 1 1.0 dense\n"
    for run in ({"q": [("a b", 1.0)]}, {"q 1": [("a", 1.0)]}, {"q": [("", 1.0)]}):
        with pytest.raises(InputError, match="white space"):
            write_runs({"x": run}, path)


def test_a_squad_paragraph_is_found_in_the_document_that_holds_it(tmp_path: Path) -> None:
    context = "Leave is five days. It carries over."
    text = f"# Handbook\n\n{context}\n"
    rows = [{"id": "q1", "question": "How long is leave?",
             "answers": [{"text": "five days", "answer_start": 9}]},
            {"id": "q2", "question": "Who?", "answers": [], "is_impossible": True}]  # fmt: skip
    path = tmp_path / "squad.json"
    data = [{"title": "Handbook", "paragraphs": [{"context": context, "qas": rows}]}]
    path.write_text(json.dumps({"data": data}))
    read = read_squad(path, "train", Unusable())
    found = placed(read, squad_documents(path), [("other.md", "x"), ("leave.md", text)])
    [gold] = found[0].gold
    assert gold.document_id == "leave.md" and text[gold.start : gold.end] == "five days"
    assert gold.text_hash == text_hash(text) and found[1].group == "leave.md"
    assert placed(read, squad_documents(path), [("other.md", "x")]) == read


def test_questions_without_documents_are_not_written_where_documents_are_needed(
    tmp_path: Path,
) -> None:
    bare = [Example("1", "How long is leave?", ("five days",))]
    with pytest.raises(InputError, match="names one"):
        write_beir(bare, tmp_path / "beir")

    def lost(id: str) -> Document:
        raise NotFound(f"there is no document {id!r}")

    with pytest.raises(InputError, match="names no document"):
        write_squad(bare, tmp_path / "out.json", lost)
