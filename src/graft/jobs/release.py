"""release: list and show what production uses, and what is behind it."""

from __future__ import annotations

from typing import Any

from graft.wire import Wiring


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
