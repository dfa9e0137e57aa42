"""The ladder: how much a generator's own sureness counts is fitted with the threshold."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graft.answer.cite import Cited
from graft.core.generation import Decoding, Generation, Prompt
from graft.jobs.examples import import_
from graft.loop.ladder import SURENESS, Ladder, Rung
from graft.loop.material import Material, gather
from graft.loop.sets import load_examples
from graft.testing import FakeGenerator
from graft.wire import Wiring, with_changes
from tests.conftest import CTX

pytestmark = pytest.mark.slow


class Telling(FakeGenerator):
    """Reads the year, and for the weight something else that is shown as well.

    `sure` says whether its tokens tell which.
    """

    sure: bool = True

    def generate(self, prompts: list[Prompt], decoding: Decoding) -> list[Generation]:
        told = super().generate(prompts, decoding)
        return [
            replace(each, log_probs=(-0.1, -0.1 if each.text.isdigit() or not self.sure else -4.0))
            for each in told
        ]


def reply(prompt: Prompt) -> str:
    shown, question = prompt[-1]["content"].split("Question: ")
    name = re.search(r"the (\w+ \w+) (?:made|weigh)", question)
    if name is None or "weigh" in question:
        return "a smith"
    found = re.search(rf"The {name[1]} was made in (\d+)", shown)
    return found[1] if found else "a smith"


@pytest.fixture
def material(workspace: Wiring, beir: Path) -> Material:
    import_(workspace, str(beir), ctx=CTX)
    return gather(workspace, load_examples(workspace), CTX)


@pytest.mark.parametrize("before", [0.0, 0.5])
@pytest.mark.parametrize("sure", [True, False])
def test_sureness_counts_where_it_tells_right_answers_from_wrong(
    workspace: Wiring, material: Material, monkeypatch: pytest.MonkeyPatch, sure: bool,
    before: float,
) -> None:  # fmt: skip
    fake: Any = Telling(reply)
    fake.sure = sure
    monkeypatch.setattr("graft.wire.answering.generator", lambda *_: fake)
    # Support says the same of all of them.
    same = Cited((), (), 0.9)
    monkeypatch.setattr("graft.answer.finish.cite", lambda *_, **__: same)
    ladder = Ladder(workspace, material.held, CTX)
    dev = [*material.train, *material.dev]
    # What a release weighed by before is not weighed by twice.
    settings = with_changes(material.settings, {"answer.sureness": before})
    fitted = ladder.fit(settings, dev)
    answers = ladder.answered(Rung("", fitted), dev)
    shown = [case.answer.text for case in answers if not case.answer.declined]
    if sure:
        assert fitted.answer.sureness in SURENESS[1:]
        assert shown and all(text.isdigit() for text in shown)
    else:
        assert fitted.answer.sureness == 0.0, "nothing is told by it, and less is simpler"
