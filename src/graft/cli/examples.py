"""graft examples build / import / export / list / check / show"""

from __future__ import annotations

from typing import Annotated, get_args

import typer
from rich.table import Table

from graft.cli.session import JsonOption, Screen, SetOption, date, opened, screen
from graft.core.example import Split

app = typer.Typer(
    no_args_is_help=True, help="Make, take in, hand out, check and show the questions."
)


@app.command()
def build(
    context: typer.Context,
    settings: SetOption = None,
    seed: Annotated[int, typer.Option(help="The seed of everything random.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make questions from the passages, filter them, and split them without leaks."""
    with screen(as_json, seed) as shown:
        made = opened(context, shown, settings).build_examples()
        _show_counts(shown, made)


@app.command("import")
def import_(
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            help="BEIR folder, SQuAD JSON; chat, prompt or preference JSONL (ShareGPT, Alpaca)."
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="The BEIR split to read; or into which a file's rows go: train, dev, test-seen "
            "or test-new."
        ),
    ] = "",
    apart_from: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave out what stands, or hardly differs, in this other BEIR split or file "
            "(repeatable): the questions that you test on. Without --split, the BEIR split itself "
            "is taken in as it is."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Take a sample; 0 takes all.")] = 0,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Fail at the first row that cannot be used, instead of leaving it out."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="The seed of the sample and of the splits.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Take in questions that you have; rows that cannot be used are left out and counted."""
    with screen(as_json, seed) as shown:
        made = opened(context, shown).import_examples(
            path, split=split, apart_from=apart_from or (), limit=limit, strict=strict
        )
        _show_counts(shown, made)


@app.command()
def export(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="A file, or a folder for BEIR.")],
    format: Annotated[
        str, typer.Option(help="beir, squad, chat, prompts or preferences; else by PATH.")
    ] = "",
    examples: Annotated[str, typer.Option(help="The set's id; the latest otherwise.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Hand out an example set in a format other tools read."""
    with screen(as_json) as shown:
        count = opened(context, shown).export_examples(path, format=format, examples=examples)
        if as_json:
            shown.json({"path": path, "examples": count})
        else:
            shown.out.print(f"wrote {count} examples to {path}")


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the example sets, oldest first; the last one is used where none is named."""
    with screen(as_json) as shown:
        rows = opened(context, shown).list_examples()
        if as_json:
            shown.json({"sets": rows})
            return
        table = Table(box=None, pad_edge=False)
        for name in ("set", "made", "from", *get_args(Split)):
            table.add_column(name, overflow="fold")
        for row in rows:
            counts = [str(row["counts"].get(split, 0)) for split in get_args(Split)]
            table.add_row(row["id"], date(row["created"]), row["origin"], *counts)
        shown.out.print(table if rows else "no examples yet: `graft examples build` or `import`")


@app.command()
def check(
    context: typer.Context,
    examples: Annotated[str, typer.Option(help="The set's id; the latest otherwise.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Check the splits for leaks and the gold against the documents as they are now."""
    with screen(as_json) as shown:
        found = opened(context, shown).check_examples(examples)
        if as_json:
            shown.json(found)
            return
        if not found["leaks"]:
            shown.out.print("no question or document stands on both sides of a split")
        for pair in found["repeats"]:
            shown.out.print(
                f"{pair['question']!r} in {pair['split']} asks what {pair['other']!r} in "
                f"{pair['other_split']} asks (cosine {pair['similarity']:.2f})",
                markup=False,
            )
        for each in found["tied"]:
            shown.out.print(
                f"{each['question']!r} in test-new is about {each['document']}, which says what a "
                "document of another split says",
                markup=False,
            )
        for state, count in found["gold"].items():
            shown.out.print(f"  gold {state}: {count}")


@app.command()
def show(
    context: typer.Context,
    split: Annotated[str, typer.Option(help="Only this split.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    examples: Annotated[str, typer.Option(help="The set's id; the latest otherwise.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show questions with their answers and where the evidence stands."""
    if split and split not in get_args(Split):
        raise typer.BadParameter(f"--split {split} is none of {', '.join(get_args(Split))}")
    with screen(as_json) as shown:
        rows = opened(context, shown).show_examples(split=split, limit=limit, examples=examples)
        if as_json:
            shown.json({"examples": rows})
            return
        table = Table(box=None, pad_edge=False)
        for name in ("split", "kind", "question", "answers", "gold"):
            table.add_column(name, overflow="fold")
        for row in rows:
            cells = (row["question"], " | ".join(row["answers"]), ", ".join(row["gold"]))
            safe = (cell.replace("[", r"\[") for cell in cells)
            table.add_row(row["split"], row["kind"], *safe)
        shown.out.print(table)


def _show_counts(shown: Screen, made: dict[str, object]) -> None:
    if shown.as_json:
        shown.json(made)
        return
    counts = {name: made[name] for name in get_args(Split)}
    shown.out.print(f"examples {made['id']}: " + ", ".join(f"{k} {v}" for k, v in counts.items()))
    makers = made.get("makers", {})
    assert isinstance(makers, dict)
    for name, told in makers.items():
        shown.out.print(f"  maker {name}: kept {told['kept']} of {told['tried']} tried")
    dropped = made["dropped"]
    assert isinstance(dropped, dict)
    for reason, count in sorted(dropped.items(), key=lambda item: -item[1]):
        shown.out.print(f"  dropped, {reason}: {count}")
