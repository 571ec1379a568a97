"""`match`: the texts of a corpus that are nearest to others, by the cosine of their vectors."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TextIO

from components.common import atomic_files
from components.common.errors import InputError
from components.common.exit_status import DONE
from components.settings.model import Model
from pipeline.commands import named_models
from pipeline.commands.embed import Source, base_model_settings, loaded_embedder, vectors_of


def match_files(
    model: Path,
    queries: Source,
    corpus: Source,
    top: int,
    settings: Model,
    out: TextIO,
    terminal: TextIO,
    as_json: bool,
) -> None:
    """Writes for each query the nearest texts of the corpus by cosine, `top` of them.

    Raises:
        InputError: as `embed_file`.
    """
    import numpy as np

    texts: list[str] = []
    parts = []
    corpus_texts, query_texts = corpus.texts(), queries.texts()
    embedder = loaded_embedder(model, settings)
    for some, vectors in vectors_of(embedder, corpus.path, *corpus_texts, terminal):
        texts += some
        parts.append(vectors)
    if not parts:
        raise InputError(str(corpus.path), "no rows in it", "Give a file with rows")
    import faiss

    index = faiss.IndexFlatIP(parts[0].shape[1])
    index.add(np.concatenate(parts))
    query_count = 0
    for some, vectors in vectors_of(embedder, queries.path, *query_texts, terminal, out):
        if not (as_json or query_count):
            print("query", "rank", "cosine", "match", sep="\t", file=out)
        query_count += len(some)
        for query, cosines, indices in zip(some, *index.search(vectors, min(top, len(texts))), strict=True):
            found = [{"cosine": float(c), "text": texts[i]} for c, i in zip(cosines, indices, strict=True)]
            if as_json:
                print(json.dumps({"query": query, "matches": found}, ensure_ascii=False, allow_nan=False), file=out)
                continue
            for rank, one in enumerate(found, 1):
                print(query, rank, f"{one['cosine']:.6f}", one["text"], sep="\t", file=out)
    if not query_count:
        raise InputError(str(queries.path), "no rows in it", "Give a file with rows")


def execute(options: argparse.Namespace) -> int:
    header = not options.no_header
    options.model = named_models.model_of(options)
    queries = Source(options.queries, options.query_column, header, "--query-column")
    corpus = Source(options.corpus, options.corpus_column, header, "--corpus-column")
    with atomic_files.written(options.output) as out:
        match_files(
            options.model,
            queries,
            corpus,
            options.top,
            base_model_settings(options),
            out,
            sys.stderr,
            as_json=options.json,
        )
    return DONE
