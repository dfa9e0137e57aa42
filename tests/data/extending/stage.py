"""hypothetical: searches beside a passage that the generator makes up (Gao et al., ACL 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graft.core.context import Context
from graft.core.generation import Decoding
from graft.core.protocols import Generator
from graft.core.search import Search, Variant
from graft.core.table import Table
from graft.retrieve.kind import StageKind
from graft.retrieve.stage import Stage


@dataclass(frozen=True)
class Hypothetical(Stage):
    generator: Generator
    tokens: int
    name: str = "hypothetical"

    def __call__(self, searches: Sequence[Search], ctx: Context) -> list[Search]:
        asked = [s for s in searches if not s.error]
        if not ctx.budget.take(calls=len(asked), tokens=len(asked) * self.tokens):
            return [replace(s, trace=(*s.trace, f"{self.name}: no budget")) for s in searches]
        prompts = [[{"role": "user", "content": f"Answer briefly: {s.asked}"}] for s in asked]
        texts = iter(self.generator.generate(prompts, Decoding(max_new_tokens=self.tokens)))
        return [s if s.error else self.add(s, next(texts).text) for s in searches]

    def add(self, search: Search, text: str) -> Search:
        made = Variant(text, kind="passage", leaves=("dense",))
        trace = (*search.trace, f"{self.name}: 1 passage made up")
        return replace(search, variants=(*search.variants, made), trace=trace)


class Settings(Table):
    tokens: int = 64


KIND = StageKind("hypothetical", Settings, lambda t, parts: Hypothetical(parts.generator, t.tokens))
