"""graft tune retriever / fusion / reranker / generator"""

from __future__ import annotations

from typing import Annotated

import typer

from graft.cli.session import JsonOption, Screen, SetOption, WaitOption, opened, screen
from graft.core.errors import InputError
from graft.core.recipe import Part

app = typer.Typer(no_args_is_help=True, help="Train one part on the examples.")

ExamplesOption = Annotated[
    str, typer.Option("--examples", help="Which example set (its id); the latest otherwise.")
]
SeedOption = Annotated[int, typer.Option(help="The seed of everything random.")]


ObjectiveOption = Annotated[
    str,
    typer.Option(help="What it is trained by, by its name; the part's usual objective otherwise."),
]
MixOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mix",
        metavar="NAME=SHARE",
        help="Train by another objective beside, with its share of the loss; repeat it.",
    ),
]
AdapterOption = Annotated[
    str, typer.Option(help="A kind of adapter, such as lora; the settings' otherwise.")
]


@app.command("fusion", help="Fit how much the dense leg and BM25 count in the hybrid search.")
def fusion(
    context: typer.Context,
    examples: ExamplesOption = "",
    settings: SetOption = None,
    seed: SeedOption = 0,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    _tune(context, "fusion", examples, settings, seed, wait, as_json)


def _command(part: Part, about: str) -> None:
    """Add the command that trains a part by an objective."""

    def command(
        context: typer.Context,
        examples: ExamplesOption = "",
        objective: ObjectiveOption = "",
        mix: MixOption = None,
        adapter: AdapterOption = "",
        settings: SetOption = None,
        seed: SeedOption = 0,
        wait: WaitOption = 0.0,
        as_json: JsonOption = False,
    ) -> None:
        asked = (objective, _shares(mix or []), adapter)
        _tune(context, part, examples, settings, seed, wait, as_json, asked)

    app.command(part, help=about)(command)


_command("retriever", "Train the encoder with in-batch and mined hard negatives.")
_command("reranker", "Train a cross-encoder on the first stage's real misses.")
_command(
    "generator",
    "Train an adapter to answer from passages (raft), or without them (closed-book, the control).",
)


def _shares(mix: list[str]) -> dict[str, float]:
    found = {}
    for text in mix:
        name, _, share = text.partition("=")
        try:
            found[name] = float(share)
        except ValueError as error:
            raise InputError(
                f"--mix {text!r} was given, and a name with its share was expected: "
                "--mix closed-book=0.3"
            ) from error
    return found


def _tune(
    context: typer.Context, part: Part, examples: str, settings: list[str] | None, seed: int,
    wait: float, as_json: bool, asked: tuple[str, dict[str, float], str] = ("", {}, ""),
) -> None:  # fmt: skip
    objective, mixed, adapter = asked
    with screen(as_json, seed) as shown:
        workspace = opened(context, shown, settings, wait=wait)
        run = workspace.tune(
            part, examples=examples, objective=objective, mixed=mixed, adapter=adapter
        ).to_dict()
        if as_json:
            shown.json(run)
        else:
            _show(shown, run)


def _show(shown: Screen, run: dict[str, object]) -> None:
    dev = run["dev"]
    assert isinstance(dev, dict)
    shown.out.print(f"runs/{run['run']} in {run['seconds']:.0f} s")
    for measure, before in dev["before"].items():
        after = dev["after"].get(measure)
        shown.out.print(f"  dev {measure}: {before:.4f} → {after:.4f}" if after is not None else "")
    judge = "graft evaluate" if run["part"] == "generator" else f"graft evaluate --run {run['run']}"
    shown.out.print(
        f"  judge it: {judge}; use it: graft release promote --run {run['run']}", soft_wrap=True
    )
