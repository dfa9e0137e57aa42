"""Settings: four layers, closed keys, and errors that name the nearest key."""

from __future__ import annotations

import json

import pytest

from graft.core.config import (
    Config,
    Settings,
    explicit,
    load_config,
    override,
    valid_keys,
)
from graft.core.errors import ConfigError
from graft.core.measure import MEASURES


def test_defaults_then_file_then_variables_then_flags(tmp_path):
    path = tmp_path / "graft.toml"
    path.write_text("[retrieve]\ndepth = 50\n[answer]\npassages = 30\n[generate]\nseed = 7\n")
    config = load_config(
        path,
        variables={"GRAFT_ANSWER_PASSAGES": "40", "GRAFT_GENERATE_SEED": "8"},
        flags={"generate.seed": 9},
    )
    assert (config.retrieve.depth, config.answer.passages, config.generate.seed) == (50, 40, 9)
    assert config.retrieve.pipeline == "follow_up >> dense + bm25"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"retrieve.dept": 1}, "did you mean 'retrieve.depth'"),
        ({"retreive": {}}, "did you mean 'retrieve'"),
        ({"retrieve.max_new_tokens": 1}, "did you mean 'generate.max_new_tokens'"),
        ({"answer.zzz": 1}, "unknown setting 'answer.zzz': name one of answer."),
        ({"tune.generator.epoch": 1}, "did you mean 'tune.generator.epochs'"),
        ({"retrieve.depth": "many"}, "setting 'retrieve.depth' is 'many'"),
        ({"retrieve.depth": 0}, "setting 'retrieve.depth' is 0"),
        ({"retrieve.depth.x": 1}, "setting 'retrieve.depth' is {'x': 1}"),
        ({"segment.overlap": 90}, "at most a third of max_tokens (250)"),
        ({"gate.improve": "token_f2"}, "did you mean 'token_f1'"),
        ({"gate.guard": "support,ndcg@10"}, "did you mean 'nDCG@10'"),
        ({"gate.improve": ""}, "at least 1 item"),
        ({"adapt.parts": "generater"}, "setting 'adapt.parts.0' is 'generater'"),
    ],
)
def test_a_key_or_value_that_cannot_be_used_is_named(flags, told):
    with pytest.raises(ConfigError, match="setting") as error:
        load_config(flags=flags, variables={})
    assert told in str(error.value)


def test_a_list_is_written_with_commas_in_flags_and_variables():
    config = load_config(
        flags={"gate.improve": "token_f1, exact_match", "adapt.parts": "generator"},
        variables={"GRAFT_GATE_GUARD": "", "GRAFT_INGEST_EXCLUDE": ".*,*.bak"},
    )
    assert config.gate.improve == ("token_f1", "exact_match") and config.gate.guard == ()
    assert config.adapt.parts == ("generator",) and config.ingest.exclude == (".*", "*.bak")
    written = {"gate.improve": '["token_f1", "exact_match"]', "ingest.exclude": "[Dd]rafts,[0-9]*"}
    config = load_config(flags=written, variables={})
    assert config.gate.improve == ("token_f1", "exact_match")
    assert config.ingest.exclude == ("[Dd]rafts", "[0-9]*")


def test_a_gate_may_name_every_measure_that_is_taken_and_any_depth_of_a_family():
    names = ",".join([*MEASURES.all(), "nDCG@25", "Precision@1"])
    config = load_config(flags={"gate.improve": names, "evaluate.measures": "MAP@7"}, variables={})
    assert len(config.gate.improve) == len(MEASURES.all()) + 2
    assert config.evaluate.measures == ("MAP@7",)


def test_a_measure_under_the_name_it_had_is_taken_for_what_it_is_called_now():
    config = load_config(flags={"gate.guard": "citation_recall,support"}, variables={})
    assert config.gate.guard == ("gold_cited", "support")
    with pytest.raises(ConfigError, match="there is no measure 'citation_recal'"):
        load_config(flags={"gate.guard": "citation_recal"}, variables={})


def test_flags_count_over_variables_and_both_over_a_release():
    said = explicit(
        variables={"GRAFT_RETRIEVE_DEPTH": "5", "GRAFT_ANSWER_PASSAGES": "6"},
        flags={"retrieve": {"depth": 7}, "gate.margin": 0},
    )
    pinned = Settings.model_validate({
        "retrieve": {"pipeline": "bm25", "stages": {"bm25": {"depth": 3}}},
        "answer": {"passages": 9},
    })  # fmt: skip
    made = override(pinned, said)
    table = made.retrieve
    assert (table.pipeline, table.depth, made.answer.passages) == ("bm25", 7, 6)
    assert table.stages == {"bm25": {"depth": 3}}
    assert override(pinned, {"retrieve": {"stages": {"fuse": {"k": 1}}}}).retrieve.stages == {
        "bm25": {"depth": 3}, "fuse": {"k": 1}
    }  # fmt: skip
    assert override(pinned, {}) is pinned


def test_a_graft_toml_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "graft.toml").mkdir()
    with pytest.raises(ConfigError, match=r"graft\.toml cannot be read"):
        load_config(tmp_path / "graft.toml")


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


def test_a_mistake_is_looked_for_where_it_was_made(tmp_path):
    path = tmp_path / "graft.toml"
    path.write_text("[retrieve]\ndepth = 50\n")
    with pytest.raises(ConfigError, match=r"^unknown setting 'retrieve\.dept': did"):
        load_config(path, variables={}, flags={"retrieve.dept": "9"})
    path.write_text("[retrieve]\ndept = 50\n")
    with pytest.raises(ConfigError, match=r"in .*graft\.toml: did you mean"):
        load_config(path, variables={})


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ({"dense_weight": "0.8"}, 'retrieve.pipeline = "follow_up >> 0.8 * dense + bm25"'),
        (
            {"bm25_weight": 2.0, "pipeline": "hybrid"},
            'retrieve.pipeline = "follow_up >> dense + 2 * bm25"',
        ),
        ({"fusion": "runs/f"}, 'retrieve.stages.fuse.run = "runs/f"'),
        ({"rrf_k": "30"}, "retrieve.stages.fuse.k = 30"),
        ({"rerank_depth": "5"}, "retrieve.stages.rerank.depth = 5"),
        (
            {"reranker": "m", "rerank_depth": 5},
            'retrieve.pipeline = "follow_up >> dense + bm25 >> rerank" and '
            'retrieve.stages.rerank.model = "m" and retrieve.stages.rerank.depth = 5',
        ),
        (
            {"reranker": "m", "pipeline": "bm25"},
            'retrieve.pipeline = "follow_up >> bm25 >> rerank"',
        ),
        ({"reranker": ""}, "take it out"),
        ({"dense_weight": "heavy"}, "follow_up >> heavy * dense"),
    ],
)
def test_a_setting_that_went_is_answered_by_what_to_write_instead(said, written, tmp_path):
    with pytest.raises(ConfigError) as error:
        load_config(flags={"retrieve": said}, variables={})
    (key, *_) = (name for name in said if name != "pipeline")
    assert f"retrieve.{key}" in str(error.value) and written in str(error.value)
    variables = {f"GRAFT_RETRIEVE_{name.upper()}": str(value) for name, value in said.items()}
    with pytest.raises(ConfigError, match=key):
        load_config(variables=variables)
    path = tmp_path / "graft.toml"
    path.write_text("[retrieve]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in said.items()))
    with pytest.raises(ConfigError, match=r"went.*in .*graft\.toml"):
        load_config(path, variables={})
