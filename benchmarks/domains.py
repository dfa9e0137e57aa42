"""Whether tuning a generator pays on domains that nobody tuned for: one default recipe, many sets.

    python benchmarks/domains.py FOLDER [--sets NAME ...] [--seeds 0 1] [--train 300] [--test 100]
        [--set KEY=VALUE ...] --keep OUT [--show]

FOLDER holds BEIR folders with answers. Each is ingested once, `--train` questions of its train
split are imported (and some for dev), the generator is tuned by the defaults, and `--test`
questions of its other split are asked of the untuned and of the tuned one, with the same passages.
A set without a train split is dealt by document. What ran lies in OUT and is not run again;
`--show` prints the table of all that is there.

Of both is printed: answer F1 where every answer is shown, and as served, with the threshold that
was fitted on dev; declines of what has an answer; and what is declined of questions whose gold
documents are hidden (and of the set's own unanswerable ones) where .9 and .75 of the answers to the
others are shown. Beside them stand two rules without a model. The last column is whether the
generator would have joined, by dev alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from graft.answer.answerer import considered
from graft.answer.rules import RULES
from graft.api import Workspace
from graft.core.answer import Answer
from graft.core.case import Case
from graft.core.context import Context
from graft.core.example import Example
from graft.core.hashing import text_hash
from graft.core.measure import measure_named
from graft.core.runs import read_run
from graft.evaluate.compare import Sampling, difference
from graft.examples.beir import splits
from graft.examples.formats import import_examples
from graft.examples.gold import pin
from graft.examples.searching import passages_of, search_for
from graft.generate.remember import Memory
from graft.loop.joining import gain_of, halves
from graft.loop.ladder import Ladder, Rung
from graft.loop.material import gather
from graft.loop.parts import with_run
from graft.loop.recipes import Asked
from graft.loop.scoring import Bench, rule_systems
from graft.loop.sets import load_examples
from graft.loop.tuning import tune_part
from graft.measures.text import token_f1
from graft.measures.values.declines import is_right
from graft.retrieve.stage import run
from graft.wire import library, pipeline, reading

COVERAGES = (0.9, 0.75)
TRAIN, TEST = "train", "test"


def dealt(source: Path, out: Path) -> tuple[Path, str]:
    """Return a folder with a train split, and the name of its other split."""
    named = splits(source)
    if TRAIN in named:
        return source, next(name for name in ("dev", "test") if name in named)
    if not out.exists():
        shutil.copytree(source, out)
        (own,) = named

        def side(document: str) -> str:
            # Passages of one article are named after it.
            return TEST if int(text_hash(document.rsplit("-", 1)[0])[:8], 16) % 5 < 2 else TRAIN

        head, *rows = (out / "qrels" / f"{own}.tsv").read_text("utf-8").splitlines()
        (out / "qrels" / f"{own}.tsv").unlink()
        of_query = {row.split("\t")[0]: side(row.split("\t")[1]) for row in rows}
        for name in (TRAIN, TEST):
            kept = [head, *(row for row in rows if of_query[row.split("\t")[0]] == name)]
            (out / "qrels" / f"{name}.tsv").write_text("\n".join(kept) + "\n", "utf-8")
        for file in ("answers.jsonl", "unanswerable.jsonl"):
            path = out / file
            if path.exists():
                told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
                for row in told:
                    row["split"] = of_query.get(row["_id"]) or side(row["corpus_id"])
                path.write_text("".join(json.dumps(row) + "\n" for row in told), "utf-8")
    return out, TEST


def measured(folder: Path, test: str, root: Path, seed: int, given: argparse.Namespace) -> Any:
    """Tune on one set by one seed, and return what both generators did with its test."""
    ctx, settings = Context(seed=seed), dict(pair.split("=", 1) for pair in given.set)
    space = Workspace(root, settings, context=ctx)
    if not (root / "ingested").exists():
        space.ingest(folder)
        (root / "ingested").touch()
    workspace = space.wiring
    # A sixth of the questions becomes dev.
    taken = space.import_examples(folder, split=TRAIN, limit=round(given.train / 0.85))
    material = gather(workspace, load_examples(workspace, taken["id"]), ctx)
    asked = import_examples(folder, split=test, limit=given.test, seed=seed)
    held = reading(workspace, material.settings)
    examples = list(pin(asked, held.document).examples)
    looks, joins = halves(material.dev)
    # Kept, so that a command that was stopped afterwards does not train again.
    kept = root / f"run-{seed}.json"
    if not kept.exists():
        started = time.perf_counter()
        run = tune_part(
            workspace, "generator", replace(material, dev=looks), asked=Asked("raft"), ctx=ctx
        )
        kept.write_text(json.dumps({"id": run.id, "seconds": time.perf_counter() - started}))
    told = json.loads(kept.read_text("utf-8"))
    tuned, seconds = read_run(workspace.layout.runs / told["id"]), told["seconds"]
    ladder = Ladder(workspace, library(workspace), ctx, Memory())
    rows: list[dict[str, Any]] = []
    sides = {"rag": material.settings, "rag+ft": with_run(material.settings, tuned)}
    thresholds, served = {}, []
    for name, own in sides.items():
        fitted = ladder.fit(own, material.dev)
        thresholds[name] = fitted.answer.decline_threshold
        served.append(ladder.answered(Rung(name, ladder.fit(own, looks)), joins))
        rung = Rung(name, fitted)
        rows += [_row(name, "asked", e, a) for e, a in _told(ladder, rung, examples)]
        rows += [_row(name, "hidden", e, a) for e, a in _hidden(ladder, rung, examples, ctx)]
    bench = Bench(workspace, material.settings, held, ctx)
    for system in rule_systems(bench):
        cases = system.ask(examples)
        rows += [_row(system.name, "asked", c.example, c.answer) for c in cases if c.answer]
    gain = gain_of(measure_named("answer_f1"), *served)
    return {
        "train": len(material.train), "dev": len(material.dev), "seconds": seconds,
        "thresholds": thresholds, "joins": gain.joins, "gain": gain.sentence,
        "counts": dict(tuned.counts),
        "before": dict(tuned.before), "after": dict(tuned.after), "rows": rows,
    }  # fmt: skip


def _told(
    ladder: Ladder, rung: Rung, examples: Sequence[Example]
) -> Iterable[tuple[Example, Answer]]:
    return zip(examples, ladder.answer(rung, examples, 0.0), strict=True)


def _hidden(
    ladder: Ladder, rung: Rung, examples: Sequence[Example], ctx: Context
) -> Iterable[tuple[Example, Answer]]:
    """Answers from what retrieval brings beside the gold documents, which nothing should bear."""
    able = [e for e in examples if e.answerable]
    serving = ladder.serving(rung)
    most = considered(serving.passages)
    stage = pipeline(ladder.workspace, rung.settings, ladder.held, limit=4 * most)
    found = passages_of(run(stage, [search_for(e) for e in able], ctx), serving.store)
    gold = [{each.document_id for each in e.gold} for e in able]
    shown = [
        [p for p in passages if p.document_id not in held][:most]
        for passages, held in zip(found, gold, strict=True)
    ]
    system = replace(serving, decline_threshold=0.0)
    return zip(able, system.answer_from([search_for(e) for e in able], shown, ctx), strict=True)


def _row(system: str, kind: str, example: Example, answer: Answer) -> dict[str, Any]:
    able = example.answerable and kind == "asked"
    return {
        "system": system, "kind": kind, "id": example.id, "answerable": able,
        "group": example.group or example.id, "declined": answer.declined,
        "confidence": answer.confidence, "support": answer.support, "text": answer.text,
        "f1": token_f1(answer.text, example.answers) * (not answer.declined) if able else 0.0,
        "right": able and is_right(Case(example, answer)),
    }  # fmt: skip


def shown(kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print the table of all runs, those of one set together."""
    rules = " | ".join(RULES)
    print(
        f"| set | seeds | rag | rag+ft | difference | served | declines | hidden | {rules} | joins"
    )
    for name, runs in sorted(kept.items()):
        sides = {
            system: [
                {**row, "shown": row["confidence"] >= run["thresholds"].get(system, 0.0)}
                for run in runs for row in run["rows"] if row["system"] == system
            ]
            for system in ("rag", "rag+ft", *RULES)
        }  # fmt: skip
        able = {s: [r for r in rows if r["answerable"]] for s, rows in sides.items()}
        groups = [row["group"] for row in able["rag"]]
        means = {s: np.mean([r["f1"] for r in rows]) for s, rows in able.items()}
        gain = _difference(groups, *([r["f1"] for r in able[s]] for s in ("rag", "rag+ft")))
        served = [[r["f1"] * r["shown"] for r in able[s]] for s in ("rag", "rag+ft")]
        cells = [
            name, str(len(runs)), f"{means['rag']:.3f}", f"{means['rag+ft']:.3f}", gain,
            " → ".join(f"{np.mean(side):.3f}" for side in served),
            " → ".join(_declines(able[s]) for s in ("rag", "rag+ft")),
            " → ".join(_right_declines(sides[s]) for s in ("rag", "rag+ft")),
            *(f"{means[rule]:.3f}" for rule in RULES),
            f"{sum(run['joins'] for run in runs)} of {len(runs)}",
        ]  # fmt: skip
        print("| " + " | ".join(cells) + " |")


def _difference(groups: Sequence[str], before: Sequence[float], after: Sequence[float]) -> str:
    found = difference(
        ("rag", np.array(before)), ("rag+ft", np.array(after)), "answer_f1", groups=list(groups),
        sampling=Sampling(), bounds=(0.0, 1.0),
    )  # fmt: skip
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _declines(rows: Sequence[Mapping[str, Any]]) -> str:
    own = np.mean([row["declined"] for row in rows])
    return f"{own:.2f} ({np.mean([row['declined'] or not row['shown'] for row in rows]):.2f})"


def _right_declines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Declines of what nothing answers, where shares of the answers to the rest are shown."""
    worth: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        worth[row["answerable"]].append(-1.0 if row["declined"] else row["confidence"])
    cuts = [np.quantile(worth[True], 1 - coverage) for coverage in COVERAGES]
    return ", ".join(f"{np.mean(np.array(worth[False]) < cut):.2f}" for cut in cuts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--train", type=int, default=300)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    for seed in [] if given.show else given.seeds:
        for name in given.sets:
            path = given.keep / f"{name}-{seed}.json"
            if not path.exists():
                folder, test = dealt(given.folder / name, given.keep / f"{name}-dealt")
                root = given.keep / name
                root.mkdir(parents=True, exist_ok=True)
                found = measured(folder, test, root, seed, given)
                path.write_text(json.dumps(found, indent=1), "utf-8")
                print(f"{name}, seed {seed}: {found['gain']}", flush=True)
    kept: dict[str, list[Any]] = defaultdict(list)
    for path in sorted(given.keep.glob("*-*.json")):
        kept[path.stem.rsplit("-", 1)[0]].append(json.loads(path.read_text("utf-8")))
    shown(kept)


if __name__ == "__main__":
    main()
