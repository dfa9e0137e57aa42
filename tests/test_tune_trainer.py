"""The trainer: gone on with after a kill, mixed objectives, groups, early stopping, one dtype."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from graft.core.config import GeneratorTuneTable
from graft.core.context import Context, Event
from graft.core.errors import ConfigError, InputError
from graft.core.recipe import Recipe, Schedule
from graft.generate.prompts import CLOSED_BOOK, build
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.models.encoder import load_encoder
from graft.models.reranker import grow_reranker
from graft.testing.tiny import tiny_causal, tiny_encoder
from graft.tune import generator as generators
from graft.tune.checkpoint import Checkpoint, checkpoint_of
from graft.tune.data import DataRow
from graft.tune.generator import tune_generator
from graft.tune.lists import Lists
from graft.tune.objective import OBJECTIVES
from graft.tune.pool import Pool
from graft.tune.ranking import tune_reranker, tune_retriever
from graft.tune.sft import TrainItem
from graft.tune.trained import Trained
from tests.test_tune_ranking_reranker import TRIPLES as PAIRED
from tests.test_tune_ranking_reranker import lists
from tests.test_tune_ranking_retriever import TRIPLES, pool

pytestmark = pytest.mark.slow

QUESTIONS = ("Where is the office?", "How many days?", "When?", "Who?", "What is near?", "Why?")
# Words that a random model does not write, so that the loss decides between looks at first.
ITEMS = [TrainItem(build(CLOSED_BOOK, q), f"Zurich {q[:3]}", q) for q in QUESTIONS]
SCHEDULE = Schedule(epochs=3, batch_size=2, learning_rate=1e-2, max_tokens=300, patience=9)
RECIPE = Recipe(
    "generator", "closed-book", "tiny", adapter=Lora(rank=4, alpha=8, dropout=0.1).to_dict(),
    schedule=SCHEDULE, seed=2,
)  # fmt: skip
NAME = RECIPE.objective


class Stop(Exception):
    pass


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_causal(tmp_path_factory.mktemp("base"), "smollm")


@pytest.fixture
def causal(base: Path) -> Causal:
    return load_causal(str(base), dtype="float32", device="cpu")


def teach(causal: Causal, recipe: Recipe = RECIPE, dev: Any = ITEMS[:2], **options: Any) -> Trained:
    ctx = options.pop("ctx", Context())
    items = dict.fromkeys((recipe.objective, *recipe.mixed), options.get("items", ITEMS))
    shown = {name: options.get(name, dev) for name in items}
    return tune_generator(
        causal, items, shown, recipe=recipe, ctx=ctx, checkpoint=options.get("checkpoint")
    )


def written(trained: Trained, folder: Path) -> dict[str, bytes]:
    folder.mkdir(parents=True)
    trained.save(folder)
    return {p.name: p.read_bytes() for p in folder.rglob("*.safetensors")}


def stopping(after: int) -> Context:
    def listen(event: Event) -> None:
        if event.phase == "progress" and event.done == after:
            raise Stop

    return Context(events=listen)


def teach_retriever(folder: Path, ctx: Context, checkpoint: Checkpoint | None) -> Trained:
    schedule = Schedule(epochs=2, batch_size=42, learning_rate=3e-3, max_tokens=64, patience=9)
    recipe = Recipe("retriever", "contrastive", "tiny", adapter={"name": "full"}, schedule=schedule)
    given: tuple[Any, Pool] = (TRIPLES, pool())
    items, dev = ({"contrastive": each} for each in given)
    encoder = load_encoder(str(folder))
    return tune_retriever(encoder, items, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)


def teach_reranker(folder: Path, ctx: Context, checkpoint: Checkpoint | None) -> Trained:
    schedule = Schedule(epochs=2, batch_size=16, learning_rate=3e-3, patience=9)
    recipe = Recipe("reranker", "pointwise", "tiny", adapter={"name": "full"}, schedule=schedule)
    given: tuple[Any, Lists] = (PAIRED, lists())
    items, dev = ({"pointwise": each} for each in given)
    start = grow_reranker(str(folder), seed=0)
    return tune_reranker(start, items, dev, recipe=recipe, ctx=ctx, checkpoint=checkpoint)


@pytest.mark.parametrize("after", [1, 4, 8])
def test_a_generator_that_was_stopped_goes_on_to_the_same_weights(
    causal: Causal, tmp_path: Path, after: int
) -> None:
    checkpoint = Checkpoint(tmp_path / "c.pt", every=0.0)
    whole = teach(causal)
    with pytest.raises(Stop):
        teach(causal, ctx=stopping(after), checkpoint=checkpoint)
    assert checkpoint.path.is_file() and causal.adapters == ()
    notes: list[str] = []
    torch.manual_seed(77)
    again = teach(
        causal, checkpoint=checkpoint,
        ctx=Context(events=lambda e: notes.append(e.message) if e.phase == "note" else None),
    )  # fmt: skip
    assert f"gone on with, at step {after} of 9" in " ".join(notes)
    assert written(again, tmp_path / "a") == written(whole, tmp_path / "b")
    told = [[(p.step, p.train_loss, p.dev_loss) for p in t.curves] for t in (again, whole)]
    assert told[0] == told[1], "the same batches, and every look"
    assert (again.before, again.after, again.best_step) == (
        whole.before, whole.after, whole.best_step,
    )  # fmt: skip


@pytest.mark.parametrize("part", [teach_retriever, teach_reranker])
def test_what_ranks_goes_on_to_the_same_weights(
    tmp_path: Path, part: Callable[..., Trained]
) -> None:
    folder = tiny_encoder(tmp_path / "encoder")
    checkpoint = Checkpoint(tmp_path / "c.pt", every=0.0)
    whole = written(part(folder, Context(), None), tmp_path / "a")
    with pytest.raises(Stop):
        part(folder, stopping(3), checkpoint)
    assert written(part(folder, Context(), checkpoint), tmp_path / "b") == whole


SCRIPT = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from graft.core.config import GeneratorTuneTable
from graft.core.context import Context
from graft.models.causal import load_causal
from graft.tune.checkpoint import Checkpoint
from tests.test_tune_trainer import teach
causal = load_causal(sys.argv[1], dtype="float32", device="cpu")
slow = Context(events=lambda e: time.sleep(0.2) if e.phase == "progress" else None)
teach(causal, ctx=slow, checkpoint=Checkpoint(Path(sys.argv[2]), every=0.0))
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no kill -9")
def test_a_training_that_was_killed_goes_on_to_the_same_weights(
    base: Path, causal: Causal, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "c.pt", every=0.0)
    root = str(Path(__file__).resolve().parents[1])
    search = os.pathsep.join([root, *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(base), str(checkpoint.path)], cwd=root,
        env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        until = time.monotonic() + 240
        while not checkpoint.path.is_file() and time.monotonic() < until:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    state = checkpoint.load()
    assert state is not None and 0 < state["done"]["steps"] < 9
    again = teach(causal, checkpoint=checkpoint)
    assert written(again, tmp_path / "a") == written(teach(causal), tmp_path / "b")


def test_a_checkpoint_is_of_one_recipe_on_one_set_of_items(tmp_path: Path) -> None:
    rows = [DataRow("train", "q", ("p",))]
    path = checkpoint_of(tmp_path, RECIPE, rows, now=0.0).path
    assert path == checkpoint_of(tmp_path, RECIPE, rows, now=0.0).path
    assert path != checkpoint_of(tmp_path, replace(RECIPE, seed=3), rows, now=0.0).path
    assert (
        path != checkpoint_of(tmp_path, RECIPE, [DataRow("train", "q", ("other",))], now=0.0).path
    )
    path.touch()
    old = path.with_name("old.pt")
    old.touch()
    os.utime(old, (0, 0))
    checkpoint_of(tmp_path, RECIPE, rows, now=time.time())
    assert path.is_file() and not old.exists()


def test_two_objectives_are_trained_in_the_same_steps_and_both_losses_move(
    causal: Causal,
) -> None:
    first = OBJECTIVES.named("closed-book")
    # another objective: the same questions, answered otherwise
    turned = [replace(item, answer=item.answer[::-1]) for item in ITEMS]

    def session(model: Any, train: Any, dev: Any, recipe: Recipe) -> Any:
        return first.session(model, turned, turned, recipe)

    OBJECTIVES.add(replace(first, name="backwards", session=session))
    try:
        schedule = replace(SCHEDULE, epochs=8)
        alone = teach(causal, replace(RECIPE, schedule=schedule), dev=ITEMS)
        recipe = replace(RECIPE, schedule=schedule, mixed={"backwards": 0.7})
        both = teach(causal, recipe, dev=ITEMS)
    finally:
        OBJECTIVES.drop("backwards")
    for name in ("loss", "backwards loss"):
        assert both.after[name] < 0.9 * both.before[name]
    assert both.steps == alone.steps
    # each step's loss is the main one's and a share of the other's
    assert both.curves[1].train_loss == pytest.approx(
        alone.curves[1].train_loss + 0.7 * both.before["backwards loss"], rel=0.2
    )


@pytest.mark.parametrize("damage", [b"", b"0" * 500])
def test_a_damaged_checkpoint_is_told_and_the_training_begins_anew(
    causal: Causal, tmp_path: Path, damage: bytes
) -> None:
    checkpoint = Checkpoint(tmp_path / "c.pt")
    checkpoint.path.write_bytes(damage)
    heard: list[str] = []
    ctx = Context(events=lambda event: heard.append(event.message))
    again = teach(causal, checkpoint=checkpoint, ctx=ctx)
    assert any("is damaged" in message and "begins anew" in message for message in heard)
    assert written(again, tmp_path / "a") == written(teach(causal), tmp_path / "b")


def test_a_probe_that_cannot_tell_says_so(causal: Causal) -> None:
    heard: list[str] = []
    ctx = Context(events=lambda event: heard.append(event.message))
    slow = replace(RECIPE, schedule=replace(SCHEDULE, learning_rate=1e-5))
    told = teach(causal, slow, ctx=ctx)
    assert told.gained and told.probe and not told.probe.tells
    assert any("only a change of the files would be found" in message for message in heard)
    heard.clear()
    assert teach(causal, ctx=ctx).probe.tells
    assert not any("only a change of the files" in message for message in heard)


def test_a_parameter_group_moves_at_its_own_rate(causal: Causal) -> None:
    still = replace(SCHEDULE, rates={"lora_A": 0.0})
    before = teach(causal).save.args[1]
    after = teach(causal, replace(RECIPE, schedule=still)).save.args[1]
    with causal.training(Lora(rank=4, alpha=8, dropout=0.1), seed=2) as attached:
        began = {name: w.clone() for name, w in attached.weights().items()}
    assert all(torch.equal(began[n], w) for n, w in after.items() if "lora_A" in n)
    assert any(not torch.equal(began[n], w) for n, w in after.items() if "lora_B" in n)
    assert any(not torch.equal(began[n], w) for n, w in before.items() if "lora_A" in n)


def test_a_training_that_harms_dev_at_every_look_stops_early_at_the_defaults(
    causal: Causal,
) -> None:
    right = [replace(item, answer="5, 7") for item in ITEMS[:3]]
    wrong = [replace(item, answer="lost " * 6) for item in ITEMS]
    patience = GeneratorTuneTable().patience
    schedule = Schedule(
        epochs=4, batch_size=1, learning_rate=3e-2, max_tokens=300, patience=patience
    )
    told: list[str] = []
    ctx = Context(events=lambda e: told.append(e.message))
    options = {"items": wrong, "dev": right}
    long = teach(causal, replace(RECIPE, schedule=schedule), ctx=ctx, **options)
    looks = [p.dev_loss for p in long.curves if p.dev_loss is not None]
    assert all(look > looks[0] for look in looks[1:]), "the case must harm dev"
    assert any("stopped early" in text for text in told)
    one = teach(causal, replace(RECIPE, schedule=replace(schedule, epochs=1)), **options)
    assert one.steps == 2 * len(ITEMS) // 3, "two thirds of its steps, though it is one epoch"


@pytest.mark.parametrize("training", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("native", ["bfloat16", "float32"])
def test_only_what_is_trained_changes_in_each_number_format(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: str, training: torch.dtype
) -> None:
    causal = load_causal(str(base), dtype=native, device="cpu")
    with causal.training(Lora(rank=4), seed=1) as attached:
        with torch.no_grad():
            for weight in attached.parameters.values():
                weight.copy_(torch.randn(weight.shape))
        attached.save(tmp_path, attached.weights())
    causal.load_adapter("other", tmp_path)
    other = {n: w.clone() for n, w in causal.attached["other"].weights().items()}
    assert {w.dtype for w in other.values()} == {torch.float32}
    before = {n: w.clone() for n, w in causal.model.state_dict().items()}
    monkeypatch.setattr(generators, "training_dtype", lambda model: training)
    trained = teach(causal)
    assert any(w.any() for n, w in trained.save.args[1].items() if "lora_B" in n)
    after = causal.model.state_dict()
    assert [n for n, w in before.items() if not torch.equal(w, after[n])] == []
    assert all(before[n].dtype == after[n].dtype for n in after)
    now = causal.attached["other"].weights()
    assert all(torch.equal(other[n], now[n]) and now[n].dtype == other[n].dtype for n in other)


def test_what_is_not_known_is_answered_with_the_nearest(causal: Causal) -> None:
    with pytest.raises(ConfigError, match="did you mean 'closed-book'"):
        teach(causal, replace(RECIPE, objective="closed"))
    with pytest.raises(InputError, match="'pointwise' trains a reranker"):
        teach(causal, replace(RECIPE, mixed={"pointwise": 0.5}))
