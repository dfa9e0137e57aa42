"""How many "unanswerable" questions have an answer: `python benchmarks/unanswerable.py`.

Python's own documentation is written and read as the demo does, and 82 questions that named a thing
of another document are judged against it. A person read what the documents say on each: A is
answered by them, D in doubt, U not answered. All 82 had passed the check that was made before, of
ten hits and with "does" taken for a word of its own. Printed is how many pass when only the hits
are looked at, and when the whole library is; a wrong one costs more than one that is lost.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from graft.core.context import Context
from graft.core.example import Example
from graft.examples.tally import Tally
from graft.examples.unanswerable import ANSWERABLE, Judges, Lookup, Swap, unanswered
from graft.generate.prompts import GROUNDED
from graft.jobs.demo import SETTINGS
from graft.jobs.examples import look_up
from graft.jobs.ingest import ingest
from graft.loop.corpus import write_corpus
from graft.loop.releases import settings_of
from graft.testing import FakeGenerator
from graft.wire import open_workspace, pipeline, reading

LABELLED = """
A | hashlib.new | What does the extension "hashlib.new" return?
A | LogRecords | What is a LogRecords object?
A | PurePath | What does "PurePath" mean?
A | calendar.TextCalendar | What does calendar.TextCalendar do?
A | shutil.get_archive_formats | What does shutil.get_archive_formats do?
U | CompletedProcess | What happens to the current value of the "CompletedProcess" statement?
U | __getattr__ | How does the membership test operator "__getattr__" work?
D | weakref.WeakKeyDictionary | What does weakref.WeakKeyDictionary return?
A | random.vonmisesvariate | What does random.vonmisesvariate do?
U | Yield | What does the comparison "comparisons > Yield comparisons" mean?
D | weakref.WeakKeyDictionary | What does the extension "weakref.WeakKeyDictionary" return?
U | BLUE | What does the comparison "comparisons > BLUE comparisons" mean?
A | urllib.parse.urlencode | What does urllib.parse.urlencode return?
U | Circular | What is the Circular extension module?
U | Scan | What is the Scan extension module?
A | json.dumps | What does json.dumps do?
A | heapq.nlargest | What does heapq.nlargest return?
A | Mapping | What does the comparison "comparisons > Mapping comparisons" mean?
A | urllib.parse.urlencode | What does urllib.parse.urlencode do?
A | json.loads | What does the extension "json.loads" return?
A | locale.setlocale | What does locale.setlocale do?
U | ModuleInfo | What is the "ModuleInfo" statement?
U | obj | What happens to the current value of the "obj" statement?
U | ModuleInfo | How does the membership test operator "ModuleInfo" work?
U | TarFile | What does the comparison "comparisons > TarFile comparisons" mean?
A | random.randrange | What does the extension "random.randrange" return?
A | itertools.cycle | What does itertools.cycle do?
A | functools.singledispatch | What does functools.singledispatch do?
A | textwrap.TextWrapper | What does textwrap.TextWrapper do?
A | random.randrange | What does random.randrange do?
A | csv.Sniffer | What does csv.Sniffer do?
A | io.open_code | What does io.open_code do?
U | InvalidOperation | What happens to the current value of the "InvalidOperation" statement?
D | Attribute | What does Attribute do?
A | uuid.getnode | What does uuid.getnode do?
D | abs() | What does abs() do?
A | mimetypes.guess_extension | What does mimetypes.guess_extension do?
A | warnings.filterwarnings | What does warnings.filterwarnings do?
A | pathlib.PurePosixPath | What does pathlib.PurePosixPath do?
U | __doc__ | What is the "__doc__" clause?
U | once | How does the membership test operator "once" work?
A | None | What does "None" mean?
U | CompletedProcess | What does a "CompletedProcess" statement do?
U | LogRecords | What is the LogRecords extension module?
U | Base64 | What is the Base64 extension module?
A | collections.namedtuple | What does collections.namedtuple do?
U | API | What does API do?
U | >= | What happens to the current value of the ">=" statement?
A | extract_tb() | What does extract_tb() do?
U | ArgumentParser | What is the "ArgumentParser" clause?
U | Similar | What is the Similar extension module?
U | Get | What does the comparison "comparisons > Get comparisons" mean?
A | fileinput.fileno | What does fileinput.fileno do?
U | __getattr__ | What happens to the current value of the "__getattr__" statement?
A | glob.iglob | What does glob.iglob do?
A | gzip.compress | What does gzip.compress do?
U | Masinter | What does Masinter do?
U | Interface | What does the comparison "comparisons > Interface comparisons" mean?
A | == | What does "==" mean?
U | dev_stage | What does a "dev_stage" statement do?
U | FileType | What happens to the current value of the "FileType" statement?
A | fnmatch.fnmatchcase | What does fnmatch.fnmatchcase return?
D | contextlib.ExitStack | What does contextlib.ExitStack return?
A | string.capwords | What does string.capwords do?
A | selectors.SelectorKey | What does selectors.SelectorKey do?
U | Enables | What does Enables do?
U | Sniffs | What happens to the current value of the "Sniffs" statement?
A | object.__dict__ | What does object.__dict__ do?
A | fill() | What does fill() do?
U | Masinter | What does the comparison "comparisons > Masinter comparisons" mean?
U | InvalidOperation | How does the membership test operator "InvalidOperation" work?
A | logging.Filter | What does logging.Filter do?
A | update_wrapper() | What does update_wrapper() do?
A | pathlib.WindowsPath | What does pathlib.WindowsPath do?
U | Choose | What is a Choose object?
U | Sniffs | What does a "Sniffs" statement do?
A | decimal.localcontext | What does the extension "decimal.localcontext" return?
U | str | What is the "str" statement?
U | Entries | What does the comparison "comparisons > Entries comparisons" mean?
U | Algorithms | What does Algorithms do?
U | ignore | How does the membership test operator "ignore" work?
A | lambda | What does "lambda" mean?
"""


def read_labelled() -> list[tuple[str, Swap]]:
    """Return the labels and the questions, each as the swap that it was."""
    rows = [line.split(" | ", 2) for line in LABELLED.strip().splitlines()]
    source = Example("source", "", group="source.md")
    return [(label, Swap(question, entity, source)) for label, entity, question in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", help="where to read the documents to; kept for another run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, ctx = Path(given.workspace or folder), Context()
        write_corpus(root / "documents")
        workspace = open_workspace(root, SETTINGS)
        ingest(workspace, [str(root / "documents")], ctx=ctx)
        settings, _ = settings_of(workspace, None)
        held = reading(workspace, settings)
        retrieve = partial(pipeline(workspace, settings, held, limit=10), ctx=ctx)
        # A reader that always declines: what is looked at is measured, and no model's reply.
        reader = FakeGenerator(lambda prompt: GROUNDED.decline)
        labelled = read_labelled()
        all_of = Counter(label for label, _ in labelled)
        ways: tuple[tuple[str, Lookup | None], ...] = (
            ("ten hits", None),
            ("the whole library", partial(look_up, held)),
        )
        for name, lookup in ways:
            tally = Tally()
            kept = unanswered(
                [swap for _, swap in labelled], len(labelled),
                Judges(retrieve, reader, 10, lookup), tally=tally, ctx=ctx,
            )  # fmt: skip
            passed = {example.question for example in kept}
            found = Counter(label for label, swap in labelled if swap.question in passed)
            told = ", ".join(f"{label} {found[label]} of {all_of[label]}" for label in "ADU")
            print(f"looking at {name}: {told} pass; {tally.counts.get(ANSWERABLE, 0)} dropped")


if __name__ == "__main__":
    main()
