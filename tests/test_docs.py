"""The docs say what is true: README's commands exist, the map names every floor, links resolve."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from graft.cli.main import app
from graft.core.config import valid_keys

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/graft"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_the_map_names_the_floors_of_the_import_contract_in_their_order():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [name for row in contract["contracts"][0]["layers"] for name in row.split(" | ")]
    table = re.findall(r"^\| (`[^|]*`) \|", (ROOT / "docs/architecture.md").read_text(), re.M)
    named = [name for cell in table for name in re.findall(r"`(\w+)`", cell)]
    assert named == layers


def test_only_what_the_map_says_reads_configuration():
    readers = set()
    for path in SOURCE.rglob("*.py"):
        imports = (
            n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)
        )
        taken = {
            a.name for node in imports if node.module == "graft.core.config" for a in node.names
        }
        if taken - {"STARTER"}:  # the name of the starter models is no setting
            readers.add(path.relative_to(SOURCE).parts[0].removesuffix(".py"))
    assert readers == {"core", "jobs", "loop", "wire"}


def test_imports_inside_functions_are_those_of_decision_1():
    inside = set()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        nodes = (node for function in functions for node in ast.walk(function))
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):
            inside.add(path.relative_to(SOURCE).as_posix())
    assert inside == {
        "__init__.py", "api.py", "core/migrations/__init__.py", "jobs/doctor.py",
        "wire/workspace.py", "wire/ranking.py", "wire/writing.py", "wire/answering.py",
        "models/starter.py", "models/loading.py", "models/ir.py", "models/export_causal.py",
        "cli/adapt.py", "cli/demo.py", "cli/evaluate.py", "cli/question.py", "cli/session.py",
    }  # fmt: skip
    told = (ROOT / "docs/decisions/0001-the-house.md").read_text().partition("**Consequences.**")[2]
    assert all(f"`{name}`" in told or f"`graft/{name}`" in told for name in inside)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_resolve(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page):
    root = get_command(app)
    for words in re.findall(r"`graft ([a-z][a-z ]*)", page.read_text()):
        command = root
        for word in words.split():
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, f"graft {words}"
            command = command.commands[word]


def test_the_page_of_commands_is_that_of_the_commands():
    command = [sys.executable, "-m", "typer", "graft.cli.main", "utils", "docs", "--name", "graft"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/cli.md").read_text().strip() == made.strip(), "run `make docs`"


def test_settings_that_the_readme_names_exist():
    text = (ROOT / "README.md").read_text()
    tables = {key.split(".")[0] for key in valid_keys()}
    named = re.findall(r"`(\w+\.\w+(?:\.\w+)?)`", text)
    for key in (key for key in named if key.split(".")[0] in tables and key != "graft.toml"):
        assert key in valid_keys(), key


def test_the_readme_shows_the_two_commands_first_and_five_lines_of_python():
    blocks = re.findall(r"```(\w*)\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert [line.split()[:2] for line in blocks[0][1].splitlines()] == [
        ["make", "demo"], ["make", "test"]]  # fmt: skip
    lines = [line for line in blocks[1][1].splitlines() if line.strip()]
    assert blocks[1][0] == "python" and len(lines) == 5
    from graft import Workspace

    for name in re.findall(r"ws\.(\w+)\(", blocks[1][1]):
        assert callable(getattr(Workspace, name))
