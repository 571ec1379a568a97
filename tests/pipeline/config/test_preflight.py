import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pipeline_runner
from components.common.errors import InputError
from components.model.config import BertConfig
from components.rows import columns, data_hash
from components.rows.files import fingerprint
from components.settings.run import Run
from components.tasks.classification import Classification
from components.tokenization.vocabulary import Tokenizer, TokenizerSettings
from pipeline.config import preflight
from pipeline.config.load import load_any, load_config
from pipeline.config.preflight import check
from tests.checkout import ROOT
from tests.toys import HEADED_RUN, VOCABULARY, write_toy_checkpoint

CONFIGS = sorted((ROOT / "pipeline" / "configs").glob("*.toml"))

ROWS = "good film\tgood\nbad film\tbad\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a run of the toy checkpoint, with `changes` (old, new) to its TOML; returns the path of the TOML."""
    write_toy_checkpoint(tmp_path / "toy")
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + ROWS)
    (tmp_path / "dev.tsv").write_text("text\tlabel\n" + ROWS.replace(" film", " old film"))

    def write_run(*changes: tuple[str, str]) -> Path:
        toml = HEADED_RUN
        for old, new in changes:
            assert toml.count(old) == 1
            toml = toml.replace(old, new)
        path = tmp_path / "run.toml"
        path.write_text(toml)
        return path

    return write_run


def message(function: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(InputError) as caught:
        function(path)
    return str(caught.value).replace(str(path.parent), "DIR")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_is_valid_and_named_like_its_file(path: Path) -> None:
    run = load_any(path)
    assert run.name == path.stem.replace("_", "-")
    if not isinstance(run, Run):
        assert all(Path(name).parent.parent == ROOT / "data" for _, name in run.corpus.patterns)
        assert run.gate.max
        return
    assert set(run.data.splits) == {"train", "dev", "test"}
    assert all(bound >= 0.4 for bound in run.gate.min.values())
    for _, name in run.data.patterns:
        assert Path(name).parent.parent == ROOT / "data"


def test_there_are_configs_that_ship() -> None:
    assert [path.stem for path in CONFIGS] == [
        "answering",
        "embedding",
        "intents",
        "movie_reviews",
        "movie_reviews_pretraining",
        "multilabel",
        "newsgroups_vocabulary",
        "pair",
        "regression",
        "reuters_r8",
        "similarity",
        "spelled_out",
        "tagging",
        "word_tags",
    ]


def test_paths_are_relative_to_the_config_and_not_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "run.toml"
    path.write_text(
        'name = "toy"\n[data]\nfiles = ["../rows.tsv", "more/*.tsv", "/data/x.tsv", "~/y.tsv"]\n'
        '[model]\nbase = "../toy"\n[validation]\nschema_file = "schema.pbtxt"\n[push]\ndestination = "../models"\n'
    )
    monkeypatch.setenv("HOME", "/srv/somebody")
    monkeypatch.chdir(tmp_path)
    run = load_config(Path("configs/run.toml"))
    assert run.data.files == (
        f"{tmp_path}/rows.tsv",
        f"{tmp_path}/configs/more/*.tsv",
        "/data/x.tsv",
        "/srv/somebody/y.tsv",
    )
    assert run.model.base == f"{tmp_path}/toy"
    assert run.validation.schema_file == f"{tmp_path}/configs/schema.pbtxt"
    assert run.push.destination == f"{tmp_path}/models"


def test_a_model_on_the_hub_and_the_home_of_nobody_are_left_as_they_are(write: Write) -> None:
    run = load_config(write(('"toy"\nmax', '"hf://org/name"\nmax'), ('"dev.tsv"', '"~no-such-user/dev.tsv"')))
    assert run.model.base == "hf://org/name"
    assert run.data.dev[0].endswith("/~no-such-user/dev.tsv")


def test_a_byte_order_mark_before_the_toml_is_no_mistake(write: Write) -> None:
    path = write()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_config(path).name == "toy"


def test_the_nearest_config_is_named(write: Write) -> None:
    write()
    assert message(load_config, write().with_name("runs.toml")) == (
        "DIR/runs.toml: no such file. Did you mean DIR/run.toml? Correct the path."
    )


def test_a_config_in_no_directory_gets_a_remedy_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message(load_config, tmp_path / "x" / "run.toml") == (
        "DIR/run.toml: no such file. Correct the path; pipeline/configs/ holds the configs that ship."
    )
    (tmp_path / "file").write_text("")
    assert message(load_config, tmp_path / "file" / "run.toml") == (
        "DIR/run.toml: cannot be read (Not a directory). Give a TOML file you may read."
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("epochs = 1", "epochs = one", "13: not valid TOML (Invalid value, column 10)"),
        ("epochs = 1", "epochs = 1\nepochs = 2", "14: not valid TOML (Cannot overwrite a value, column 11)"),
        ("0.5 }", "0.5", "16: not valid TOML (Unclosed inline table, column 23)"),
        ("0.5 }\n", '0.5 }\n[push]\nname = """x\n', "18: not valid TOML (Unterminated string, end of document)"),
    ],
)
def test_a_config_that_is_no_toml_is_named_with_line_and_column(
    write: Write, old: str, new: str, expected: str
) -> None:
    remedy = "Correct the line: strings need quotes, lists brackets."
    assert message(load_config, write((old, new))) == f"DIR/run.toml:{expected}. {remedy}"


def test_a_checked_run_knows_its_files_columns_labels_and_model(write: Write) -> None:
    path = write()
    folder = path.parent
    checked = check(path)
    assert checked == preflight.Checked(
        run=load_config(path),
        path=path,
        base_model=folder / "toy",
        model_config=BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
        ),
        has_pooler=True,
        tokenizer=Tokenizer(vocabulary=tuple(VOCABULARY), settings=TokenizerSettings(lower_case=True)),
        files=[("train", folder / "train.tsv"), ("dev", folder / "dev.tsv")],
        layout=columns.Layout(width=2, texts=(0,), label=1, slices=(), slice_names=()),
        task=Classification(("bad", "good")),
        newest=load_config(path).data,
        alone={},
        quoted=None,
    )


def test_a_text_in_csvs_quotes_is_warned_of_and_one_in_quotes_of_its_own_is_not(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write()
    train = path.parent / "train.tsv"
    train.write_text(train.read_text() + '"the film"\tbad\n"a ""good"" film, so"\tgood\n')
    assert check(path).quoted == f"{train}:5"
    assert pipeline_runner.main(["check", "--config", str(path)]) == 0
    assert f"{train}:5 looks quoted: if its quotes are those of CSV" in " ".join(capsys.readouterr().out.split())
    assert check(write(("[model]", 'quoting = "csv"\n[model]'))).quoted is None


def test_what_nothing_but_the_vocabulary_says_of_the_case_is_told(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write()
    (path.parent / "toy/tokenizer_config.json").unlink()
    assert pipeline_runner.main(["check", "--config", str(path)]) == 0
    assert "uncased, as the vocabulary holds no capital letter: no file says which" in capsys.readouterr().out


def test_labels_from_train_stay_open(write: Write) -> None:
    assert check(write(('["bad", "good"]', '"from train"'))).task.labels == ()


def test_the_three_file_form_and_a_split_by_hash_are_in_order(write: Write, tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.txt").write_text(ROWS)
    three = '"train.txt"\ntest = "test.txt"\nheader = false\ntext = 1\nlabel = 2'
    checked = check(write(('"train.tsv"', three), ('"dev.tsv"', '"dev.txt"')))
    assert [split for split, _ in checked.files] == ["train", "dev", "test"]
    assert checked.layout.width == 2
    one = write(('train = "train.tsv"\n', ""), ("dev =", "files ="))
    assert check(one).files == [(None, tmp_path / "dev.tsv")]


def test_a_checkpoint_without_a_pooler_is_in_order_and_said_to_have_none(write: Write, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = tmp_path / "toy" / "model.safetensors"
    save_file({name: value for name, value in load_file(weights).items() if "pooler" not in name}, weights)
    assert not check(write()).has_pooler


def test_only_the_first_thousand_rows_of_a_file_are_read(write: Write, tmp_path: Path) -> None:
    train = tmp_path / "train.tsv"
    train.write_text("text\tlabel\n" + "a film\tgood\n" * 1000 + "\n")
    check(write())
    train.write_text("text\tlabel\n" + "a film\tgood\n" * 999 + "\n")
    assert message(check, write()) == (
        "DIR/train.tsv:1001: an empty line, expected 2 tab-separated fields. Delete the line."
    )


def test_a_bad_row_is_no_mistake_where_it_goes_to_quarantine(write: Write, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + ROWS + "\n")
    path = write(("[model]", 'on_bad_row = "quarantine"\n[model]'))
    assert check(path).run.data.on_bad_row == "quarantine"


def test_labels_from_a_small_train_are_held_against_the_rest(write: Write, tmp_path: Path) -> None:
    from_train = ('["bad", "good"]', '"from train"')
    assert message(check, write(from_train, ("{ accuracy", '{ "recall/god"'))) == (
        "DIR/run.toml:15: gate.min names 'recall/god', the labels are bad, good. Did you mean \"recall/good\"? "
        "Correct the name."
    )
    assert message(check, write(from_train, ("epochs = 1", "class_weights = { god = 2.0 }"))) == (
        "DIR/run.toml:13: `training.class_weights` names 'god', the labels are bad, good. "
        "Did you mean 'good'? Correct the name."
    )
    (tmp_path / "dev.tsv").write_text("text\tlabel\na film\tok\n")
    assert message(check, write(from_train)) == (
        "DIR/dev.tsv:2: the label is 'ok', expected one of bad, good. Correct the row, or list it in data.labels."
    )


def test_labels_from_a_large_train_are_left_to_the_run(write: Write, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "a film\tgood\n" * 1000)
    check(write(('["bad", "good"]', '"from train"'), ("{ accuracy", '{ "recall/god"')))


def test_a_destination_need_not_be_there_but_must_be_possible(write: Write, tmp_path: Path) -> None:
    check(write(("[gate]", '[push]\ndestination = "new/models"\n[gate]')))
    assert not (tmp_path / "new").exists()
    assert message(check, write(("[gate]", '[push]\ndestination = "dev.tsv/models"\n[gate]'))) == (
        "DIR/run.toml:16: `push.destination` is DIR/dev.tsv/models, but DIR/dev.tsv is not a directory that you may "
        "write to. Give another directory."
    )


def test_a_destination_one_may_not_write_to_is_refused_before_the_run(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "DIR is not a directory that you may write to" in message(
        check, write(("[gate]", '[push]\ndestination = "new/models"\n[gate]'))
    )


def test_as_many_layers_as_there_are_can_be_frozen_and_no_more(write: Write) -> None:
    def frozen(count: int) -> Path:
        return write(("epochs = 1", f'strategy = "freeze_layers"\nfreeze_layers = {count}'))

    assert check(frozen(2)).run.training.freeze_layers == 2
    assert message(check, frozen(3)) == (
        "DIR/run.toml:14: `training.freeze_layers` is 3, the base model has 2 layers. Give at most 2."
    )


def test_texts_can_be_as_long_as_the_model_takes_and_no_longer(write: Write) -> None:
    assert check(write(("= 16", "= 32"))).run.model.max_length == 32
    assert message(check, write(("= 16", "= 33"))) == (
        "DIR/run.toml:10: `model.max_length` is 33, the base model takes at most 32 tokens. "
        "Lower it, or take another base model."
    )


def test_check_imports_neither_tensorflow_nor_tfx_nor_beam(write: Write) -> None:
    code = (
        "import sys, pipeline_runner\n"
        f"assert pipeline_runner.main(['check', '--config', {str(write())!r}]) == 0\n"
        "heavy = {'tensorflow', 'keras', 'tfx', 'apache_beam', 'ml_metadata', 'torch'} & {*sys.modules}\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("toy  is in order\n")


FROM_TRAIN = ('["bad", "good"]', '"from train"')


def test_a_header_of_both_files_is_no_row_though_nobody_knows_its_words(write: Write, tmp_path: Path) -> None:
    path = write(FROM_TRAIN, ("[model]", "header = false\ntext = 1\nlabel = 2\n[model]"))
    (tmp_path / "train.tsv").write_text("commentaire\tavis\n" + ROWS)
    (tmp_path / "dev.tsv").write_text("commentaire\tavis\nso bad\tbad\n")
    assert message(check, path) == (
        "DIR/train.tsv:1: line 1 is read as a row, and no other row of train has its label, 'avis'. It looks like a "
        "header: set data.header = true. If it is a row, put another one first."
    )


def test_a_first_line_whose_label_no_other_row_has_is_told(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(FROM_TRAIN, ("[model]", "header = false\ntext = 1\nlabel = 2\n[model]"))
    (tmp_path / "train.tsv").write_text("kommentar\tklasse\n" + ROWS)
    (tmp_path / "dev.tsv").write_text("so bad\tbad\n")
    assert pipeline_runner.main(["check", "--config", str(path)]) == 0
    told = "label 'klasse' stands in line 1 of {} alone: if that is a header, set data.header = true"
    out = capsys.readouterr().out
    assert told.format(tmp_path / "train.tsv") in out
    assert ["klasse", "1", "0"] in [line.split() for line in out.splitlines()]


def test_of_many_labels_those_with_the_most_and_the_fewest_rows_are_told(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"a film\tclass {number:02}\n" * (20 - number) for number in range(20))
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + rows * 5)
    (tmp_path / "dev.tsv").write_text("text\tlabel\n" + "a dev film\tclass 01\n")
    assert pipeline_runner.main(["check", "--config", str(write(FROM_TRAIN))]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    begin = lines.index(["labels", "train", "dev"])
    assert lines[begin + 1 : begin + 4] == [
        ["all", "rows", "1,050", "1"],
        ["class", "00", "100", "0"],
        ["class", "01", "95", "1"],
    ]
    assert lines[begin + 8 : begin + 15] == [
        ["9", "more", "450", "0"],
        *(["class", f"{15 + place}", f"{25 - 5 * place}", "0"] for place in range(5)),
        ["of", "all", "rows"],
    ]


@pytest.mark.parametrize(("count", "taken"), [(999, False), (1000, True)])
def test_numbers_that_are_sorted_are_left_to_the_run_where_the_file_is_large(
    write: Write, tmp_path: Path, count: int, taken: bool
) -> None:
    rows = "".join(f"a film\t{1_700_000_000 + number}\n" for number in range(count))
    (tmp_path / "train.tsv").write_text(f"text\tlabel\n{rows}")
    (tmp_path / "dev.tsv").write_text("text\tlabel\na dev film\t1700000001\n")
    path = write(('labels = ["bad", "good"]', 'task = "regression"\nlabel = "label"'), ("{ accuracy", "{ pearson"))
    if taken:
        check(path)
    else:
        assert "float32" in message(check, path)


def test_labels_that_look_alike_are_told_with_their_rows(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + ROWS + "so good\tGood\nfine\tgood\n")
    assert pipeline_runner.main(["check", "--config", str(write(FROM_TRAIN))]) == 0
    assert "! labels that look alike are classes of their own: 'Good' (1 row) and 'good' (2 rows)\n" in (
        capsys.readouterr().out
    )


def test_a_label_in_the_config_is_cleaned_as_one_in_a_row(write: Write, tmp_path: Path) -> None:
    path = write(
        ('["bad", "good"]', '[" bad", "good\u00a0"]'),
        ("accuracy", '"recall/good "'),
        ("epochs = 1", 'epochs = 1\nclass_weights = { " bad" = 2.0 }'),
    )
    run = check(path).run
    assert run.data.labels == ("bad", "good")
    assert run.gate.min == {"recall/good": 0.5}
    assert run.training.class_weights == {"bad": 2.0}


@pytest.mark.parametrize(("name", "taken"), [("3", True), ("٣", False), ("3a", False)])
def test_a_version_to_start_from_is_named_by_ascii_digits(write: Write, name: str, taken: bool, tmp_path: Path) -> None:
    card = tmp_path / "versions" / name / "assets.extra" / "model.json"
    card.parent.mkdir(parents=True)
    card.write_text('{"weights_sha256": "aa"}')
    path = write(("epochs = 1", f'epochs = 1\ninit_from = "versions/{name}"'))
    if taken:
        check(path)
    else:
        assert "it should be" in message(check, path)


def test_check_starts_from_the_pushed_model_that_the_run_will_start_from(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(("epochs = 1", 'epochs = 1\ninit_from = "pushed"'))
    of_these = data_hash.of_files((split, fingerprint(tmp_path / f"{split}.tsv")) for split in ("train", "dev"))
    card = tmp_path / "toy" / "serving" / "toy" / "7" / "assets.extra" / "model.json"
    card.parent.mkdir(parents=True)
    (card.parents[1] / "saved_model.pb").touch()
    for learned, starts in (("other", True), (of_these, False)):
        card.write_text(json.dumps({"data_sha256": learned, "model": {"pooling": "mean"}}))
        assert pipeline_runner.main(["check", "--config", str(path), "--root", str(tmp_path)]) == 0
        assert ("the pushed model's, from whose weights" in capsys.readouterr().out) is starts
