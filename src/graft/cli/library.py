"""graft library list / show / remove"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from graft.cli.session import JsonOption, WaitOption, opened, screen

app = typer.Typer(no_args_is_help=True, help="Look at the documents, and remove some.")


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the documents."""
    with screen(as_json) as shown:
        rows = list(opened(context, shown).list_documents())
        if as_json:
            shown.json({"documents": rows})
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("document", overflow="fold")
        table.add_column("title", overflow="fold")
        table.add_column("type")
        table.add_column("passages", justify="right")
        closed = any(row["access"] for row in rows)
        if closed:
            table.add_column("access", overflow="fold")
        for row in rows:
            cells = [row["id"], row["title"], row["media_type"], str(row["passages"])]
            cells += [", ".join(row["access"])] if closed else []
            table.add_row(*(cell.replace("[", r"\[") for cell in cells))
        shown.out.print(table if rows else "no documents yet: `graft ingest PATH`")


@app.command()
def show(
    context: typer.Context,
    document: Annotated[str, typer.Argument(help="The document's id, as `list` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Show one document and how it is cut into passages."""
    with screen(as_json) as shown:
        detail = opened(context, shown).show_document(document)
        if as_json:
            shown.json(detail)
            return
        shown.out.print(
            f"{detail['id']} · {detail['title']} · {detail['media_type']}", style="bold"
        )
        if detail["access"]:
            shown.out.print(f"may be seen by {', '.join(detail['access'])}", markup=False)
        for passage in detail["passages"]:
            page = f" page {passage['page']}" if passage["page"] else ""
            path = " > ".join(passage["headings"])
            shown.out.print(
                f"── {passage['start']}–{passage['end']}{page} {path}", style="dim", markup=False
            )
            text = detail["text"][passage["start"] : passage["end"]]
            shown.out.print(text, markup=False)


@app.command()
def remove(
    context: typer.Context,
    documents: Annotated[list[str] | None, typer.Argument(help="Ids of documents.")] = None,
    under: Annotated[
        str, typer.Option(metavar="PATH", help="All from this file or folder, even if it is gone.")
    ] = "",
    purge: Annotated[
        bool,
        typer.Option(
            help="Rewrite every version on disk and every evaluation that quotes it, "
            "and list the runs that learned from it."
        ),
    ] = False,
    wait: WaitOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from the library, from every space and release."""
    if not documents and not under:
        raise typer.BadParameter("name documents, or pass --under PATH")
    with screen(as_json) as shown:
        done = opened(context, shown, wait=wait).remove_documents(
            *(documents or ()), under=under, purge=purge
        )
        if as_json:
            shown.json(done)
            return
        shown.out.print(f"removed {done['removed']}; library version {done['library_version']}")
        if done["runs"]:
            shown.out.print(f"these runs learned from them: {', '.join(done['runs'])}")
        elif purge:
            shown.out.print("no run learned from them")
        if done.get("evaluations"):
            shown.out.print(
                f"what they said is out of evaluations: {', '.join(done['evaluations'])}"
            )
        if done.get("example_sets"):
            shown.out.print(
                f"example sets with questions on them stay: {', '.join(done['example_sets'])}"
            )
