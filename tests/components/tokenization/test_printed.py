"""Words joined as printed text has them."""

import pytest

from components.tokenization.printed import printed, space_between


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("EU rejects German call .", "EU rejects German call."),
        ("Germany 's Kohl , ( CDU ) : 5 % ?", "Germany's Kohl, (CDU): 5%?"),
        ("I did n't , they 've", "I didn't, they've"),
        ('He said : " Berlin " !', 'He said: "Berlin"!'),
        ('" A " and " B', '"A" and "B'),
        ('said Kohl . "', 'said Kohl."'),
        ("the players ' strike", "the players' strike"),
        ("' Reuters '", "'Reuters'"),
        ("„ Berlin “ , sagte er", "„Berlin“, sagte er"),
        ("« Genève » “ yes ”", "«Genève» “yes”"),
        ("$ 3.5 or 1-0 - so", "$3.5 or 1-0 - so"),
        ("张 三 在 北 京 工 作 。", "张三在北京工作。"),
        ("1 9 9 8 年", "1998年"),
        ("张三 用 BERT model 。", "张三用BERT model。"),
        ("one", "one"),
        ('"', '"'),
    ],
)
def test_text_is_printed_without_spaces_where_print_has_none(words: str, text: str) -> None:
    assert printed(words.split(" "))[0] == text


def test_each_word_has_its_place() -> None:
    assert printed(["Zoë", "'s", "(", "x", ")"]) == ("Zoë's (x)", [0, 3, 6, 7, 8])
    assert printed([]) == ("", [])
    assert space_between(["a", "b", "."]) == [True, False]
