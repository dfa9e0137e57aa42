"""gap: an answer is cut out of a passage, and a model asks for it."""

from graft.examples.drafts import answer_drafts
from graft.examples.maker import Maker

GAP = Maker("gap", "a model asks for what was cut out", 1.0, answer_drafts)
