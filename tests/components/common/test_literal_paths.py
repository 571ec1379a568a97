import glob
import os
import random
from pathlib import Path

import pytest

from components.common.literal_paths.patterns import looks_like_pattern, matching, parted, plain

ODD = ["a[x]", "b*", "c?", "d\\e", "[", "[!a]"]


@pytest.mark.parametrize("name", ODD)
def test_a_pattern_below_a_directory_that_is_named_like_one_finds_its_files(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    # `a[x]` as a pattern matches this one.
    for folder in (place, tmp_path / "ax", tmp_path / "bb"):
        folder.mkdir()
        (folder / "1.tsv").touch()
    assert matching(f"{place}/*.tsv") == [f"{place}/1.tsv"]
    assert parted(f"{place}/*.tsv") == (f"{place}/", "*.tsv")


def test_a_pattern_that_no_directory_is_named_by_stays_one(tmp_path: Path) -> None:
    for name in ("ax/1.tsv", "ay/1.tsv", "ay/b/2.tsv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert matching(f"{tmp_path}/a[xy]/*.tsv") == [f"{tmp_path}/ax/1.tsv", f"{tmp_path}/ay/1.tsv"]
    assert matching(f"{tmp_path}/**/2.tsv") == [f"{tmp_path}/ay/b/2.tsv"]
    assert matching(f"{tmp_path}/none*") == []


def test_a_relative_pattern_starts_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a[x]").mkdir()
    Path("a[x]", "1.tsv").touch()
    assert matching("a[x]/*.tsv") == ["a[x]/1.tsv"]


def test_a_plain_name_leads_to_the_directory_and_is_closed(tmp_path: Path) -> None:
    place = tmp_path / "a[x]"
    place.mkdir()
    (place / "file").write_text("here")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with plain(place) as named:
        assert not looks_like_pattern(named)
        assert (named / "file").read_text() == "here"
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with plain(tmp_path) as named:
        assert named == tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_beam_and_tensorflow_find_what_they_wrote(name: str, tmp_path: Path) -> None:
    import tensorflow as tf
    from apache_beam.io.filesystems import FileSystems

    from components.common.literal_paths.libraries import use_literal_paths

    use_literal_paths()
    place = tmp_path / name
    for folder in (place / "in", tmp_path / "ax"):
        folder.mkdir(parents=True)
        (folder / "data-00000-of-00001").touch()
    file = f"{place}/in/data-00000-of-00001"
    assert tf.io.gfile.glob(f"{place}/in/data-*-of-*") == [file]
    for pattern, found in ((f"{place}/in/data-*", [file]), (f"{place}/in", [f"{place}/in"]), (f"{place}/x*", [])):
        (result,) = FileSystems.match([pattern])
        assert [one.path for one in result.metadata_list] == found
    FileSystems.delete([f"{place}/in"])
    assert list(place.iterdir()) == []
    assert (tmp_path / "ax" / "data-00000-of-00001").exists()


@pytest.mark.slow
def test_a_saved_model_below_such_a_directory_is_loaded(tmp_path: Path) -> None:
    import tensorflow as tf

    from components.common.literal_paths.libraries import use_literal_paths

    use_literal_paths()
    place = tmp_path / "a[x]" / "d\\e"
    module = tf.Module()
    module.number = tf.Variable(7.0)
    tf.saved_model.save(module, str(place))
    assert tf.saved_model.load(str(place)).number.numpy() == 7.0
    assert tf.compat.v1.saved_model.load_v2(str(place)).number.numpy() == 7.0


@pytest.mark.parametrize("seed", range(20))
def test_a_glob_matches_what_pythons_own_does(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = random.Random(seed)  # noqa: S311
    folders = [tmp_path]
    for _ in range(15):
        name = draws.choice(["a", "b.tsv", ".c", "ab", "[a]", "d*"])
        path = draws.choice(folders) / name
        if not path.exists():
            if draws.random() < 0.3:
                path.touch()
            else:
                path.mkdir()
            folders += [path] if path.is_dir() else []
    (tmp_path.with_name(f"{tmp_path.name}-elsewhere") / "a").mkdir(parents=True)
    (draws.choice(folders) / "link").symlink_to(tmp_path.with_name(f"{tmp_path.name}-elsewhere"))
    parts = ["*", "**", "a*", "?", "[ab]*", ".*", "a", "[[]a]", "*.tsv", "link", "none"]
    monkeypatch.chdir(tmp_path)
    for _ in range(30):
        pattern = "/".join(draws.choices(parts, k=draws.randint(1, 3)))
        for written in (pattern, f"{tmp_path}/{pattern}"):
            # Python's gives `none/` for `none/**`.
            expected = {name.rstrip("/") for name in glob.glob(written, recursive=True) if os.path.lexists(name)}
            assert matching(written) == sorted(expected - {""}), written
