import itertools
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from components.common import atomic_files
from components.common.errors import InputError
from components.export.card import CARD_FILE, WARMUP_FILE, identity, read_card
from components.serving.removal import discard_unfinished
from components.serving.versions import (
    is_one_of,
    production,
    publish,
    replace,
    resolve,
    roll_back,
    versions,
    withdrawn,
)

NOW = 1_800_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands still."""
    monkeypatch.setattr(time, "time", lambda: NOW + 0.5)


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving" / "toy"


def of(sha256: str, labels: tuple[str, str] = ("bad", "good")) -> str:
    """The identity of `saved_model` of these weights."""
    return identity({"weights_sha256": sha256, "labels": labels})


def saved_model(directory: Path, sha256: str = "aa", labels: tuple[str, str] = ("bad", "good")) -> Path:
    (directory / "variables").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"graph")
    (directory / "variables" / "variables.index").write_bytes(b"index")
    (directory / "assets.extra").mkdir()
    (directory / CARD_FILE).write_text(json.dumps({"weights_sha256": sha256, "labels": labels}))
    return directory


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved_model(tmp_path / "model")


def message(function: Any, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_model_is_published_whole_under_the_time_in_seconds(model: Path, serving: Path) -> None:
    assert publish(model, serving) == NOW
    assert files(serving / str(NOW)) == files(model)
    assert [path.name for path in serving.iterdir()] == [str(NOW)]


def test_publishes_in_one_second_give_a_version_each(tmp_path: Path, serving: Path) -> None:
    models = [saved_model(tmp_path / sha256, sha256) for sha256 in ("aa", "bb", "cc")]
    assert [publish(model, serving) for model in models] == [NOW, NOW + 1, NOW + 2]
    assert versions(serving) == [NOW, NOW + 1, NOW + 2]


def test_what_is_in_production_already_is_not_published_twice(model: Path, serving: Path) -> None:
    assert [publish(model, serving) for _ in range(2)] == [NOW, NOW]
    assert versions(serving) == [NOW]


def test_the_run_that_pushed_a_version_stands_in_its_card_and_makes_it_no_other_model(
    model: Path, serving: Path
) -> None:
    assert [publish(model, serving, run=run) for run in ("monday", "tuesday")] == [NOW, NOW]
    assert read_card(serving / str(NOW))["run"] == "monday"
    assert "run" not in read_card(model)


def test_a_model_of_the_same_weights_is_published_if_anything_else_differs(
    model: Path, serving: Path, tmp_path: Path
) -> None:
    renamed = saved_model(tmp_path / "renamed")
    (renamed / CARD_FILE).write_text(json.dumps({"weights_sha256": "aa", "labels": ["negative", "positive"]}))
    of_other_code = shutil.copytree(renamed, tmp_path / "of_other_code")
    (of_other_code / "saved_model.pb").write_bytes(b"another graph")
    assert [publish(each, serving) for each in (model, renamed, of_other_code)] == [NOW, NOW + 1, NOW + 2]


def test_what_a_rollback_brought_back_is_not_published_beside_it(model: Path, serving: Path, tmp_path: Path) -> None:
    publish(model, serving)
    publish(saved_model(tmp_path / "b", "bb"), serving)
    _, newest = roll_back(serving)
    (serving / str(newest) / "assets.extra" / "added").write_text("by hand")
    assert publish(model, serving) == newest


def test_a_replaced_version_keeps_its_number_and_a_killed_replacement_is_undone(
    model: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = serving / str(publish(model, serving))
    (version / "saved_model.pb").write_bytes(b"damaged")
    with monkeypatch.context() as patch:
        patch.setattr(atomic_files, "publish", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            replace(version, model)
    assert not version.exists()
    discard_unfinished(serving)
    assert [path.name for path in serving.iterdir()] == [version.name]
    replace(version, model)
    assert files(version) == files(model)


def test_a_version_from_a_clock_ahead_is_surpassed(model: Path, serving: Path) -> None:
    saved_model(serving / str(NOW + 100), "bb")
    assert publish(model, serving) == NOW + 101


def test_an_interrupted_copy_leaves_nothing(
    model: Path, serving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(saved_model(tmp_path / "before", "bb"), serving)
    copied: list[str] = []
    copy = shutil.copyfile

    def copy_one_then_stop(source: str, target: str, **options: Any) -> Any:
        if copied:
            raise KeyboardInterrupt
        copied.append(source)
        return copy(source, target, **options)

    monkeypatch.setattr(shutil, "copyfile", copy_one_then_stop)
    with pytest.raises(KeyboardInterrupt):
        publish(model, serving)
    assert len(copied) == 1
    assert [path.name for path in serving.iterdir()] == [str(NOW)]


def test_a_copy_that_is_not_on_the_disk_is_not_shown(
    model: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        publish(model, serving)
    assert versions(serving) == []
    assert list(serving.iterdir()) == []


def test_every_file_and_directory_is_forced_to_disk_before_it_is_shown(
    model: Path, serving: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[str] = []
    visible: list[bool] = []

    def note(descriptor: int) -> None:
        forced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        visible.append((serving / str(NOW)).exists())

    monkeypatch.setattr(os, "fsync", note)
    publish(model, serving)
    aside = forced[-2]
    parts = {"", "/saved_model.pb", "/variables", "/variables/variables.index", "/assets.extra", f"/{CARD_FILE}"}
    assert set(forced[:-1]) == {aside + part for part in parts}
    assert forced[-1] == str(serving)
    assert visible == [False] * 6 + [True]


def test_a_server_that_looks_all_the_time_sees_whole_versions_only(model: Path, serving: Path) -> None:
    (model / "large").write_bytes(bytes(5_000_000))
    models = [model, *(shutil.copytree(model, model.with_name(name)) for name in ("b", "c"))]
    for number, each in enumerate(models):
        (each / CARD_FILE).write_text(json.dumps({"weights_sha256": str(number)}))
    stop = threading.Event()
    seen: list[set[str]] = []

    def look() -> None:
        while not stop.is_set():
            for version in versions(serving):
                seen.append(set(files(serving / str(version))))

    server = threading.Thread(target=look)
    server.start()
    for each in models:
        publish(each, serving)
    time.sleep(0.05)
    stop.set()
    server.join()
    assert seen
    assert {frozenset(names) for names in seen} == {frozenset(files(model))}


def test_versions_are_complete_ones_in_the_order_of_their_numbers(serving: Path) -> None:
    assert versions(serving) == []
    for name in ("9", "10", "latest", ".11-aside"):
        saved_model(serving / name)
    (serving / "12").mkdir()
    assert versions(serving) == [9, 10]


def test_production_is_the_newest_version(serving: Path) -> None:
    assert production(serving) is None
    for number in (9, 10):
        saved_model(serving / str(number))
    assert production(serving) == 10


def test_production_is_the_newest_version_of_another_model(serving: Path) -> None:
    for number, sha256 in zip(itertools.count(1), ("aa", "bb", "cc", "cc"), strict=False):
        saved_model(serving / str(number), sha256)
    assert production(serving, but=of("cc")) == 2
    assert production(serving, but=of("bb")) == 4
    assert production(serving, but=of("zz")) == 4
    shutil.rmtree(serving / "1")
    shutil.rmtree(serving / "2")
    assert production(serving, but=of("cc")) is None


def test_a_model_of_another_program_may_be_in_production(serving: Path) -> None:
    saved_model(serving / "1")
    shutil.rmtree(serving / "1" / "assets.extra")
    assert production(serving, but=of("aa")) == 1


def test_a_card_tells_what_the_model_is(model: Path) -> None:
    assert read_card(model) == {"weights_sha256": "aa", "labels": ["bad", "good"]}
    (model / CARD_FILE).unlink()
    assert read_card(model) == {}


@pytest.mark.parametrize("content", ["", "{", "[1]", "3", b"\xff"])
def test_a_damaged_card_is_named(model: Path, content: str | bytes) -> None:
    (model / CARD_FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = message(read_card, model)
    assert found.startswith(f"{model}/assets.extra/model.json: cannot be read as a JSON object (")
    assert found.endswith("). Remove this version and push the model again.")


def test_a_path_means_the_model_in_it_or_the_newest_version_below(model: Path, serving: Path) -> None:
    saved_model(serving / "9")
    newest = saved_model(serving / "10")
    assert resolve(model) == model
    assert resolve(serving) == newest
    assert resolve(serving / "9") == serving / "9"


def test_a_path_without_a_model_is_refused(tmp_path: Path, model: Path) -> None:
    remedy = "Give a pushed model: the path a run printed at its end, `show` prints it again."
    assert message(resolve, tmp_path / "x") == f"{tmp_path}/x: no such directory. {remedy}"
    assert message(resolve, tmp_path) == (
        f"{tmp_path}: no saved_model.pb in it and no version with one below it. {remedy}"
    )
    graph = model / "saved_model.pb"
    assert message(resolve, graph) == f"{graph}: a file, not a directory. {remedy}"


@pytest.fixture
def three(serving: Path, tmp_path: Path) -> list[int]:
    """Versions of a model aa and twice of a model bb."""
    for number, sha256 in enumerate(("aa", "bb", "bb")):
        saved_model(serving / str(NOW + number), sha256)
    return versions(serving)


def test_a_rollback_puts_the_newest_other_weights_on_top_and_withdraws_what_was_there(
    serving: Path, three: list[int]
) -> None:
    older, newest = roll_back(serving)
    assert (older, newest) == (three[0], three[2] + 1)
    assert versions(serving) == [*three, newest]
    assert production(serving) == newest
    assert read_card(serving / str(newest)) == {**read_card(serving / str(older)), "restored_from": older}
    assert withdrawn(serving) == {of("bb")}
    # And back again.
    assert roll_back(serving, three[1]) == (three[1], newest + 1)
    assert withdrawn(serving) == {of("aa")}


def test_rollbacks_one_after_another_go_further_back(serving: Path) -> None:
    for number, sha256 in enumerate(("aa", "bb", "cc")):
        saved_model(serving / str(number), sha256)
    assert [roll_back(serving)[0] for _ in range(2)] == [1, 0]
    assert withdrawn(serving) == {of("bb"), of("cc")}
    assert "no older version to go back to" in message(roll_back, serving)
    # Unless it is asked for by its number.
    assert roll_back(serving, 2)[0] == 2
    assert withdrawn(serving) == {of("aa"), of("bb")}


def test_a_model_of_equal_weights_with_other_labels_is_another_one(serving: Path) -> None:
    saved_model(serving / "1", "aa")
    renamed = saved_model(serving / "2", "aa", ("negative", "positive"))
    assert production(serving, but=identity(read_card(renamed))) == 1
    assert roll_back(serving)[0] == 1
    assert withdrawn(serving) == {of("aa", ("negative", "positive"))}
    assert production(serving, but=identity(read_card(renamed))) is not None


def test_weights_that_an_older_rollback_withdrew_stay_withdrawn_until_they_are_brought_back(serving: Path) -> None:
    for number, sha256 in enumerate(("aa", "bb")):
        saved_model(serving / str(number), sha256)
    (serving / ".withdrawn.json").write_text('["bb"]')
    assert production(serving) == 0
    assert is_one_of(withdrawn(serving), read_card(serving / "1"))
    saved_model(serving / "2", "cc")
    assert roll_back(serving, 1)[0] == 1
    assert withdrawn(serving) == {of("cc")}


def test_what_was_withdrawn_is_not_in_production_for_anybody(serving: Path, three: list[int]) -> None:
    _, newest = roll_back(serving)
    assert production(serving, but=of("aa")) is None
    assert production(serving) == newest


def test_a_killed_push_is_tidied_up_and_a_server_s_files_are_left(serving: Path, three: list[int]) -> None:
    (serving / f".17-{'0a' * 16}").mkdir()
    (serving / ".17-mine").mkdir()
    (serving / "config.txt").write_text("")
    discard_unfinished(serving)
    assert {path.name for path in serving.iterdir()} == {*map(str, three), ".17-mine", "config.txt"}


def test_a_rollback_to_what_there_is_not_or_is_in_production_is_refused(serving: Path, three: list[int]) -> None:
    listed = f"The versions are {', '.join(map(str, three))}."
    assert message(roll_back, serving, 7) == f"{serving}: no version 7 in it. {listed}"
    problem = f"version {three[1]} is of the model that is in production"
    assert message(roll_back, serving, three[1]) == f"{serving}: {problem}. {listed}"
    assert withdrawn(serving) == set()


@pytest.mark.parametrize("name", ["variables/key.pem", "more"])
def test_what_a_link_leads_to_is_copied_to_no_version(name: str, model: Path, serving: Path, tmp_path: Path) -> None:
    for number, sha256 in enumerate(("aa", "bb")):
        saved_model(serving / str(number), sha256)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key.pem").write_text("secret")
    for each in (model, serving / "0"):
        (each / name).symlink_to(tmp_path / "private" / ("key.pem" if "." in name else ""))
        place, refused = each / name, (publish, each, serving) if each == model else (roll_back, serving)
        assert message(*refused).startswith(f"{place}: a link, and a model holds none.")
    assert (versions(serving), withdrawn(serving)) == ([0, 1], set())


def test_a_version_that_is_a_link_itself_is_not_rolled_back_to(serving: Path, tmp_path: Path) -> None:
    saved_model(serving / "1", "bb")
    (serving / "0").symlink_to(saved_model(tmp_path / "elsewhere", "aa"))
    assert "a link, and a model holds none" in message(roll_back, serving)


def test_without_other_weights_there_is_nothing_to_roll_back_to(model: Path, serving: Path) -> None:
    assert "Push a model first" in message(roll_back, serving)
    publish(model, serving)
    assert "no older version to go back to" in message(roll_back, serving)


@pytest.mark.parametrize("place", [CARD_FILE, "variables/variables.index", "fingerprint.pb"])
def test_a_version_with_a_pipe_in_it_is_refused_and_not_waited_for(serving: Path, place: str) -> None:
    version = saved_model(serving / "1")
    (version / "variables").mkdir(exist_ok=True)
    (version / place).unlink(missing_ok=True)
    os.mkfifo(version / place)
    assert message(resolve, serving) == (
        f"{version / place}: neither a file nor a directory, and a model holds none. "
        "Put the file itself there, or the version back from where it was archived."
    )


def test_a_card_that_is_a_pipe_is_not_waited_for(model: Path) -> None:
    (model / CARD_FILE).unlink()
    os.mkfifo(model / CARD_FILE)
    assert "cannot be read as a JSON object (not a file)" in message(read_card, model)


def test_a_version_with_a_link_in_it_is_refused_and_not_rolled_back_to(serving: Path, tmp_path: Path) -> None:
    older, newer = saved_model(serving / "1"), saved_model(serving / "2", "bb")
    (tmp_path / "secret").write_text("key")
    (older / "link").symlink_to(tmp_path / "secret")
    assert resolve(serving) == newer
    assert message(resolve, older).startswith(f"{older / 'link'}: a link, and ")
    assert message(roll_back, serving).startswith(f"{older / 'link'}: a link, and ")
    assert sorted(path.name for path in serving.iterdir()) == ["1", "2"]


@pytest.fixture
def warm(model: Path) -> Path:
    """A model with requests to warm up by."""
    (model / WARMUP_FILE).write_bytes(b"requests")
    card = read_card(model) | {"warmup_sha256": "aa"}
    (model / CARD_FILE).write_text(json.dumps(card))
    return model


def test_requests_to_warm_up_by_are_pushed_or_left_out_and_the_card_says_so(warm: Path, serving: Path) -> None:
    with_them = publish(warm, serving)
    assert files(serving / str(with_them)) == files(warm)
    assert publish(warm, serving) == with_them
    without = publish(warm, serving, warmup=False)
    assert without > with_them
    assert files(serving / str(without)).keys() == files(warm).keys() - {WARMUP_FILE}
    assert "warmup_sha256" not in read_card(serving / str(without))
    assert identity(read_card(serving / str(without))) == identity(read_card(warm))
    assert publish(warm, serving, warmup=False) == without
    assert publish(warm, serving) > without


def test_a_version_that_was_pushed_without_requests_is_mended_without(warm: Path, serving: Path) -> None:
    version = serving / str(publish(warm, serving, warmup=False))
    before = files(version)
    (version / "saved_model.pb").write_bytes(b"damaged")
    replace(version, warm, [CARD_FILE], warmup=False)
    assert files(version) == before
    replace(version, warm, warmup=False)
    assert files(version) == before
