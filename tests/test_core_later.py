"""A package whose own code waits runs it once, for whoever asks first."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from graft.core.later import import_later


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "waiting_package"
    folder.mkdir()
    (folder / "part.py").write_text("VALUE = 3\n")
    (folder / "__init__.py").write_text(
        "import time\nRUNS = globals().get('RUNS', 0) + 1\ntime.sleep(.2)\n"
        "__version__ = '1.5'\n__all__ = ['Thing']\nfrom .part import VALUE\n"
        "class Thing: pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("waiting_package")]:
        del sys.modules[name]


def test_a_module_of_it_runs_nothing_else(package: Path) -> None:
    import_later("waiting_package")
    from waiting_package.part import VALUE

    held = sys.modules["waiting_package"]
    assert VALUE == 3 and "RUNS" not in vars(held)
    assert held.__version__ == "1.5" and vars(held)["RUNS"] == 1
    told: dict[str, object] = {}
    exec("from waiting_package import *", told)
    assert told["Thing"] is held.Thing
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        held.missing  # noqa: B018


def test_threads_wait_for_its_end(package: Path) -> None:
    import_later("waiting_package")
    held, found = sys.modules["waiting_package"], []
    asking = [threading.Thread(target=lambda: found.append(held.Thing)) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1 and held.RUNS == 1


def test_what_fails_once_is_tried_again(package: Path) -> None:
    good = (package / "__init__.py").read_text()
    (package / "__init__.py").write_text("raise OSError('once')\n")
    import_later("waiting_package")
    held = sys.modules["waiting_package"]
    with pytest.raises(OSError, match="once"):
        held.Thing  # noqa: B018
    (package / "__init__.py").write_text(good)
    assert held.Thing


def test_what_is_there_already_or_nowhere_is_left_alone() -> None:
    import_later("json")
    assert sys.modules["json"].loads("1") == 1
    import_later("no_package_of_this_name")
    assert "no_package_of_this_name" not in sys.modules
