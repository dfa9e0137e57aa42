"""graft tune retriever / fusion / reranker / generator"""

from __future__ import annotations

from typing import Annotated

import typer

from graft.cli.session import JsonOption, Screen, SetOption, WaitOption, opened, screen
from graft.core.recipe import Part

app = typer.Typer(no_args_is_help=True, help="Train one part on the examples.")

ExamplesOption = Annotated[
    str, typer.Option("--examples", help="Which example set (its id); the latest otherwise.")
]
SeedOption = Annotated[int, typer.Option(help="The seed of everything random.")]


def _command(part: Part, about: str) -> None:
    """Add the command that tunes a part which has no options of its own."""

    def command(
        context: typer.Context,
        examples: ExamplesOption = "",
        settings: SetOption = None,
        seed: SeedOption = 0,
        wait: WaitOption = 0.0,
        as_json: JsonOption = False,
    ) -> None:
        _tune(context, part, examples, settings, seed, wait, as_json)

    app.command(part, help=about)(command)


_command("retriever", "Train the encoder with in-batch and mined hard negatives.")
_command("fusion", "Fit how much the dense leg and BM25 count in the hybrid search.")
_command("reranker", "Train a cross-encoder on the first stage's real misses.")


@app.command()
def generator(
    context: typer.Context,
    examples: ExamplesOption = "",
    closed_book: Annotated[
        bool, typer.Option("--closed-book", help="Train without passages (the control).")
    ] = False,
    settings: SetOption = None,
    seed: SeedOption = 0,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Train a LoRA adapter to answer from passages (RAFT), or without them."""
    _tune(context, "generator", examples, settings, seed, wait, as_json, closed_book)


def _tune(
    context: typer.Context, part: Part, examples: str, settings: list[str] | None, seed: int,
    wait: float, as_json: bool, closed_book: bool = False,
) -> None:  # fmt: skip
    with screen(as_json, seed) as shown:
        workspace = opened(context, shown, settings, wait=wait)
        run = workspace.tune(part, examples=examples, closed_book=closed_book).to_dict()
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
