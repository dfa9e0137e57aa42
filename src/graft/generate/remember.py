"""Remember: a generator that is asked the same thing twice answers from memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graft.core.generation import Decoding, Generation, Prompt
from graft.core.hashing import value_hash
from graft.core.protocols import Generator


@dataclass
class Remember:
    """Keeps every generation by generator, prompt and decoding, in memory.

    An evaluation asks the same prompts of the same model in several systems that differ elsewhere
    (a threshold, a reranker that changed nothing). Errors are not kept.
    """

    inner: Generator
    kept: dict[str, Generation] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def digest(self) -> str:
        return self.inner.digest

    @property
    def context_tokens(self) -> int:
        return self.inner.context_tokens

    @property
    def replayable(self) -> bool:
        return self.inner.replayable

    def count_tokens(self, prompt: Prompt) -> int:
        return self.inner.count_tokens(prompt)

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
        """Return one generation for each prompt; only those never seen reach the model."""
        keys = [value_hash([prompt, vars(decoding)]) for prompt in prompts]
        new = {key: p for key, p in zip(keys, prompts, strict=True) if key not in self.kept}
        made = self.inner.generate(list(new.values()), decoding) if new else []
        fresh = dict(zip(new, made, strict=True))
        self.kept |= {key: made for key, made in fresh.items() if not made.error}
        return [fresh[key] if key in fresh else self.kept[key] for key in keys]


@dataclass
class Memory:
    """What generators were asked and said, shared by all who ask in one evaluation."""

    kept: dict[tuple[str, int], Remember] = field(default_factory=dict)

    def of(self, generator: Generator) -> Remember:
        """Return a generator that answers from memory, the same for the same weights."""
        key = (generator.digest, generator.context_tokens)
        return self.kept.setdefault(key, Remember(generator))
