"""What made questions are worth as a test: `python benchmarks/questions.py [FOLDER...]`.

Each FOLDER (files, or a BEIR folder, of which `--documents` are drawn) is read into a library of
its own with the demo's settings, and questions are made from it; without one, the demo's corpus.
Printed are how many questions each maker tried and kept, how many texts a model was asked for, how
the questions begin, how long their answers are in words and as a share of the sentence they stand
in, and what the two rules without a model (`answer/rules.py`) score on those that came into a test:
the less, the more there is to learn. `--show 100` prints a sample of them, to be read.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from graft.answer.rules import RULES, rule_answer
from graft.core.context import Context
from graft.core.example import Example
from graft.core.search import Search
from graft.jobs import examples as examples_job
from graft.jobs.demo import SETTINGS
from graft.jobs.ingest import ingest
from graft.loop.corpus import write_corpus
from graft.loop.releases import settings_of
from graft.loop.sets import load_examples
from graft.measures.text import token_f1
from graft.wire import Wiring, generator, open_workspace, pipeline, reading


class Counting:
    """A generator that counts the texts it is asked for."""

    def __init__(self, inner) -> None:  # type: ignore[no-untyped-def]
        self.inner, self.texts = inner, 0

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return getattr(self.inner, name)

    def generate(self, prompts, decoding):  # type: ignore[no-untyped-def]
        self.texts += len(prompts)
        return self.inner.generate(prompts, decoding)


def documents(folder: Path | None, count: int, into: Path) -> Path:
    """Return a folder to ingest: the demo's corpus, the folder, or some of a BEIR folder."""
    if folder is None:
        write_corpus(into)
        return into
    corpus = folder / "corpus.jsonl"
    if not corpus.exists():
        return folder
    lines = corpus.read_text(encoding="utf-8").splitlines()
    chosen = random.Random(0).sample(lines, min(count, len(lines)))
    into.mkdir(parents=True, exist_ok=True)
    (into / "corpus.jsonl").write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return into


def made(workspace: Wiring, source: Path, ctx: Context) -> tuple[dict, int]:
    """Ingest and make; return what is printed of it, and how many texts a model was asked for."""
    ingest(workspace, [str(source)], ctx=ctx)
    counting: list[Counting] = []

    def counted(*given):  # type: ignore[no-untyped-def]
        counting.append(Counting(generator(*given)))
        return counting[-1]

    examples_job.generator = counted  # type: ignore[assignment]
    told = examples_job.build(workspace, ctx=ctx)
    return told, sum(each.texts for each in counting)


def rules(workspace: Wiring, asked: Sequence[Example], ctx: Context) -> dict[str, list[float]]:
    """Return the answer F1 of each rule on each question, from the release's best hit."""
    settings, _ = settings_of(workspace, None)
    line = pipeline(workspace, settings, reading(workspace, settings), limit=1)
    scores: dict[str, list[float]] = {name: [] for name in RULES}
    for example in asked:
        [found] = line([Search(example.question)], ctx)
        best = found.hits[0].passage if found.hits else None
        for name, rule in RULES.items():
            answer = rule_answer(rule, example.question, best)
            scores[name].append(token_f1(answer.text, example.answers))
    return scores


def words(text: str) -> int:
    return len(text.split())


def show(name: str, workspace: Wiring, told: dict, texts: int, given: argparse.Namespace) -> None:
    settings, _ = settings_of(workspace, None)
    held, found = reading(workspace, settings), load_examples(workspace, "")
    answerable = [e for e in found.examples if e.answerable]
    print(f"\n{name}: {len(found.examples)} questions, {len(answerable)} of them answerable")
    print(f"  texts asked of a model: {texts}, {texts / len(found.examples):.1f} a question")
    for maker, count in told.get("makers", {}).items():
        kept = sum(e.metadata.get("maker") == maker for e in answerable)
        print(f"  {maker:12} tried {count['tried']:4}  kept {count['kept']:4}  in a split {kept:4}")
    print(f"  dropped: {told['dropped']}")
    first = Counter(" ".join(e.question.split()[:2]).lower() for e in answerable)
    print("  first words:", ", ".join(f"{k} {n}" for k, n in first.most_common(16)))
    lengths = [words(e.answers[0]) for e in answerable]
    shares = []
    for example in answerable:
        spans = [(g.document_id, g.start, g.end) for g in example.gold if g.span]
        told_words = sum(words(held.document(d).text[a:b]) for d, a, b in spans)
        shares.append(min(1.0, words(example.answers[0]) / max(told_words, 1)))
    print(
        f"  answers: {statistics.mean(lengths):.1f} words (median {statistics.median(lengths):g}), "
        f"{statistics.mean(shares):.2f} of the evidence; {sum(s > 0.9 for s in shares)} are all of it"  # noqa: E501
    )
    tests = [e for e in answerable if e.split.startswith("test")]
    scores = rules(workspace, tests, Context())
    for rule, values in scores.items():
        mean = statistics.mean(values) if values else float("nan")
        print(f"  {rule}: answer F1 {mean:.3f} on {len(tests)} test questions")
        by_maker: dict[str, list[float]] = {}
        for example, value in zip(tests, values, strict=True):
            by_maker.setdefault(example.metadata.get("maker", "-"), []).append(value)
        print(
            "    "
            + ", ".join(
                f"{m} {statistics.mean(v):.2f} ({len(v)})" for m, v in sorted(by_maker.items())
            )
        )
    for example in random.Random(0).sample(answerable, min(given.show, len(answerable))):
        print(
            f"    [{example.metadata.get('maker', '-')}] {example.question}\n        {example.answers[0]}"  # noqa: E501
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--documents", type=int, default=150, help="drawn from a BEIR folder")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--show", type=int, default=0, help="questions to read")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    flags = {**SETTINGS, **dict(each.split("=", 1) for each in given.set)}
    for folder in given.folders or [None]:
        with tempfile.TemporaryDirectory() as scratch:
            workspace = open_workspace(Path(scratch) / "workspace", flags)
            source = documents(folder, given.documents, Path(scratch) / "documents")
            told, texts = made(workspace, source, Context(seed=given.seed))
            show(folder.name if folder else "demo", workspace, told, texts, given)


if __name__ == "__main__":
    main()
