"""graft doctor"""

from __future__ import annotations

from dataclasses import asdict

import typer

from graft.cli.session import JsonOption, opened, screen

MARKS = {"ok": "[green]ok     [/]", "warning": "[yellow]look   [/]", "missing": "[red]missing[/]"}


def doctor(context: typer.Context, as_json: JsonOption = False) -> None:
    """Say what is installed and found, and what to do about what is missing (exit 3)."""
    with screen(as_json) as shown:
        checks = opened(context, shown).doctor()
        if as_json:
            shown.json({"checks": [asdict(check) for check in checks]})
        else:
            for check in checks:
                detail = check.detail.replace("[", r"\[")
                advice = f"  → {check.advice}" if check.advice else ""
                shown.out.print(f"{MARKS[check.status]} {check.name:22} {detail}{advice}")
    if any(check.status == "missing" for check in checks):
        raise typer.Exit(3)
