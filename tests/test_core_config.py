"""Settings: four layers, closed keys, and errors that name the nearest key."""

from __future__ import annotations

import pytest

from graft.core.config import Config, load_config, valid_keys
from graft.core.errors import ConfigError


def test_defaults_then_file_then_variables_then_flags(tmp_path):
    path = tmp_path / "graft.toml"
    path.write_text("[retrieve]\ndepth = 50\nrrf_k = 30\nrerank_depth = 7\n")
    config = load_config(
        path,
        variables={"GRAFT_RETRIEVE_RRF_K": "40", "GRAFT_RETRIEVE_RERANK_DEPTH": "8"},
        flags={"retrieve.rerank_depth": 9},
    )
    table = config.retrieve
    assert (table.depth, table.rrf_k, table.rerank_depth) == (50, 40, 9)
    assert table.pipeline == "hybrid"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"retrieve.dept": 1}, "did you mean 'retrieve.depth'"),
        ({"retreive": {}}, "did you mean 'retrieve'"),
        ({"tune.generator.epoch": 1}, "did you mean 'tune.generator.epochs'"),
        ({"retrieve.depth": "many"}, "setting 'retrieve.depth' is 'many'"),
        ({"retrieve.depth": 0}, "setting 'retrieve.depth' is 0"),
    ],
)
def test_a_key_or_value_that_cannot_be_used_is_named(flags, told):
    with pytest.raises(ConfigError, match="setting") as error:
        load_config(flags=flags, variables={})
    assert told in str(error.value)


def test_an_unknown_variable_is_named_and_others_are_left_alone():
    with pytest.raises(ConfigError, match="GRAFT_RETRIEVE_DEPTH"):
        load_config(variables={"GRAFT_RETRIEVE_DEPT": "5"})
    assert load_config(variables={"PATH": "/bin", "GRAFT_CACHE": "x"}) == Config()


def test_invalid_toml_names_the_file(tmp_path):
    path = tmp_path / "graft.toml"
    path.write_text("[retrieve\n")
    with pytest.raises(ConfigError, match=r"graft\.toml is not valid TOML"):
        load_config(path)


def test_every_key_has_a_variable_of_its_own():
    names = ["_".join(key.split(".")).upper() for key in valid_keys()]
    assert len(names) == len(set(names))
