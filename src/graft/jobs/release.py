"""release: list, show, promote and roll back what production uses."""

from __future__ import annotations

from typing import Any

from graft.core.context import Context
from graft.core.errors import CheckFailed, InputError
from graft.core.release import Lineage
from graft.jobs.spaces import ensure_space
from graft.wire import Wiring, library, make_release


def list_releases(workspace: Wiring) -> list[dict[str, Any]]:
    """Return every release with its number, time, verdict, note and whether it is current."""
    current = workspace.releases.current_number()
    rows = []
    for number in workspace.releases.numbers():
        release = workspace.releases.get(number)
        rows.append({
            "number": number, "current": number == current, "created": release.created,
            "verdict": release.verdict, "note": release.note,
        })  # fmt: skip
    return rows


def show_release(workspace: Wiring, number: int | None) -> dict[str, Any]:
    """Return a release with every run, example set, evaluation and document version behind it."""
    releases = workspace.releases
    release = releases.current() if number is None else releases.get(number)
    ledger, lineage = workspace.ledger, release.lineage
    runs = [dict(run) for run in ledger.runs() if run["id"] in lineage.runs]
    for run in runs:
        run["documents"] = ledger.documents_of_run(run["id"])
    detail = release.model_dump(mode="json", exclude={"lineage"})
    detail["current"] = release.number == releases.current_number()
    detail["lineage"] = {
        "library_version": lineage.library_version,
        "runs": runs,
        "example_sets": [s for s in ledger.example_sets() if s["id"] in lineage.example_sets],
        "evaluations": [e for e in ledger.evaluations() if e["id"] == lineage.evaluation],
    }
    return detail


def promote(
    workspace: Wiring, number: int | None, *, from_config: bool = False, force: bool = False,
    wait: float = 0.0, ctx: Context,
) -> int:  # fmt: skip
    """Put a release into use and return its number.

    With `from_config`, a release of graft.toml as it stands is made first: the user's own word,
    which no gate has judged. Raises CheckFailed when the gate did not say "promote", unless
    `force`. The release's space is filled with the present contents before the switch.
    """
    releases = workspace.releases
    if (number is None) != from_config:
        raise InputError("name one release to promote, or pass --config: `graft release list`")
    with workspace.layout.writer(wait):
        if from_config:
            version = library(workspace).version
            made = make_release(
                workspace, workspace.config.settings, created=ctx.clock(),
                lineage=Lineage(library_version=version), note="from graft.toml",
            )  # fmt: skip
            ensure_space(workspace, made.settings, ctx=ctx)
            number = releases.add(made).number
        else:
            assert number is not None
            release = releases.get(number)
            in_use_before = number in releases.history()
            if release.verdict != "promote" and not force and not in_use_before:
                raise CheckFailed(
                    f"the gate's verdict on release {number} is {release.verdict or 'not given'!r}:"
                    " keep what you have, or pass --force to promote it all the same"
                )
            ensure_space(workspace, release.settings, ctx=ctx)
        releases.switch(number)
    return number


def rollback(workspace: Wiring, *, wait: float = 0.0, ctx: Context) -> int:
    """Go back to the release in use before, and return its number; contents stay current."""
    with workspace.layout.writer(wait):
        history = workspace.releases.history()
        if len(history) > 1:
            ensure_space(workspace, workspace.releases.get(history[1]).settings, ctx=ctx)
        return workspace.releases.rollback()
