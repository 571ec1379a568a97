"""Words of raw text as train has them: literal cuts, learned from few sentences."""

from pathlib import Path

import pytest

from components.tokenization.joins import Joins, basic_words

NEWS = [
    "the U.S. and the U.N. met .",
    "Germany 's team won 3-1 .",
    "Germany 's team won 6-4 , said Mr. L'Oreal .",
    "Mr. O'Brien paid $ 2.5 .",
    "Mr. Kohl paid $ 1.5 to L'Eau .",
    '" Berlin " , he said .',
    "the ' Times ' .",
]


def joins(*sentences: str) -> Joins:
    return Joins.learned(sentence.split(" ") for sentence in sentences)


def cut(text: str, learned: Joins) -> list[str]:
    return [text[begin:end] for begin, end in learned.cut(text)]


def test_without_a_train_all_is_cut_as_berts_pre_tokenizer_does() -> None:
    text = "Don't\tcall (U.S.) 北京a\u00adb x\u0301y\u2003_é1"
    expected = ["Don", "'", "t", "call", "(", "U", ".", "S", ".", ")", "北", "京", "a\u00adb", "x\u0301y", "_", "é1"]
    assert cut(text, Joins()) == expected
    assert cut("\u00ad \ufffd", Joins()) == cut("", Joins()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Germany's U.S. team.", ["Germany", "'s", "U.S.", "team", "."]),
        ("France's O'Neill", ["France", "'s", "O'Neill"]),
        ("L'Oréal paid $7.5.", ["L'Oréal", "paid", "$", "7.5", "."]),
        ("won 2-0, 1-1", ["won", "2-0", ",", "1-1"]),
        ("Paris/London", ["Paris", "/", "London"]),
        ("„Berlin“ 'Reuters'", ["„", "Berlin", "“", "'", "Reuters", "'"]),
        ("ask a@b.com", ["ask", "a", "@", "b", ".", "com"]),
    ],
)
def test_basic_words_are_joined_where_train_joins_such(text: str, expected: list[str]) -> None:
    assert cut(text, joins(*NEWS)) == expected


def test_addresses_stay_whole_where_train_has_some() -> None:
    learned = joins(*NEWS, "mail me@here.org .", "mail you@there.org .")
    assert cut("mail us@home.net.", learned) == ["mail", "us@home.net", "."]


def test_ideographs_are_words_where_they_are_trains_and_joined_where_train_joins_them() -> None:
    assert cut("张三在北京。", joins("李 四 在 上 海 。")) == ["张", "三", "在", "北", "京", "。"]
    assert cut("张三，北京。", joins("李四 ， 上海 。")) == ["张三", "，", "北京", "。"]


def test_chinese_of_whole_words_is_cut_into_characters() -> None:
    assert cut("张三丰在北京", joins("他 李四光 在 上海大学 工作 了")) == list("张三丰在北京")


def test_a_border_within_a_basic_word_cannot_be_had() -> None:
    assert joins().missed(["I", "did", "n't", "go"]) == ["did", "n't"]
    assert joins(*NEWS).missed(["the", "U.S.", "won", "4-0", "."]) == []


def test_characters_that_bert_removes_part_nothing() -> None:
    assert [word.follows for word in basic_words("a\u00ad.\u200b. b")] == [False, True, True, False]


def test_joins_are_read_as_they_were_written(tmp_path: Path) -> None:
    learned = joins(*NEWS)
    learned.write(tmp_path)
    assert Joins.read(tmp_path) == learned
    assert len(learned) > 0
