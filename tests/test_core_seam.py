"""A seam finds what a folder and packages offer, and answers an unknown name with the nearest."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from graft.core import seam as seams
from graft.core.errors import ConfigError
from graft.core.seam import Seam

KIND = "class Spice:\n    def __init__(self, name): self.name = name\n"


@pytest.fixture
def spices(tmp_path: Path, monkeypatch):
    """A package with a kind and a folder of two files that offer values of it."""
    folder = tmp_path / "pantry" / "values"
    folder.mkdir(parents=True)
    (tmp_path / "pantry" / "__init__.py").write_text(KIND)
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text("from pantry import Spice\nSALT = Spice('salt')\n")
    (folder / "b.py").write_text(
        "from pantry import Spice\nfrom pantry.values.a import SALT\nPEPPER = Spice('pepper')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda **more: Seam(
        "a spice", "pantry.values", "pantry.spices", __import__("pantry").Spice, **more
    )
    for name in [name for name in sys.modules if name.split(".")[0] == "pantry"]:
        del sys.modules[name]


def offer(monkeypatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(
        seams, "entry_points", lambda group: [p for p in points if p.group == group]
    )


def test_values_are_found_in_the_order_of_their_files_and_once(spices):
    seam = spices()
    assert list(seam.all()) == ["salt", "pepper"]
    assert seam.named("salt") is seam.all()["salt"]


def test_an_unknown_name_is_answered_with_the_nearest(spices):
    with pytest.raises(ConfigError, match=r"no spice 'peper', did you mean 'pepper'\?"):
        spices().named("peper")


def test_a_package_offers_a_value_or_a_module_of_them(spices, tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text(
        "from pantry import Spice\nMACE = Spice('mace')\nDILL = Spice('dill')\n"
    )
    point = EntryPoint("one", "theirs:MACE", "pantry.spices")
    offer(monkeypatch, point)
    assert list(spices().all()) == ["salt", "pepper", "mace"]
    offer(monkeypatch, EntryPoint("all", "theirs", "pantry.spices"))
    assert list(spices().all()) == ["salt", "pepper", "mace", "dill"]


def test_a_package_that_cannot_be_imported_is_named_each_time(spices, tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    offer(monkeypatch, EntryPoint("bad", "broken", "pantry.spices"))
    seam = spices()
    for _ in range(2):
        with pytest.raises(ConfigError, match="the plugin 'bad'"):
            seam.named("salt")


def test_a_package_that_offers_nothing_of_the_kind_is_told(spices, tmp_path, monkeypatch):
    """A class where a value was asked for is dropped by nobody's leave."""
    (tmp_path / "bare.py").write_text(
        "from pantry import Spice\nclass Mint(Spice): pass\nclass Leaf: pass\nBAY = Leaf()\n"
    )
    offer(monkeypatch, EntryPoint("bare", "bare", "pantry.spices"))
    with pytest.raises(ConfigError, match=r"the plugin 'bare' \(bare\) of pantry.spices offers no"):
        spices().all()
    sys.path.insert(0, str(tmp_path))
    beside = __import__("bare").Leaf
    assert list(spices(beside=beside).all()) == ["salt", "pepper"]


def test_two_of_one_name_are_an_error(spices):
    seam = spices()
    other = type(seam.named("salt"))("salt")
    with pytest.raises(ConfigError, match="two plugins offer a spice called 'salt'"):
        seam.add(other)
    seam.drop("salt")
    assert seam.add(other) is seam.named("salt")


def test_classes_are_offered_where_they_are_defined(tmp_path, monkeypatch, spices):
    folder = tmp_path / "pantry" / "values"
    (folder / "a.py").write_text("from pantry import Spice\nclass Salt(Spice): name = 'salt'\n")
    (folder / "b.py").write_text(
        "from pantry.values.a import Salt\nclass Sea(Salt): name = 'sea salt'\n"
    )
    seam = spices(classes=True)
    assert {name: kind.__name__ for name, kind in seam.all().items()} == {
        "salt": "Salt", "sea salt": "Sea",
    }  # fmt: skip
