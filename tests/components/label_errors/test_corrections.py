"""A reviewed list becomes new files: what it names is another, all else the same to the last byte."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from components import tasks
from components.common.errors import InputError
from components.label_errors import corrections
from components.rows import label_names
from components.rows.files import InputFiles
from components.settings.data import Data

LISTED = "file\tline\tsplit\ttext\tlabel\tsuggested\tprobability\tcorrect\n"


class Given:
    """The files of a run in a folder, and a reviewed list."""

    def __init__(
        self, folder: Path, train: bytes, dev: bytes = b"text\tlabel\nso\tgood\nno\tbad\n", **data: Any
    ) -> None:
        self.folder, suffix = folder, data.pop("suffix", ".tsv")
        for name, content in (("train", train), ("dev", dev)):
            packed = gzip.compress(content) if suffix.endswith(".gz") else content
            (folder / f"{name}{suffix}").write_bytes(packed)
        self.files: InputFiles = [(split, folder / f"{split}{suffix}") for split in ("train", "dev")]
        self.data = Data(train=(str(self.files[0][1]),), dev=(str(self.files[1][1]),), **data)
        self.task = label_names.task_of(self.files, self.data)

    def corrected(self, listed: str) -> Path:
        reviewed = self.folder / "reviewed.tsv"
        reviewed.write_bytes(listed.encode())
        found = corrections.read(reviewed, self.task, corrections.names(self.files))
        corrections.write(self.files, self.data, self.task, found, self.folder / "new")
        return self.folder / "new"

    def refused(self, listed: str) -> str:
        with pytest.raises(InputError) as caught:
            self.corrected(listed)
        assert not (self.folder / "new").exists()
        assert not list(self.folder.glob(".new*"))
        return str(caught.value).replace(str(self.folder), "DIR")


TRAIN = b'\xef\xbb\xbftext\tlabel\r\nwell done\tgood\r\n a "film\tbad \r\ncaf\xc3\xa9 \x1b[31m\tgood'
"""With a mark, CRLF, spaces at the ends, a lone quote, an escape, and no line end at the last row."""


def test_a_named_row_has_another_label_and_all_else_is_the_same(tmp_path: Path) -> None:
    given = Given(tmp_path, TRAIN)
    new = given.corrected(f"{LISTED}train.tsv\t2\ttrain\twell done\tgood\tbad\t0.1\tbad\n")
    expected = b'\xef\xbb\xbftext\tlabel\r\nwell done\tbad\r\n a "film\tbad \r\ncaf\xc3\xa9 \x1b[31m\tgood'
    assert (new / "train.tsv").read_bytes() == expected
    assert (new / "dev.tsv").read_bytes() == (tmp_path / "dev.tsv").read_bytes()
    assert (tmp_path / "train.tsv").read_bytes() == TRAIN


def test_a_row_at_the_end_of_a_file_without_a_line_end_keeps_that(tmp_path: Path) -> None:
    new = Given(tmp_path, TRAIN).corrected(f"{LISTED}train.tsv\t4\ttrain\tcafé \x1b[31m\tgood\tbad\t0.1\tbad\n")
    assert (new / "train.tsv").read_bytes() == TRAIN.removesuffix(b"good") + b"bad"


def test_a_row_without_a_correction_is_left(tmp_path: Path) -> None:
    rows = [
        "train.tsv\t2\ttrain\twell done\tgood\tbad\t0.1\t",
        'train.tsv\t3\ttrain\t" a ""film"\tbad\tgood\t0.1\tgood',
    ]
    new = Given(tmp_path, TRAIN).corrected(LISTED + "\n".join(rows) + "\n")
    assert (new / "train.tsv").read_bytes() == TRAIN.replace(b"film\tbad ", b"film\tgood")


def test_columns_may_be_in_another_order_and_more_of_them(tmp_path: Path) -> None:
    listed = "note\tcorrect\tlabel\ttext\tline\tfile\r\nsure\tbad\tgood\twell done\t2\ttrain.tsv\r\n"
    assert b"well done\tbad\r\n" in (Given(tmp_path, TRAIN).corrected(listed) / "train.tsv").read_bytes()


def test_a_compressed_file_stays_one_and_equal_contents_are_equal_files(tmp_path: Path) -> None:
    listed = f"{LISTED}train.tsv.gz\t2\ttrain\twell done\tgood\tbad\t0.1\tbad\n"
    given = Given(tmp_path, TRAIN, suffix=".tsv.gz")
    first = (given.corrected(listed) / "train.tsv.gz").read_bytes()
    assert gzip.decompress(first) == TRAIN.replace(b"done\tgood", b"done\tbad")
    (tmp_path / "new").rename(tmp_path / "old")
    assert (given.corrected(listed) / "train.tsv.gz").read_bytes() == first


CSV = b'id,text,label\n1,"so, ""good""\r\nit is",good\n2,plain,bad\n3,"a\rb","good"\r\n4,end,bad'


@pytest.mark.parametrize(
    ("line", "text", "label", "correct", "before", "after"),
    [
        (
            2,
            '"so, ""good""\r\nit is"',
            "good",
            "bad",
            b'1,"so, ""good""\r\nit is",good\n',
            b'"1","so, ""good""\r\nit is","bad"\n',
        ),
        (4, "plain", "bad", "good", b"2,plain,bad\n", b"2,plain,good\n"),
        (5, '"a\rb"', "good", "bad", b'3,"a\rb","good"\r\n', b'"3","a\rb","bad"\r\n'),
        (6, "end", "bad", "good", b"4,end,bad", b"4,end,good"),
    ],
)
def test_a_quoted_row_over_several_lines_is_put_right(
    tmp_path: Path, line: int, text: str, label: str, correct: str, before: bytes, after: bytes
) -> None:
    given = Given(tmp_path, CSV, b"id,text,label\n1,so,good\n", separator=",")
    new = given.corrected(f"{LISTED}train.tsv\t{line}\ttrain\t{text}\t{label}\t\t0.1\t{correct}\n")
    assert CSV.count(before) == 1
    assert (new / "train.tsv").read_bytes() == CSV.replace(before, after)


WORDS = LISTED.replace("line\t", "line\tword\ttoken\t")

CONLL = b"-DOCSTART- O\n\n# one\nAnn  x B-PER \r\nLee\tx\tI-PER\nsings x O\n\nParis x B-LOC\n"


def test_a_word_of_conll_has_another_tag(tmp_path: Path) -> None:
    given = Given(tmp_path, CONLL, CONLL, task="tagging", format="conll", label=3, comments="#", suffix=".txt")
    text = "Ann Lee sings"
    rows = [
        f"train.txt\t4\t{word}\t-\ttrain\t{text}\t{label}\t\t0.1\tO" for word, label in ((1, "B-PER"), (2, "I-PER"))
    ]
    new = given.corrected(WORDS + "\n".join(rows) + "\n")
    expected = CONLL.replace(b"x B-PER \r\n", b"x O \r\n").replace(b"x\tI-PER\n", b"x\tO\n")
    assert (new / "train.txt").read_bytes() == expected


def test_tags_that_break_the_scheme_are_refused(tmp_path: Path) -> None:
    given = Given(tmp_path, CONLL, CONLL, task="tagging", format="conll", label=3, comments="#", suffix=".txt")
    row = "train.txt\t4\t1\tAnn\ttrain\tAnn Lee sings\tB-PER\tO\t0.1\tO\n"
    said = given.refused(WORDS + row)
    assert said.startswith("DIR/reviewed.tsv:2: with `correct` in train.txt:4, word 1,: tag 2 is 'I-PER' after 'O'")


def test_a_word_of_conllu_is_counted_without_multiword_tokens(tmp_path: Path) -> None:
    def word(number: str, form: str, tag: str) -> str:
        return f"{number}\t{form}\t_\t{tag}\t_\t_\t0\t_\t_\t_\n"

    lines = [word("1-2", "Zum", "_"), word("1", "Zu", "ADP"), word("2", "dem", "NOUN"), word("3", "Film", "NOUN")]
    content = ("# text = Zum Film\n" + "".join(lines) + "\n").encode()
    given = Given(tmp_path, content, content, task="word_tags", format="conllu", suffix=".conllu")
    new = given.corrected(f"{WORDS}train.conllu\t3\t2\tdem\ttrain\tZu dem Film\tNOUN\t\t0.1\tADP\n")
    assert (new / "train.conllu").read_bytes() == content.replace(b"dem\t_\tNOUN", b"dem\t_\tADP")


def test_tags_of_a_tsv_row_are_put_right_by_word(tmp_path: Path) -> None:
    content = b"tokens\ttags\nAnn sings\tB-PER O\nin Rome\tO O\n"
    given = Given(tmp_path, content, content, task="tagging")
    new = given.corrected(f"{WORDS}train.tsv\t3\t2\tRome\ttrain\tin Rome\tO\t\t0.1\tB-PER\n")
    assert (new / "train.tsv").read_bytes() == content.replace(b"O O\n", b"O B-PER\n")


def test_a_tag_of_bioes_is_listed_as_it_is_learned_and_corrected_as_it_is_written(tmp_path: Path) -> None:
    content = b"tokens\ttags\nAnn sings\tS-PER O\nin Rome\tO O\n"
    given = Given(tmp_path, content, content, task="tagging", scheme="bioes")
    new = given.corrected(f"{WORDS}train.tsv\t2\t1\tAnn\ttrain\tAnn sings\tB-PER\tO\t0.1\tO\n")
    assert (new / "train.tsv").read_bytes() == content.replace(b"S-PER O", b"O O")


def test_of_several_labels_a_row_may_get_none(tmp_path: Path) -> None:
    content = b"text\tlabel\none\ta|b\ntwo\tb\n"
    listed = f"{LISTED}train.tsv\t2\ttrain\tone\ta|b\t\t0.1\t-\n"
    given = Given(tmp_path, content, content, task="multilabel", allow_no_label=True)
    assert (given.corrected(listed) / "train.tsv").read_bytes() == b"text\tlabel\none\t\ntwo\tb\n"
    strict = Given(tmp_path, content, content, task="multilabel")
    (tmp_path / "new").rename(tmp_path / "old")
    assert "the label (field 2) is empty" in strict.refused(listed)


def test_a_number_is_put_right_and_its_range_holds(tmp_path: Path) -> None:
    content = b"text\tvalue\none\t1.0\ntwo\t2\n"
    given = Given(tmp_path, content, content, task="regression", range=[0, 5])
    row = "train.tsv\t2\ttrain\tone\t1.0\t4\t3\t"
    assert "9" in given.refused(f"{LISTED}{row}9\n")
    assert (given.corrected(f"{LISTED}{row}4\n") / "train.tsv").read_bytes() == content.replace(b"1.0", b"4")


def test_two_texts_are_both_compared(tmp_path: Path) -> None:
    content = b"text_a\ttext_b\tlabel\na\tb\tyes\nc\td\tno\n"
    given = Given(tmp_path, content, content, task="pair")
    listed = LISTED.replace("text\t", "text_a\ttext_b\t")
    assert "has another text now" in given.refused(f"{listed}train.tsv\t2\ttrain\ta\tx\tyes\t\t0.1\tno\n")
    new = given.corrected(f"{listed}train.tsv\t2\ttrain\ta\tb\tyes\t\t0.1\tno\n")
    assert (new / "train.tsv").read_bytes() == content.replace(b"b\tyes", b"b\tno")


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / "one" / "rows.tsv", tmp_path / "two" / "rows.tsv", tmp_path / "dev.tsv"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("text\tlabel\nso\tgood\nno\tbad\n")
    data = Data(train=tuple(str(path) for path in paths[:2]), dev=(str(paths[2]),))
    files: InputFiles = [("train", paths[0]), ("train", paths[1]), ("dev", paths[2])]
    task = label_names.task_of(files, data)
    reviewed = tmp_path / "reviewed.tsv"
    reviewed.write_text(f"{LISTED}two/rows.tsv\t3\ttrain\tno\tbad\t\t0.1\tgood\n")
    found = corrections.read(reviewed, task, corrections.names(files))
    counts = corrections.write(files, data, task, found, tmp_path / "new")
    assert counts == {"one/rows.tsv": 0, "two/rows.tsv": 1, "dev.tsv": 0}
    assert (tmp_path / "new/two/rows.tsv").read_text().endswith("no\tgood\n")
    assert (tmp_path / "new/one/rows.tsv").read_bytes() == paths[0].read_bytes()


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    given = Given(tmp_path, TRAIN)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("mine")
    with pytest.raises(InputError, match="is there already, and nothing is written over"):
        given.corrected(f"{LISTED}train.tsv\t2\ttrain\twell done\tgood\tbad\t0.1\tbad\n")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]


def test_a_failure_midway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    given = Given(tmp_path, TRAIN)
    monkeypatch.setattr(corrections.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        given.corrected(f"{LISTED}train.tsv\t2\ttrain\twell done\tgood\tbad\t0.1\tbad\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dev.tsv", "reviewed.tsv", "train.tsv"]


def test_tasks_know_whether_their_labels_can_be_judged() -> None:
    from components.label_errors import tasks_judged

    for name in ("classification", "pair", "multilabel", "regression", "similarity", "tagging", "word_tags"):
        tasks_judged.check(tasks.TASKS[name]())
    with pytest.raises(InputError, match="the labels of embedding say how near two texts are"):
        tasks_judged.check(tasks.TASKS["embedding"]())


def test_a_tag_may_be_corrected_to_what_is_learned_of_another(tmp_path: Path) -> None:
    content = b"tokens\ttags\nNew York\tS-LOC O\nRome\tS-LOC\n"
    given = Given(tmp_path, content, content, task="tagging", scheme="bioes")
    rows = [("1\tNew", "B-LOC", "B-LOC"), ("2\tYork", "O", "E-LOC")]
    listed = [f"train.tsv\t2\t{word}\ttrain\tNew York\t{label}\t\t0.1\t{right}\n" for word, label, right in rows]
    new = given.corrected(WORDS + "".join(listed))
    assert (new / "train.tsv").read_bytes() == content.replace(b"S-LOC O", b"B-LOC E-LOC")


def test_a_bad_row_over_several_lines_behind_a_corrected_one_stays_whole(tmp_path: Path) -> None:
    content = b'text,label\none,good\n"two\n\xff x",bad\nthree,bad\n'
    given = Given(tmp_path, content, b"text,label\na,good\n", separator=",", on_bad_row="quarantine")
    new = given.corrected(f"{LISTED}train.tsv\t2\ttrain\tone\tgood\t\t0.1\tbad\n")
    assert (new / "train.tsv").read_bytes() == content.replace(b"one,good", b"one,bad")


def test_no_name_of_a_file_leads_out_of_the_directory(tmp_path: Path) -> None:
    files: InputFiles = [("train", tmp_path / "a" / "train.tsv"), ("dev", tmp_path / "a" / ".." / "dev.tsv")]
    assert list(corrections.names(files)) == ["a/train.tsv", "dev.tsv"]
