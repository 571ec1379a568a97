"""Documents cut into sentences, by a library that Wikimedia keeps, or at the ends of lines."""

from __future__ import annotations

import sentencex

from components.pretraining.documents import Document
from components.settings.kinds.corpus import Corpus


def sentences(document: Document, corpus: Corpus) -> list[str]:
    """The sentences of a document in their order; none is empty, none holds a line end.

    Args:
        document: as it stands in its file.
        corpus: what it is cut by.
    """
    found = document.lines
    if corpus.splitter == "sentencex":
        found = sentencex.segment(corpus.language, "\n".join(document.lines))
    # White space of any other kind is for the tokenizer, which takes some of it for control characters.
    return [sentence for one in found if (sentence := one.replace("\n", " ").strip(" \t\r"))]
