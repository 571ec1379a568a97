from pathlib import Path

from components.rows import row_counts


def test_counts_of_several_files_add_up_and_can_be_had_by_file(tmp_path: Path) -> None:
    row_counts.write(
        tmp_path,
        [
            {"file": "a.tsv", "rows": [["train", "good", 3], ["dev", "good", 1]], "bad": 0},
            {"file": "b.tsv", "rows": [["train", "good", 4], ["train", "bad", 2]], "bad": 5},
            {"file": "c.tsv", "rows": [], "bad": 0},
        ],
        {"a.tsv": "1a", "b.tsv": "2b", "c.tsv": "3c"},
    )
    assert row_counts.row_counts(tmp_path) == {("train", "good"): 7, ("dev", "good"): 1, ("train", "bad"): 2}
    assert row_counts.rows_by_file(tmp_path) == {"a.tsv": (4, 0), "b.tsv": (6, 5), "c.tsv": (0, 0)}
    assert row_counts.contents(tmp_path) == {"1a", "2b", "3c"}
