"""promote and roll back: switch what production uses, and nothing of what it knows."""

from __future__ import annotations

from collections.abc import Sequence

from graft.core.context import Context
from graft.core.errors import CheckFailed, InputError
from graft.core.release import Lineage, Release
from graft.core.runs import Run, ancestors
from graft.generate.prompts import template
from graft.loop.parts import require_fit, run_named, runs_of, with_run
from graft.loop.releases import make_release, require_weights
from graft.loop.spaces import ensure_space
from graft.wire import Wiring, library


def propose(workspace: Wiring, runs: Sequence[str] = (), *, wait: float = 0.0, ctx: Context) -> int:
    """Make a release that no gate has judged, and return its number; nothing is switched.

    With `runs` it is the release in use, as it is pinned, with these runs as its parts; without,
    graft.toml as it stands. Raises InputError for a generator run of another base model, and for
    runs that change one setting.
    """
    named = [run_named(workspace, name) for name in runs]
    _require_apart(named)
    settings = workspace.releases.current().settings if named else workspace.config.settings
    for run in named:
        require_fit(workspace, settings, run)
        settings = with_run(settings, run)
    with workspace.layout.writer(wait):
        ensure_space(workspace, settings, ctx=ctx)
        behind = [
            run_named(workspace, id) for id in ancestors(workspace.layout.runs, runs_of(settings))
        ]
        made = make_release(
            workspace, settings, created=ctx.clock(),
            lineage=Lineage(
                runs=tuple(run.id for run in behind),
                example_sets=tuple(dict.fromkeys(run.recipe.data for run in behind)),
                library_version=library(workspace).version,
            ),
            note=", ".join(run.id for run in named) or "from graft.toml",
        )  # fmt: skip
        if not named:
            name = settings.answer.prompt
            made = made.model_copy(update={"prompts": {name: template(name).to_dict()}})
        return workspace.releases.add(made).number


def promote(
    workspace: Wiring, number: int, *, force: bool = False, wait: float = 0.0, ctx: Context
) -> int:
    """Put a release into use and return its number.

    Raises CheckFailed when the gate did not say "promote", or said it against another release
    than the one in use, unless `force`. The release's space is filled with the present contents
    before the switch. Raises ModelError when its models are no longer those that it was made with.
    """
    releases = workspace.releases
    with workspace.layout.writer(wait):
        release = releases.get(number)
        if not force and number not in releases.history():
            _require_judged(release, releases.current_number())
        require_weights(workspace, release)
        ensure_space(workspace, release.settings, ctx=ctx)
        releases.switch(number)
    return number


def rollback(workspace: Wiring, *, wait: float = 0.0, ctx: Context) -> int:
    """Go back to the release in use before, and return its number; contents stay current.

    Raises ModelError when its models are no longer those that it was made with.
    """
    with workspace.layout.writer(wait):
        history = workspace.releases.history()
        if len(history) > 1:
            before = workspace.releases.get(history[1])
            require_weights(workspace, before)
            ensure_space(workspace, before.settings, ctx=ctx)
        return workspace.releases.rollback()


def _require_apart(runs: Sequence[Run]) -> None:
    """Raise InputError where the later of two runs would silently take the place of the other."""
    holders: dict[str, Run] = {}
    for run in runs:
        for key, value in run.changes.items():
            other = holders.setdefault(key, run)
            # What holds {} adds to what is there.
            if other.changes[key] != value and "{}" not in str(value):
                raise InputError(
                    f"{other.id} and {run.id} both set {key}, and a release has one: name one of "
                    "them, or compare them with `graft evaluate`"
                )


def _require_judged(release: Release, current: int | None) -> None:
    number, against = release.number, release.judged_against
    if release.verdict != "promote":
        told = f"the gate's verdict on release {number} is {release.verdict!r}: keep what you have"
        if not release.verdict:
            told = (
                f"no gate has judged release {number}: compare it with what is in use (`graft "
                f"evaluate --release {current} --release {number}`)"
            )
        raise CheckFailed(f"{told}, or pass --force to promote it all the same")
    if against not in (None, current):
        raise CheckFailed(
            f"release {number} was judged against release {against}, and release {current} is in "
            f"use now: compare them (`graft evaluate --release {current} --release {number}`), or "
            "pass --force to promote it all the same"
        )
