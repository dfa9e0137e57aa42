"""heading: what a heading or title asks of the sentence that opens its section."""

from graft.examples.drafts import free_drafts
from graft.examples.maker import Maker

HEADING = Maker("heading", "a heading is asked about, by its name or by a model", 0.5, free_drafts)
