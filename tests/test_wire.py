"""Wire: settings become one line of retrieval and back, and a run's changes are put into them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graft.core.config import Config, EncoderTable, RetrieveTable, Settings, load_config
from graft.core.errors import ConfigError
from graft.core.mapper import Here, Processes
from graft.retrieve.line import stage_keys
from graft.wire import line_of, mapper, open_workspace, resolved, with_changes


def test_resolved_settings_say_all_that_they_search_by_and_stay_so():
    table = RetrieveTable(pipeline="bm25+dense", depth=9, stages={"rerank": {"depth": "5"}})
    made = resolved(Config(retrieve=table))
    assert (made.retrieve.pipeline, made.retrieve.depth) == ("bm25 + dense", 9)
    assert made.retrieve.stages["rerank"] == {"model": "", "depth": 5, "weight": 1.0}
    assert made.retrieve.stages["fuse"] == {"k": 60, "run": ""}
    assert resolved(made) == made


def test_numbers_are_a_releases_and_the_engine_is_the_machines(tmp_path):
    table = EncoderTable(dtype="bfloat16", engine="torch")
    pinned = resolved(Settings(encoder=table)).encoder
    assert (pinned.dtype, pinned.engine) == ("bfloat16", "auto")
    # What an older Graft released says nothing of them.
    assert Settings.model_validate({"encoder": {"model": "starter"}}).encoder.dtype == "float32"
    with pytest.raises(ConfigError, match=r"encoder\.dtype.*'bfloat61'.*'float32' or 'bfloat16'"):
        open_workspace(tmp_path, {"encoder.dtype": "bfloat61"})


def test_tables_of_stages_are_set_by_the_file_variables_and_flags(tmp_path, monkeypatch):
    (tmp_path / "graft.toml").write_text(
        "[retrieve.stages.rerank]\ndepth = 3\n[retrieve.stages.follow_up]\nturns = 2\n"
    )
    monkeypatch.setenv("GRAFT_RETRIEVE_STAGES_FOLLOW_UP_TURNS", "4")
    monkeypatch.setenv("GRAFT_RETRIEVE_PIPELINE", "follow_up >> bm25")
    opened = open_workspace(tmp_path, {"retrieve.stages.rerank.model": "m"})
    line = line_of(opened.config)
    assert line.text == "follow_up >> bm25"
    assert (line.table("follow_up").turns, line.table("rerank").depth) == (4, 3)
    assert line.table("rerank").model == "m"
    assert opened.explicit["retrieve"] == {
        "pipeline": "follow_up >> bm25",
        "stages": {"follow_up": {"turns": "4"}, "rerank": {"model": "m"}},
    }
    with pytest.raises(ConfigError, match="did you mean GRAFT_RETRIEVE_STAGES_RERANK_DEPTH"):
        load_config(more=stage_keys, variables={"GRAFT_RETRIEVE_STAGES_RERANK_DEPHT": "4"})
    with pytest.raises(ConfigError, match=r"did you mean 'retrieve\.stages\.rerank\.depth'"):
        open_workspace(tmp_path, {"retrieve.stages.rerank.dept": "3"})
    with pytest.raises(ConfigError, match=r"'densee' at character 1.*did you mean 'dense'"):
        open_workspace(tmp_path, {"retrieve.pipeline": "densee"})


def test_what_a_run_changes_is_checked():
    changed = with_changes(
        Settings(), {"retrieve.stages.fuse.run": "runs/f", "encoder.query_prefix": "{}q: "}
    )
    assert line_of(changed).table("fuse").run == "runs/f"
    assert changed.encoder.query_prefix == "q: " and Settings().encoder.query_prefix == ""
    for changes, what in (
        ({"retrieve.stages.fuse.rnu": "x"}, "did you mean 'retrieve.stages.fuse.run'"),
        ({"encoder.modle": "x"}, "did you mean 'encoder.model'"),
        ({"retrieve.pipeline": "{} >> rernk"}, "did you mean 'rerank'"),
    ):
        with pytest.raises(ConfigError, match=what):
            with_changes(Settings(), changes)


@pytest.mark.parametrize("words", [["init"], ["release", "list"]])
def test_no_table_is_opened_to_read_settings(tmp_path, words):
    code = "import sys; from graft.cli.main import main\ntry: main()\n"
    code += "except SystemExit: sys.exit('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "-w", str(tmp_path), *words], check=False)
    assert done.returncode == 0


def test_files_are_read_in_processes_that_may_be_lost_and_passages_encoded_here(tmp_path):
    opened = open_workspace(tmp_path, {"ingest.max_megabytes": "900"})
    reading = mapper(opened, "read")
    assert isinstance(reading, Processes) and reading.workers in (1, 2)
    assert reading.memory > 900 * 2**20
    assert mapper(opened, "encode") == Here()
