from components.rows import columns, reader
from components.rows.reader import Row
from tests.components.rows.reading import Write, data, headerless, message, rows


def test_columns_are_found_by_name_or_by_number_in_any_order(write: Write) -> None:
    path = write("id\tlabel\tsource\ttext\n7\tpos\tweb\tgood\n")
    expected = [Row(2, "train", ("good",), "pos", ("web", "7"))]
    by_name = data(slices=("source", "id"))
    by_number = data(text=4, label=2, slices=(3, 1))
    assert list(reader.read_rows(path, "train", by_name)) == expected
    assert list(reader.read_rows(path, "train", by_number)) == expected
    assert columns.read_layout(path, by_number).slice_names == ("source", "id")


def test_without_a_header_rows_are_as_wide_as_the_largest_column_or_as_told(write: Write) -> None:
    path = write("7\tgood\tpos\n")
    layout = columns.read_layout(path, headerless(text=2, label=3, slices=(1,)))
    assert layout == columns.Layout(3, (1,), 2, (0,), ("column_1",))
    assert columns.read_layout(path, headerless(columns=5)).width == 5
    assert rows(path, headerless(text=2, label=1, columns=3)) == [(1, "good", "7")]


def test_the_nearest_column_is_named(write: Write) -> None:
    path = write("Text\tlabel\n")
    assert message(columns.read_layout, path, data()) == (
        f"{path}:1: data.text is 'text', the header has 'Text', 'label'. "
        "Did you mean 'Text'? Correct data.text, or if line 1 is a row, set data.header = false and give the columns "
        "as numbers."
    )


def test_a_wide_header_is_not_listed_whole(write: Write) -> None:
    path = write("\t".join(f"{number}" for number in range(12)) + "\n")
    assert "the header has '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ...." in message(
        columns.read_layout, path, data()
    )


def test_a_column_that_the_header_names_twice_needs_a_number(write: Write) -> None:
    path = write("text\tlabel\ttext\na\tpos\tb\n")
    assert message(columns.read_layout, path, data()) == (
        f"{path}:1: the header names 'text' twice. Rename one, or give data.text as a number."
    )
    assert rows(path, data(text=3)) == [(2, "b", "pos")]


def test_a_column_given_by_name_and_by_number_is_refused(write: Write) -> None:
    path = write("text\tlabel\na\tpos\n")
    assert message(columns.read_layout, path, data(label=1)) == (
        f"{path}:1: data.text and data.label are both column 1, 'text'. Give each another column."
    )


def test_columns_are_counted_from_1_where_two_are_the_same(write: Write) -> None:
    path = write("id\ttext\tlabel\n1\ta\tpos\n")
    assert message(columns.read_layout, path, data(label=2)).startswith(
        f"{path}:1: data.text and data.label are both column 2, 'text'."
    )


def test_a_text_column_that_the_header_lacks_is_an_error(write: Write) -> None:
    path = write("id\treview\n")
    assert message(reader.read_texts, path, ("text",), True, "none") == (
        f"{path}:1: the text's column is 'text', the header has 'id', 'review'. "
        "Give --column, a name or a number from 1."
    )
