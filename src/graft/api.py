"""Workspace: the one face of Graft. Every verb is a method, and the command line calls these alone.

A job is imported in the method that runs it, so that a verb that needs no model loads none: jobs
bring torch, which takes seconds. These imports are the only ones of jobs in the package, and are
plain ones, so that types and import contracts see them; a table of names to import would hide both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from graft.core.answer import Answer
from graft.core.context import Context
from graft.core.errors import InputError
from graft.core.recipe import Part
from graft.core.runs import Run
from graft.core.search import Filter, Search
from graft.wire import Wiring, open_workspace, require_folder

if TYPE_CHECKING:
    from graft.jobs.chat import Chat as Chat
    from graft.jobs.doctor import Check
    from graft.jobs.ingest import Ingested as Ingested
    from graft.jobs.search import Found
    from graft.loop.adapted import Adapted as Adapted
    from graft.loop.evaluations import Evaluated


class Workspace:
    """A folder with documents, examples, runs and releases in it, opened when it is first used.

    `settings` overrides graft.toml, and the release in use, by dotted keys, as in
    `{"retrieve.depth": 50}`. `context` carries clock, seed, event listener and cancel switch to
    every job; `wait` is how many seconds a job waits while another process writes. Safe for
    concurrent readers; one writer at a time, across processes too. Raises InputError for a file
    where a folder was expected.
    """

    def __init__(
        self, root: str | Path = ".", settings: Mapping[str, Any] | None = None, *,
        context: Context | None = None, wait: float = 0.0,
    ) -> None:  # fmt: skip
        self.root = require_folder(Path(root))
        self.settings = dict(settings or {})
        self.context = context or Context()
        self.wait = wait
        self._lock = RLock()
        self._wiring: Wiring | None = None

    @property
    def wiring(self) -> Wiring:
        """The open workspace. Raises ConfigError for a setting that cannot be used."""
        with self._lock:
            if self._wiring is None:
                self._wiring = open_workspace(self.root, self.settings)
            return self._wiring

    # Documents

    def init(self) -> Path:
        """Write a commented graft.toml and return its path. Raises InputError if there is one."""
        from graft.jobs.init import init

        return init(self.root)

    def ingest(self, *paths: str | Path, access: Sequence[str] | None = None) -> Ingested:
        """Add, update and remove documents so that the library mirrors the paths.

        `access` is who may see them, and `[]` is everyone; None keeps what a path was ingested
        with, which for a new one is everyone.
        """
        from graft.jobs.ingest import ingest

        named = [str(path) for path in paths]
        return ingest(self.wiring, named, access=access, wait=self.wait, ctx=self.context)

    def list_documents(self) -> Iterator[dict[str, Any]]:
        """Yield every document's id, title, media type, number of passages, and who may see it."""
        from graft.jobs.library import list_documents

        return list_documents(self.wiring)

    def show_document(self, id: str) -> dict[str, Any]:
        """Return a document with its text and passages. Raises NotFound."""
        from graft.jobs.library import show_document

        return show_document(self.wiring, id)

    def remove_documents(
        self, *ids: str, under: str | Path = "", purge: bool = False
    ) -> dict[str, Any]:
        """Remove documents from every space; with `purge`, from every version on disk too.

        All that come from the file or folder `under`, which may be gone, are removed as well.
        Returns how many were removed, the version published, the runs that learned from them, and
        of a purge the evaluations that lost what they said, and the example sets that ask of them.
        """
        from graft.jobs.remove import remove_documents

        return remove_documents(
            self.wiring, ids, under=str(under), purge=purge, wait=self.wait, ctx=self.context
        )

    # Questions

    def search(
        self, question: str | Search, limit: int = 10, *, release: int | None = None,
        principals: Iterable[str] | None = None,
    ) -> Found:  # fmt: skip
        """Return the best passages for a question, with the pipeline that found them.

        A question is the owner's, unless `principals` says who asks; a Search holds that itself,
        with its history and filter. `release` is the one to search by, the current one otherwise.
        """
        from graft.jobs.search import search

        asked = _asked(question, principals)
        return search(self.wiring, asked, limit=limit, release=release, ctx=self.context)

    def ask(
        self, question: str | Search, *, release: int | None = None,
        principals: Iterable[str] | None = None,
    ) -> Answer:  # fmt: skip
        """Return a cited answer, or one that declines and says what was looked for."""
        return self.ask_all([question], release=release, principals=principals)[0]

    def ask_all(
        self, questions: Iterable[str | Search], *, release: int | None = None,
        principals: Iterable[str] | None = None,
    ) -> list[Answer]:  # fmt: skip
        """Return an answer for each question, generated in batches.

        A question that fails gives an answer with its `error`; raises ModelError when all do.
        """
        from graft.jobs.ask import ask

        who = None if principals is None else frozenset(principals)
        searches = [_asked(question, who) for question in questions]
        return ask(self.wiring, searches, release=release, ctx=self.context)

    def stream(
        self, question: str | Search, *, release: int | None = None,
        principals: Iterable[str] | None = None,
    ) -> Iterator[str | Answer]:  # fmt: skip
        """Yield provisional text as it is written, then the one authoritative Answer."""
        from graft.jobs.ask import stream

        asked = _asked(question, principals)
        return stream(self.wiring, asked, release=release, ctx=self.context)

    def chat(
        self, *, release: int | None = None, filter: Filter | None = None,
        principals: Iterable[str] | None = None,
    ) -> Chat:  # fmt: skip
        """Return a conversation: each question is asked with the turns before it."""
        from graft.jobs.chat import chat

        asker = _asked(Search("", filter=filter or Filter()), principals)
        return chat(self.wiring, asker, release=release, ctx=self.context)

    # Examples

    def build_examples(self) -> dict[str, Any]:
        """Make questions from the passages, filter and split them; return the counts."""
        from graft.jobs.examples import build

        return build(self.wiring, ctx=self.context)

    def import_examples(
        self, path: str | Path, *, split: str = "", apart_from: Sequence[str] = (), limit: int = 0,
        strict: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Take in questions from a BEIR folder, SQuAD JSON; chat, prompt or preference JSONL.

        What stands, or hardly differs, in the splits or files of `apart_from` is left out. So are
        rows that cannot be used, with a warning; `strict` raises InputError at the first.
        """
        from graft.jobs.examples import import_

        return import_(
            self.wiring, str(path), split=split, apart_from=apart_from, limit=limit,
            strict=strict, ctx=self.context,
        )  # fmt: skip

    def export_examples(self, path: str | Path, *, format: str = "", examples: str = "") -> int:
        """Write an example set in another tool's format and return how many there are."""
        from graft.jobs.examples import export

        return export(self.wiring, str(path), format=format, examples=examples)

    def list_examples(self) -> list[dict[str, Any]]:
        """Return every example set, oldest first: id, time, origin, counts by split."""
        from graft.jobs.examples import list_sets

        return list_sets(self.wiring)

    def check_examples(self, examples: str = "") -> dict[str, Any]:
        """Check a set's splits for leaks, and its gold against the documents of now.

        Returns what else repeats or shares evidence across splits, as an imported set's may.
        Raises LeakError, naming the pair, for a question or document on both sides.
        """
        from graft.jobs.examples import check

        return check(self.wiring, examples=examples)

    def show_examples(
        self, *, split: str = "", limit: int = 20, examples: str = ""
    ) -> list[dict[str, Any]]:
        """Return the first examples of a set, or of one split, as plain rows."""
        from graft.jobs.examples import show

        return show(self.wiring, split=split, limit=limit, examples=examples)

    # Tuning and judging

    def tune(
        self, part: Part, *, examples: str = "", objective: str = "", adapter: str = "",
        mixed: Mapping[str, float] | None = None,
    ) -> Run:  # fmt: skip
        """Train one part ("retriever", "fusion", "reranker", "generator") and return its run.

        `objective` and `adapter` are names, such as "raft", "closed-book" and "lora"; the
        settings' are taken where they are empty. The objectives of `mixed` are trained on beside,
        each with its share of the loss.
        """
        from graft.jobs.tune import tune
        from graft.loop.recipes import Asked

        return tune(
            self.wiring, part, examples=examples, asked=Asked(objective, mixed, adapter),
            wait=self.wait, ctx=self.context,
        )  # fmt: skip

    def evaluate(
        self, *, examples: str = "", cells: Mapping[str, str] | None = None, limit: int = 0
    ) -> Evaluated:
        """Return the cells on the test splits, with paired intervals and a report.

        `cells` maps names to runs: NAME is asked without passages, rag+NAME with what is
        retrieved. Without any, the latest runs of the generator are taken.
        """
        from graft.jobs.evaluate import evaluate

        return evaluate(self.wiring, examples=examples, cells=cells, limit=limit, ctx=self.context)

    def evaluate_again(self, *names: str) -> Evaluated:
        """Score an evaluation again from its rows, or compare several; no model is asked."""
        from graft.jobs.evaluate import evaluate_again

        return evaluate_again(self.wiring, names, ctx=self.context)

    def evaluate_beir(
        self, folder: str | Path, runs: Sequence[str] = (), *, split: str = "test",
        cells: Mapping[str, str] | None = None, limit: int = 0,
    ) -> Evaluated:  # fmt: skip
        """Return an ingested BEIR folder's rankings scored, and with `cells` its answers.

        `runs` are of what ranks, each scored as a part of the release in use. An empty `cells`
        takes the latest runs of the generator.
        """
        from graft.jobs.evaluate import Beir, evaluate_beir

        beir = Beir(str(folder), split, limit)
        return evaluate_beir(self.wiring, beir, runs, cells=cells, ctx=self.context)

    def compare(
        self, releases: Sequence[int] = (), runs: Sequence[str] = (), *, examples: str = "",
        limit: int = 0,
    ) -> Evaluated:  # fmt: skip
        """Return releases, and runs put into the last of them, scored as they would serve.

        Without `releases` it is the one in use.
        """
        from graft.jobs.evaluate import evaluate_systems

        return evaluate_systems(
            self.wiring, releases, runs, examples=examples, limit=limit, ctx=self.context
        )

    def adapt(self, *paths: str | Path, examples: str = "", promote: bool = False) -> Adapted:
        """Run the whole loop: ingest, examples, tuning, evaluation, verdict, report.

        `examples` names a set to use instead of making one.
        """
        from graft.jobs.adapt import adapt

        named = [str(path) for path in paths]
        return adapt(
            self.wiring, named, examples=examples, promote=promote, wait=self.wait,
            ctx=self.context,
        )  # fmt: skip

    def demo(self) -> Adapted:
        """Adapt to real documents that every Python has, with small settings of its own."""
        from graft.jobs.demo import demo

        return demo(self.root, ctx=self.context)

    # Releases

    def list_releases(self) -> list[dict[str, Any]]:
        """Return every release with its number, time, verdict, note and whether it is current."""
        from graft.jobs.release import list_releases

        return list_releases(self.wiring)

    def show_release(self, number: int | None = None) -> dict[str, Any]:
        """Return a release (the current one otherwise) with everything behind it."""
        from graft.jobs.release import show_release

        return show_release(self.wiring, number)

    def propose(self, *runs: str) -> int:
        """Make a release that no gate has judged, and return its number; nothing is switched.

        With runs it is the release in use with these as its parts; without, graft.toml.
        """
        from graft.jobs.promote import propose

        return propose(self.wiring, runs, wait=self.wait, ctx=self.context)

    def promote(self, number: int, *, force: bool = False) -> int:
        """Put a release into use if the gate let it through. Raises CheckFailed otherwise."""
        from graft.jobs.promote import promote

        return promote(self.wiring, number, force=force, wait=self.wait, ctx=self.context)

    def rollback(self) -> int:
        """Go back to the release in use before, and return its number."""
        from graft.jobs.promote import rollback

        return rollback(self.wiring, wait=self.wait, ctx=self.context)

    # The machine

    def doctor(self) -> list[Check]:
        """Return what is installed and found, and what to do about what is missing."""
        from graft.jobs.doctor import doctor

        return doctor(self.root)


def _asked(question: str | Search, principals: Iterable[str] | None) -> Search:
    """Return a question as a Search, by who asks. Raises InputError where both say who."""
    search = Search(question) if isinstance(question, str) else question
    if principals is None:
        return search
    if search.principals is not None:
        raise InputError("a Search says itself who asks: leave out `principals`")
    return replace(search, principals=frozenset(principals))
