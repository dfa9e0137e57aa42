"""How measures are headed in tables and reports, in the order of the columns."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, str] = {
    "answer_f1": "Answer F1",
    "token_f1": "Token F1",
    "exact_match": "Exact match",
    "rouge_l": "ROUGE-L",
    "support": "Support",
    "citation_precision": "Citation precision",
    "citation_recall": "Citation recall",
    "right_declines": "Right declines",
    "wrong_declines": "Wrong declines",
    "nDCG@10": "nDCG@10",
    "MRR@10": "MRR@10",
    "Recall@5": "Recall@5",
    "Recall@10": "Recall@10",
}
