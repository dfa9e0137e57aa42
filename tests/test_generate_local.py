from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from graft.core.generation import Decoding, Generation, Prompt
from graft.core.protocols import Generator, Scores, Streams
from graft.generate.local import LocalGenerator
from graft.models import session, torch_session
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.models.chat import ChatTemplate
from graft.models.torch_session import TorchSession
from graft.testing.tiny import Family, tiny_causal

pytestmark = pytest.mark.slow

torch.set_num_threads(1)

FAMILIES = get_args(Family)
GREEDY = Decoding(max_new_tokens=12)

QUESTIONS = (
    "How many leave days carry over?", "Where?", "a",
    "The office is in Oslo, near the harbour, is it not? Answer from the passages.",
    "How many leave days are lost?", "b",
)  # fmt: skip


def ask(question: str) -> Prompt:
    system = "Answer the question from the passages. Give the answer first, in few words."
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


PROMPTS = [ask(question) for question in QUESTIONS]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Causal]:
    folder = tmp_path_factory.mktemp("models")
    return {
        family: load_causal(str(tiny_causal(folder / family, family)), dtype="float32")
        for family in FAMILIES
    }


@pytest.fixture
def causal(models: dict[str, Causal]) -> Causal:
    return models["llama"]


def reference(causal: Causal, prompt: Prompt, tokens: int) -> list[int]:
    """Greedy decoding by the book: the whole text through the model for every token."""
    ids, new = causal.ids(prompt), []
    while len(new) < tokens:
        with torch.inference_mode():
            logits = causal.model(torch.tensor([ids + new])).logits
        token = int(logits[0, -1].argmax())
        if token in causal.end_ids:
            break
        new.append(token)
    return new


def ending(causal: Causal, places: dict[int, int]) -> Causal:
    """The same model, for which what it writes to prompt i at a place ends its turn."""
    ends = tuple(reference(causal, PROMPTS[i], place + 1)[place] for i, place in places.items())
    return replace(causal, chat=replace(causal.chat, end_ids=ends))


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_text_is_the_same_alone_in_a_batch_and_by_the_book(
    models: dict[str, Causal], family: str
) -> None:
    generator = LocalGenerator(models[family])
    together = generator.generate(PROMPTS, GREEDY)
    for prompt, found in zip(PROMPTS, together, strict=True):
        alone = generator.generate([prompt], GREEDY)[0]
        assert alone == found
        new = reference(models[family], prompt, 12)
        assert found.text == models[family].decode(new).rstrip("\ufffd")
        assert found.new_tokens == len(new)
        assert found.prompt_ids == tuple(models[family].ids(prompt))
        assert found.prompt_tokens == len(found.prompt_ids)
    assert len({found.text for found in together}) > 1


def test_small_batches_and_long_prompts_change_nothing(causal: Causal) -> None:
    whole = LocalGenerator(causal).generate(PROMPTS, GREEDY)
    small = LocalGenerator(causal, batch_tokens=200).generate(PROMPTS, GREEDY)
    assert small == whole


def test_what_all_prompts_begin_with_is_read_once_whatever_the_batches(
    causal: Causal, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Counter[int]()
    forward = torch_session._forward

    def watched(model: Any, ids: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        read[ids.shape[1]] += ids.shape[0]
        return forward(model, ids, *given, **named)

    monkeypatch.setattr(torch_session, "_forward", watched)
    rows = [causal.ids(prompt) for prompt in PROMPTS]
    LocalGenerator(causal, batch_tokens=100).generate(PROMPTS, GREEDY)
    shared = session.shared_start(rows, keep=1)
    assert shared >= session.SHORTEST_SHARED
    assert read[shared] == 1
    assert all(length <= max(map(len, rows)) - shared for length in read if length != shared)


def test_rows_that_end_leave_the_batch_and_the_others_go_on(
    causal: Causal, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths: list[int] = []
    forward = torch_session._forward

    def watched(model: Any, ids: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        widths.append(ids.shape[0])
        return forward(model, ids, *given, **named)

    monkeypatch.setattr(torch_session, "_forward", watched)
    stopping = ending(causal, {0: 3, 1: 5, 2: 8})
    found = LocalGenerator(stopping).generate(PROMPTS, GREEDY)
    for prompt, generation in zip(PROMPTS, found, strict=True):
        new = reference(stopping, prompt, 12)
        assert generation.new_tokens == len(new)
        assert generation.text == stopping.decode(new).rstrip("\ufffd")
        assert generation.finish_reason == ("stop" if len(new) < 12 else "length")
    assert found[0].new_tokens <= 3
    assert {generation.finish_reason for generation in found} == {"stop", "length"}
    # The common start went through once, alone; then all; then fewer as they ended.
    assert widths[:2] == [1, len(PROMPTS)]
    assert min(widths[2:]) < len(PROMPTS)


def test_a_common_start_is_read_once_and_changes_nothing(
    causal: Causal, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = LocalGenerator(causal).generate(PROMPTS, GREEDY)
    monkeypatch.setattr(session, "SHORTEST_SHARED", 10**6)
    assert LocalGenerator(causal).generate(PROMPTS, GREEDY) == shared
    same = LocalGenerator(causal).generate([PROMPTS[0]] * 3, GREEDY)
    assert same == [shared[0]] * 3


def test_equal_prompts_share_all_but_their_last_token(causal: Causal) -> None:
    ids = [list(range(30)), list(range(30))]
    assert session.shared_start(ids, keep=1) == 29
    assert session.shared_start(ids, keep=5) == 25
    assert session.shared_start([list(range(30)), list(range(10))], keep=1) == 0
    assert session.shared_start([[*range(20), 1], [*range(20), 2, 3], [*range(25)]], keep=1) == 20
    assert session.shared_start([list(range(30))], keep=1) == 0


def test_a_stop_text_ends_a_generation_and_is_not_part_of_it(causal: Causal) -> None:
    generator = LocalGenerator(causal)
    text = generator.generate(PROMPTS[:1], GREEDY)[0].text
    for start in (3, 10):
        stop = text[start : start + 3]
        found = generator.generate(PROMPTS[:1], replace(GREEDY, stop=("never", stop)))[0]
        assert found.text == text[: text.index(stop)]
        assert found.finish_reason == "stop"
        streamed = "".join(generator.stream(PROMPTS[0], replace(GREEDY, stop=(stop,))))
        assert streamed == found.text


def test_a_prompt_that_is_too_long_fails_alone(causal: Causal) -> None:
    generator = LocalGenerator(causal, context_tokens=300)
    found = generator.generate([PROMPTS[0], ask("b" * 400), PROMPTS[1]], GREEDY)
    assert [g.finish_reason == "error" for g in found] == [False, True, False]
    assert "the context holds 300" in found[1].error
    assert found[0].text
    assert list(generator.stream(ask("b" * 400), GREEDY)) == []


def test_the_context_bounds_prompt_and_answer_together(causal: Causal) -> None:
    room = len(causal.ids(PROMPTS[0])) + 5
    found = LocalGenerator(causal, context_tokens=room).generate(PROMPTS[:1], GREEDY)[0]
    assert (found.new_tokens, found.finish_reason) == (5, "length")
    assert LocalGenerator(causal, context_tokens=10**6).context_tokens == 512


def test_sampling_is_seeded_and_does_not_depend_on_the_neighbours(causal: Causal) -> None:
    generator = LocalGenerator(causal)
    warm = Decoding(max_new_tokens=12, temperature=1.0, seed=4)
    found = generator.generate(PROMPTS, warm)
    assert generator.generate(PROMPTS, warm) == found
    assert [generator.generate([prompt], warm)[0] for prompt in PROMPTS] == found
    other = generator.generate(PROMPTS, replace(warm, seed=5))
    assert [a.text for a in other] != [b.text for b in found]
    twice = generator.generate([PROMPTS[0]] * 2, warm)
    assert twice[0].text != twice[1].text
    cold = generator.generate(PROMPTS, replace(warm, temperature=1e-6))
    assert [g.text for g in cold] == [
        g.text for g in generator.generate(PROMPTS, Decoding(max_new_tokens=12))
    ]


def test_sampling_draws_by_the_models_probabilities() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25, 0.0]])).repeat(4, 1)

    four: Any = TorchSession(None, None, None, logits[:, None])  # type: ignore[arg-type]
    assert four.choose(1.0, (0.1, 0.6, 0.9, 0.999999)) == [0, 1, 2, 2]
    assert four.choose(0, ()) == [0, 0, 0, 0]
    assert four.choose(0, (), [0]) == [1, 1, 1, 1]
    assert four.choose(1.0, (0.1, 0.6, 0.9, 0.999999), [0, 1]) == [2, 2, 2, 2]
    told = four.told([[0], [1], [1, 2], [0, 1, 2]])
    assert told == pytest.approx(np.log([0.5, 0.25, 0.5, 1.0]), abs=1e-6)


def test_what_was_written_is_as_likely_as_it_is_scored(causal: Causal) -> None:
    generator = LocalGenerator(causal)
    for prompt, found in zip(PROMPTS, generator.generate(PROMPTS, GREEDY), strict=True):
        assert len(found.log_probs) == found.new_tokens + (found.finish_reason == "stop")
        ids = causal.ids(prompt)
        rows = [*ids, *causal.chat.encode(found.text)]
        read = causal.read([rows], keep=len(rows) - len(ids) + 1).log_probs()[0]
        first = read[0]
        assert found.silence == pytest.approx(np.exp(first[list(causal.chat.end_ids)]).sum(), 1e-4)
        assert found.log_probs[0] == pytest.approx(float(first.max()), abs=1e-4)


def test_silence_is_told_and_not_kept_where_a_text_is_asked_for(causal: Causal) -> None:
    first = int(causal.read([causal.ids(PROMPTS[0])]).log_probs()[0, -1].argmax())
    # A model whose likeliest first token is an end: it is told, and written is what comes next.
    ends = replace(causal.chat, end_ids=(first,))
    mute = LocalGenerator(Muted(causal, ends))
    empty = mute.generate(PROMPTS[:1], GREEDY)[0]
    assert (empty.text, empty.finish_reason) == ("", "stop")
    written = mute.generate(PROMPTS[:1], replace(GREEDY, min_new_tokens=1))[0]
    assert written.text and written.silence == pytest.approx(empty.silence)
    # What is told of the first token is given that something is written.
    alone = causal.read([causal.ids(PROMPTS[0])]).log_probs()[0, -1].astype(float)
    alone[first] = -np.inf
    best = float(alone.max()) - math.log1p(-(written.silence or 0.0))
    assert written.log_probs[0] == pytest.approx(best, abs=1e-3)
    assert empty.log_probs == pytest.approx((math.log(empty.silence or 0),), abs=1e-4)


class Muted:
    """A causal model with another chat."""

    def __init__(self, inner: Causal, chat: ChatTemplate) -> None:
        self.inner, self.chat = inner, chat

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stream_is_the_same_text_in_whole_characters(
    models: dict[str, Causal], family: str
) -> None:
    generator = LocalGenerator(models[family])
    for prompt in PROMPTS[:3]:
        whole = generator.generate([prompt], GREEDY)[0]
        pieces, returned = drained(generator.stream(prompt, GREEDY))
        assert "".join(pieces) == whole.text
        assert returned == whole
        assert len(pieces) > 1
        assert all(pieces)


def drained(stream: Iterator[str]) -> tuple[list[str], Generation]:
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as ended:
            return pieces, ended.value


def test_no_piece_ends_inside_a_character(causal: Causal, monkeypatch: pytest.MonkeyPatch) -> None:
    written = iter(causal.encode("5 € – 日本 😀 ok"))
    monkeypatch.setattr(TorchSession, "choose", lambda *_: [next(written, causal.end_ids[0])])
    pieces = list(LocalGenerator(causal).stream(PROMPTS[0], replace(GREEDY, max_new_tokens=60)))
    assert "".join(pieces) == "5 € – 日本 😀 ok"
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_that_is_cut_by_the_limit_is_left_out(
    causal: Causal, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = iter(causal.encode("a €")[:-1])
    monkeypatch.setattr(TorchSession, "choose", lambda *_: [next(written)])
    limit = len(causal.encode("a €")) - 1
    found = LocalGenerator(causal).generate(PROMPTS[:1], Decoding(max_new_tokens=limit))[0]
    assert (found.text, found.finish_reason) == ("a ", "length")


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_mean_log_probabilities_of_the_text_alone(
    models: dict[str, Causal], family: str
) -> None:
    causal = models[family]
    texts = ["Five days", "Oslo", "yes, it is in Oslo near the harbour", "", "x", "The"]
    found = LocalGenerator(causal, batch_tokens=300).score(PROMPTS, texts)
    for prompt, text, score in zip(PROMPTS, texts, found, strict=True):
        head, tail = causal.ids(prompt), causal.encode(text)
        with torch.inference_mode():
            logits = causal.model(torch.tensor([head + tail])).logits[0]
        each = [
            torch.log_softmax(logits[len(head) + i - 1], 0)[token] for i, token in enumerate(tail)
        ]
        expected = float(sum(each) / len(each)) if each else 0.0
        assert score == pytest.approx(expected, abs=1e-4)
    assert len(set(found)) == len(found)


def test_a_pair_that_does_not_fit_scores_minus_infinity(causal: Causal) -> None:
    generator = LocalGenerator(causal, context_tokens=200)
    found = generator.score([PROMPTS[1], PROMPTS[1]], ["yes", "b" * 300])
    assert found[0] > -100
    assert found[1] == float("-inf")
    assert generator.score([], []) == []
    assert generator.score(PROMPTS[:1], [""]) == [0.0]


def test_generators_with_different_adapters_share_a_base(
    tmp_path: Path, models: dict[str, Causal]
) -> None:
    causal = load_causal(str(tiny_causal(tmp_path / "base", "smollm")), dtype="float32")
    causal.attached["tuned"] = attached = Lora(rank=4, alpha=8).attach(causal.model, 0)
    causal.use("tuned")
    with torch.no_grad():
        for name, weight in attached.parameters.items():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    base, tuned, now = (LocalGenerator(causal, adapter=name) for name in ("", "tuned", None))
    plain = LocalGenerator(models["smollm"])
    assert base.generate(PROMPTS, GREEDY) == plain.generate(PROMPTS, GREEDY)
    assert tuned.generate(PROMPTS, GREEDY) != plain.generate(PROMPTS, GREEDY)
    assert tuned.generate(PROMPTS, GREEDY) == now.generate(PROMPTS, GREEDY)
    assert base.digest == plain.digest != tuned.digest
    texts = ["Five"] * len(PROMPTS)
    # Where its weights lie in memory changes the last digit of a sum.
    plainly = plain.score(PROMPTS, texts)
    assert base.score(PROMPTS, texts) == pytest.approx(plainly, abs=1e-5)
    assert tuned.score(PROMPTS, texts) != pytest.approx(plainly, abs=1e-2)
    # Two streams in turn, each with its own adapter.
    one, two = base.stream(PROMPTS[0], GREEDY), tuned.stream(PROMPTS[0], GREEDY)
    mixed = [[next(one)], [next(two)]]
    mixed[0] += list(one)
    mixed[1] += list(two)
    assert "".join(mixed[0]) == plain.generate(PROMPTS[:1], GREEDY)[0].text
    assert "".join(mixed[1]) == tuned.generate(PROMPTS[:1], GREEDY)[0].text
    assert causal.adapter == "tuned"


def test_a_model_with_sliding_windows_is_read_right(tmp_path: Path) -> None:
    folder = tiny_causal(tmp_path / "qwen", "qwen")
    config = json.loads((folder / "config.json").read_text())
    windows = ["full_attention", "sliding_attention"]
    config |= {"use_sliding_window": True, "sliding_window": 40, "layer_types": windows}
    (folder / "config.json").write_text(json.dumps(config))
    causal = load_causal(str(folder), dtype="float32")
    for prompt, found in zip(
        PROMPTS, LocalGenerator(causal).generate(PROMPTS, GREEDY), strict=True
    ):
        assert found.text == causal.decode(reference(causal, prompt, 12)).rstrip("\ufffd")


def test_it_is_a_generator_that_streams_and_scores(causal: Causal) -> None:
    protocol: Generator = LocalGenerator(causal)
    assert isinstance(protocol, Streams)
    assert isinstance(protocol, Scores)
    assert protocol.replayable
    assert protocol.count_tokens(PROMPTS[0]) == len(causal.ids(PROMPTS[0]))
    assert protocol.generate([], GREEDY) == []


@pytest.mark.real
def test_the_starter_answers_and_ends_its_turn() -> None:
    generator = LocalGenerator(load_causal("starter"))
    asked: Prompt = [{"role": "user", "content": "What is the capital of France? One word."}]
    found = generator.generate([asked], Decoding(max_new_tokens=12))[0]
    assert "Paris" in found.text
    assert found.finish_reason == "stop"
    scores = generator.score([asked, asked], ["Paris", "Bicycle"])
    assert scores[0] > scores[1]
