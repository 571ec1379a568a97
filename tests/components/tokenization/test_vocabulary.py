import pytest

from components.tokenization.vocabulary import token_lines


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("", []),
        ("\n", []),
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\nb\n", ["a", "", "b"]),
        # None of these ends a line.
        ("a\x0b\x0c\x1c\x85\u2028\u2029b\n", ["a\x0b\x0c\x1c\x85\u2028\u2029b"]),
        ("a\rb\n", ["a\rb"]),
    ],
)
def test_a_line_feed_alone_or_behind_a_carriage_return_ends_a_token(content: str, tokens: list[str]) -> None:
    assert token_lines(content) == tokens
