"""Wire: the one place where configuration becomes objects.

Heavy packages (torch, transformers, sentence-transformers, lancedb) are imported inside the
functions that need them, so that what needs no model starts at once.
"""

from graft.wire.answering import answerer, fusion_weights, pipeline
from graft.wire.ranking import (
    encoder,
    encoder_folder,
    reranker,
    run_of,
    space,
    tokenizer,
    torch_encoder,
    torch_reranker,
    weights_path,
)
from graft.wire.workspace import (
    Wiring,
    index,
    library,
    line_of,
    mapper,
    open_workspace,
    read_config,
    reading,
    require_folder,
    resolved,
    segmentation,
    with_changes,
    with_line,
)
from graft.wire.writing import (
    base_digest,
    causal,
    decoding,
    generator,
    loaded_adapter,
    prompt_of,
)

__all__ = [
    "Wiring", "answerer", "base_digest", "causal", "decoding", "encoder", "encoder_folder",
    "fusion_weights", "generator", "index", "library", "line_of",
    "loaded_adapter", "mapper", "open_workspace", "pipeline", "prompt_of", "read_config",
    "reading", "require_folder", "reranker", "resolved", "run_of", "segmentation", "space",
    "tokenizer", "torch_encoder", "torch_reranker", "weights_path", "with_changes", "with_line",
]  # fmt: skip
