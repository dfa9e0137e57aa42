"""Workspace: the Python face of Graft. Each method is the job of the same name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.recipe import Part
from graft.core.runs import Run
from graft.jobs import adapt as adapt_job
from graft.jobs import ask as ask_job
from graft.jobs import evaluate as evaluate_job
from graft.jobs import examples as examples_job
from graft.jobs import ingest as ingest_job
from graft.jobs import promote as promote_job
from graft.jobs import search as search_job
from graft.jobs import tune as tune_job
from graft.jobs.ingest import Ingested
from graft.jobs.search import Found
from graft.loop.adapted import Adapted
from graft.loop.evaluations import Evaluated
from graft.loop.recipes import Asked
from graft.wire import open_workspace


class Workspace:
    """A folder with documents, examples, runs and releases in it.

    `settings` overrides graft.toml, and the release in use, by dotted keys, as in
    `{"retrieve.depth": 50}`. `context` carries clock, seed, event listener and cancel switch to
    every job. Safe for concurrent readers; one writer at a time, across processes too.
    """

    def __init__(
        self, root: str | Path = ".", settings: Mapping[str, Any] | None = None, *,
        context: Context | None = None,
    ) -> None:  # fmt: skip
        self.wiring = open_workspace(Path(root), settings)
        self.context = context or Context()

    def ingest(self, *paths: str | Path, access: Sequence[str] | None = None) -> Ingested:
        """Add, update and remove documents so that the library mirrors the paths.

        `access` is who may see them, and `[]` is everyone; None keeps what a path was ingested
        with, which for a new one is everyone.
        """
        named = [str(path) for path in paths]
        return ingest_job.ingest(self.wiring, named, access=access, ctx=self.context)

    def search(
        self, query: str, limit: int = 10, *, principals: Sequence[str] | None = None
    ) -> Found:
        """Return the best passages for a query; `principals` is who asks (None: the owner)."""
        who = None if principals is None else frozenset(principals)
        return search_job.search(self.wiring, query, limit=limit, principals=who, ctx=self.context)

    def ask(self, question: str, *, principals: Sequence[str] | None = None) -> Answer:
        """Return a cited answer, or one that declines and says what was looked for."""
        return self.ask_all([question], principals=principals)[0]

    def ask_all(
        self, questions: Sequence[str], *, principals: Sequence[str] | None = None
    ) -> list[Answer]:
        """Return an answer for each question, generated in batches."""
        who = None if principals is None else frozenset(principals)
        return ask_job.ask(self.wiring, questions, principals=who, ctx=self.context)

    def build_examples(self) -> dict[str, Any]:
        """Make questions from the passages, filter and split them; return the counts."""
        return examples_job.build(self.wiring, ctx=self.context)

    def import_examples(
        self, path: str | Path, *, split: str = "", apart_from: Sequence[str] = (), limit: int = 0
    ) -> dict[str, Any]:
        """Take in questions from a BEIR folder, SQuAD JSON; chat, prompt or preference JSONL.

        What stands, or hardly differs, in the splits or files of `apart_from` is left out.
        """
        return examples_job.import_(
            self.wiring, str(path), split=split, apart_from=apart_from, limit=limit,
            ctx=self.context,
        )  # fmt: skip

    def tune(
        self, part: Part, *, examples: str = "", objective: str = "", adapter: str = "",
        mixed: Mapping[str, float] | None = None,
    ) -> Run:  # fmt: skip
        """Train one part ("retriever", "fusion", "reranker", "generator") and return its run.

        `objective` and `adapter` are names, such as "raft", "closed-book" and "lora"; the
        settings' are taken where they are empty. The objectives of `mixed` are trained on beside,
        each with its share of the loss.
        """
        asked = Asked(objective, mixed, adapter)
        return tune_job.tune(self.wiring, part, examples=examples, asked=asked, ctx=self.context)

    def evaluate(
        self, *, examples: str = "", cells: Mapping[str, str] | None = None, limit: int = 0
    ) -> Evaluated:
        """Return the cells on the test splits, with paired intervals and a report.

        `cells` maps names to runs: NAME is asked without passages, rag+NAME with what is
        retrieved. Without any, the latest runs of the generator are taken.
        """
        return evaluate_job.evaluate(
            self.wiring, examples=examples, cells=cells, limit=limit, ctx=self.context
        )

    def evaluate_again(self, *names: str) -> Evaluated:
        """Score an evaluation again from its rows, or compare several; no model is asked."""
        return evaluate_job.evaluate_again(self.wiring, names, ctx=self.context)

    def compare(
        self, releases: Sequence[int] = (), runs: Sequence[str] = (), *, examples: str = "",
        limit: int = 0,
    ) -> Evaluated:  # fmt: skip
        """Return releases, and runs put into the last of them, scored as they would serve.

        Without `releases` it is the one in use.
        """
        return evaluate_job.evaluate_systems(
            self.wiring, releases, runs, examples=examples, limit=limit, ctx=self.context
        )

    def adapt(self, *paths: str | Path, examples: str = "", promote: bool = False) -> Adapted:
        """Run the whole loop: ingest, examples, tuning, evaluation, verdict, report.

        `examples` names a set to use instead of making one.
        """
        named = [str(path) for path in paths]
        return adapt_job.adapt(
            self.wiring, named, examples=examples, promote=promote, ctx=self.context
        )

    def promote(self, number: int, *, force: bool = False) -> int:
        """Put a release into use if the gate let it through. Raises CheckFailed otherwise."""
        return promote_job.promote(self.wiring, number, force=force, ctx=self.context)

    def rollback(self) -> int:
        """Go back to the release in use before, and return its number."""
        return promote_job.rollback(self.wiring, ctx=self.context)
