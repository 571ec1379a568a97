import json
import time
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from components.common.errors import InputError
from components.settings.data import Data
from components.settings.fields import PATH, ConflictError
from components.settings.gate import Gate
from components.settings.kubeflow import Kubeflow
from components.settings.model import Model
from components.settings.push import Push
from components.settings.run import Run
from components.settings.serialization import dump, load
from components.settings.toml import OF_OTHER_TOOLS, TomlSource, parse
from components.settings.training import Training
from components.settings.validation import Validation
from components.tasks import label_text
from docs.keys import every_key

RUN = """\
name = "toy"

[data]
train = "train.tsv"
dev = ["a.tsv", "b.tsv"]
text = 2
slices = ["source", 4]

[model]
base = "toy"

[training]
learning_rate = 0.5

[gate]
min = { accuracy = 0.5 }
"""

NAME_RULE = "1 to 63 letters, digits, _ and -, the first a letter or a digit"

ADD_IT = "Add it; pipeline/configs/movie_reviews.toml shows how."


def parsed(toml: str) -> Run:
    return parse(Run, tomllib.loads(toml), TomlSource("run.toml", toml))


def message(toml: str) -> str:
    with pytest.raises(InputError) as caught:
        parsed(toml)
    return str(caught.value)


def training_message(line: str) -> str:
    """The message of a run whose [training] holds the line, which is line 13."""
    return message(RUN.replace("learning_rate = 0.5", line))


def data_message(*lines: str) -> str:
    """The message of a run whose [data] holds the lines instead, from line 4."""
    head, _, rest = RUN.partition('train = "train.tsv"')
    return message(head + "\n".join(lines) + rest[rest.index("\n\n[model]") :])


def test_a_run_says_what_its_toml_says_and_defaults_say_the_rest() -> None:
    run = parsed(RUN)
    assert run == Run(
        name="toy",
        data=Data(train=("train.tsv",), dev=("a.tsv", "b.tsv"), text=(2,), slices=("source", 4)),
        model=Model(base="toy"),
        training=Training(learning_rate=0.5),
        gate=Gate(min={"accuracy": 0.5}),
    )
    assert (run.data.label, run.data.header, run.data.quoting, run.data.labels) == ("label", True, "none", "from train")
    assert (run.model.max_length, run.training.batch_size, run.training.seed) == (128, 32, 1)
    assert (run.validation, run.push) == (Validation(), Push())


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Model(base="toy").max_length = 7  # type: ignore[misc]


def test_the_splits_are_those_with_files_or_with_a_share() -> None:
    assert Data(train=("a",), dev=("b",)).splits == ("train", "dev")
    assert Data(train=("a",), dev=("b",), test=("c",)).splits == ("train", "dev", "test")
    assert Data(files=("a",)).splits == ("train", "dev", "test")
    assert Data(files=("a",), split={"dev": 1, "train": 3}).splits == ("train", "dev")


def test_the_patterns_are_in_the_order_of_the_splits() -> None:
    data = Data(test=("d",), dev=("c",), train=("b", "a"))
    assert data.patterns == [("train", "b"), ("train", "a"), ("dev", "c"), ("test", "d")]
    assert Data(files=("b", "a")).patterns == [(None, "b"), (None, "a")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            'strategy = "frozen"',
            '`training.strategy` is "frozen", it should be "full", "freeze_layers", "head" or "gradual"',
        ),
        ("freeze_layers = 0", "`training.freeze_layers` is 0, it should be at least 1"),
        ("learning_rate = 0", "`training.learning_rate` is 0, it should be greater than 0"),
        ("learning_rate = 1", "`training.learning_rate` is 1, it should be less than 1"),
        ("learning_rate = nan", "`training.learning_rate` is NaN, it should be a finite number"),
        ("clip_norm = inf", "`training.clip_norm` is Infinity, it should be a finite number"),
        ('learning_rate = "5e-5"', '`training.learning_rate` is "5e-5", it should be a number'),
        ("layer_decay = 0.0", "`training.layer_decay` is 0.0, it should be greater than 0"),
        ("layer_decay = 1.1", "`training.layer_decay` is 1.1, it should be at most 1"),
        ("batch_size = 0", "`training.batch_size` is 0, it should be at least 1"),
        ("batch_size = 5000", "`training.batch_size` is 5000, it should be at most 4096"),
        ("batch_size = 32.0", "`training.batch_size` is 32.0, it should be an integer"),
        ("epochs = 0", "`training.epochs` is 0, it should be at least 1"),
        ("epochs = true", "`training.epochs` is true, it should be an integer"),
        ("epochs = 2024-01-01", '`training.epochs` is "2024-01-01", it should be an integer'),
        ("steps = 0", "`training.steps` is 0, it should be at least 1"),
        ("warmup = 1.5", "`training.warmup` is 1.5, it should be at most 1"),
        ("weight_decay = -0.1", "`training.weight_decay` is -0.1, it should be at least 0"),
        ("clip_norm = 0", "`training.clip_norm` is 0, it should be greater than 0"),
        ("dropout = 1", "`training.dropout` is 1, it should be less than 1"),
        ("label_smoothing = [0.1]", "`training.label_smoothing` is [0.1], it should be a number"),
        ('class_weights = "even"', '`training.class_weights` is "even", it should be "none", "balanced" or a table'),
        ("class_weights = { bad = 0 }", "`training.class_weights.bad` is 0, it should be greater than 0"),
        ('class_weights = { bad = "x" }', '`training.class_weights.bad` is "x", it should be a number'),
        ("evaluations_per_epoch = 101", "`training.evaluations_per_epoch` is 101, it should be at most 100"),
        ("early_stopping = 0", "`training.early_stopping` is 0, it should be at least 1"),
        ("clip_norm = 1e38", "`training.clip_norm` is 1e+38, it should be at most 1,000,000,000,000,000"),
        ("worker_minutes = 1e38", "`training.worker_minutes` is 1e+38, it should be at most 525,600"),
        (f"steps = {'9' * 30}", f"`training.steps` is {'9' * 30}, it should be at most 1,000,000,000"),
        ("class_weights = { bad = 1e38 }", "`training.class_weights.bad` is 1e+38, it should be at most 1,000,000"),
        ('init_from = "a\\u0000"', '`training.init_from` is "a\\u0000", it should be a path, without a null character'),
        ("seed = -1", "`training.seed` is -1, it should be at least 0"),
        ("seed = 2147483648", "`training.seed` is 2147483648, it should be less than 2,147,483,648"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule_and_line(line: str, problem: str) -> None:
    found = training_message(line)
    assert found.startswith(f"run.toml:13: {problem}. Correct it")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("train = 1", "`data.train` is 1, it should be a string"),
        ('train = ["a", 1]', "`data.train` holds 1, it should be a string"),
        ("text = 0", "`data.text` is 0, it should be at least 1"),
        ("text = 1.5", "`data.text` is 1.5, it should be a string or an integer"),
        ('header = "no"', '`data.header` is "no", it should be true or false'),
        ("columns = 1", "`data.columns` is 1, it should be at least 2"),
        ('quoting = "tsv"', '`data.quoting` is "tsv", it should be "none" or "csv"'),
        ('labels = "pos"', '`data.labels` is "pos", it should be "from train" or a list'),
        ('labels = ["a", 1]', "`data.labels` holds 1, it should be a string"),
        ("slices = 1.5", "`data.slices` is 1.5, it should be a string or an integer"),
        ("slices = [0]", "`data.slices` holds 0, it should be at least 1"),
        ("max_slice_values = 0", "`data.max_slice_values` is 0, it should be at least 1"),
        ("split = { train = 0, dev = 1 }", "`data.split.train` is 0, it should be at least 1"),
        ('on_bad_row = "drop"', '`data.on_bad_row` is "drop", it should be "fail" or "quarantine"'),
        ("max_bad_share = 2", "`data.max_bad_share` is 2, it should be at most 1"),
    ],
)
def test_a_wrong_value_of_data_is_named_with_its_rule_and_line(line: str, problem: str) -> None:
    assert data_message(line).startswith(f"run.toml:4: {problem}. Correct it")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("accuracy = 0.5", "accuracy = 80", "16: `gate.min.accuracy` is 80, it should be at most 1"),
        ("accuracy = 0.5", "accuracy = nan", "16: `gate.min.accuracy` is NaN, it should be a finite number"),
        ("min = { accuracy = 0.5", "max = { loss = -1", "16: `gate.max.loss` is -1, it should be at least 0"),
        ("min = { accuracy = 0.5", "max_drop = { auc = -1", "16: `gate.max_drop.auc` is -1, it should be at least 0"),
        (
            "min = { accuracy = 0.5",
            "max = { loss = inf",
            "16: `gate.max.loss` is Infinity, it should be a finite number",
        ),
        ("min = { accuracy = 0.5 }", "min = 0.5", "16: `gate.min` is 0.5, it should be a table"),
        (
            '"toy"\n\n[training]',
            '"toy"\nmax_length = 2\n[training]',
            "11: `model.max_length` is 2, it should be at least 3",
        ),
        (
            '"toy"\n\n[training]',
            '"toy"\npooling = "max"\n[training]',
            '11: `model.pooling` is "max", it should be "auto", "cls" or "mean"',
        ),
        ("[gate]", '[push]\nname = "../up"\n[gate]', f'16: `push.name` is "../up", it should be {NAME_RULE}'),
        ('"toy"\n\n[data]', '"-toy"\n\n[data]', f'1: `name` is "-toy", it should be {NAME_RULE}'),
        ('"toy"\n\n[data]', f'"{"t" * 64}"\n\n[data]', f'1: `name` is "{"t" * 64}", it should be {NAME_RULE}'),
    ],
)
def test_a_wrong_value_elsewhere_is_named_with_its_rule_and_line(old: str, new: str, problem: str) -> None:
    assert message(RUN.replace(old, new)).startswith(f"run.toml:{problem}. Correct it")


def test_a_remedy_tells_the_default_where_there_is_one() -> None:
    assert training_message("warmup = 2").endswith("Correct it, or leave it out for the default, 0.1.")
    assert training_message("dropout = 2").endswith("Correct it, or leave it out.")
    assert message(RUN.replace('"toy"', "1")).endswith("Correct it.")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "learning_rate",
            "learning_rat",
            "13: unknown key `training.learning_rat`. Did you mean `learning_rate`? Known here: strategy, ",
        ),
        (
            "[training]",
            "[trainer]",
            "12: unknown key `trainer`. Did you mean `training`? Known here: name, kind, task, data, ",
        ),
        (
            "[training]",
            "[zoo]",
            "12: unknown key `zoo`. Known here: name, kind, task, data, validation, drift, model, training, "
            "calibration, serving, gate, push, notify, tracking, schedule, beam, kubeflow.",
        ),
        (
            'base = "toy"',
            'bse = "toy"',
            "10: unknown key `model.bse`. Did you mean `base`? Known here: base, max_length, long_texts, "
            "window_overlap, max_windows, control_tokens, pooling, threshold, null_threshold, "
            "longest_answer, generation.",
        ),
        (
            "text = 2",
            "split = { trian = 1 }",
            "6: unknown key `data.split.trian`. Did you mean `train`? Known here: train, dev, test.",
        ),
        ('base = "toy"', "", f"9: `model.base` is missing. {ADD_IT}"),
    ],
)
def test_an_unknown_or_a_missing_key_is_named(old: str, new: str, expected: str) -> None:
    assert message(RUN.replace(old, new)).startswith(f"run.toml:{expected}")


@pytest.mark.parametrize(
    ("table", "line", "meant"),
    [
        ("training", "max_length = 64", "model.max_length"),
        ("training", "max_lenght = 64", "model.max_length"),
        ("training", "lr = 1", "learning_rate"),
        ("training", "num_train_epochs = 1", "epochs"),
        ("training", "per_device_train_batch_size = 1", "batch_size"),
        ("training", "warmup_ratio = 1", "warmup"),
        ("model", "weight_decay = 1", "training.weight_decay"),
        ("training", "model_name_or_path = 1", "model.base"),
        ("training", "LR = 1", "learning_rate"),
        ("data", "validation = 1", "dev"),
        ("", "lr = 1", "training.learning_rate"),
        ("", "learing_rate = 1", "training.learning_rate"),
    ],
)
def test_a_key_of_another_table_or_tool_is_known(table: str, line: str, meant: str) -> None:
    toml = RUN.replace(f"[{table}]", f"[{table}]\n{line}") if table else f"{line}\n{RUN}"
    key = f"{table}.{line.split(maxsplit=1)[0]}".removeprefix(".")
    assert f"unknown key `{key}`. Did you mean `{meant}`?" in message(toml)


def test_a_table_within_another_is_known() -> None:
    expected = "15: unknown key `training.push`. Did you mean the table [push], which stands for itself? Known here:"
    assert message(RUN.replace("[gate]", '[training.push]\ndestination = "x"\n[gate]')).startswith(
        f"run.toml:{expected}"
    )


def test_each_name_in_other_tools_stands_for_a_key_and_is_none() -> None:
    known = {key.dotted for key in every_key()}
    assert set(OF_OTHER_TOOLS) <= known
    for key, names in OF_OTHER_TOOLS.items():
        table = key.partition(".")[0]
        assert not {f"{table}.{name}" for name in names.split()} & known


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    wrong = RUN.replace("learning_rate = 0.5", "epochs = 0\nlr = 3\nfoo = 1").replace('base = "toy"', "bsae = 3")
    first, *others = message(wrong).split("\n")
    assert first == "run.toml: 4 mistakes."
    assert [" ".join(line.split()[:4]) for line in others] == [
        "run.toml:10: unknown key `model.bsae`.",
        "run.toml:13: `training.epochs` is 0,",
        "run.toml:14: unknown key `training.lr`.",
        "run.toml:15: unknown key `training.foo`.",
    ]
    assert others[2].endswith("`training.lr`. Did you mean `learning_rate`?")


def test_of_very_many_mistakes_the_first_are_told_and_in_no_time() -> None:
    started = time.monotonic()
    first, *others = message("".join(f"k{number} = 1\n" for number in range(5000)) + RUN).split("\n")
    assert first == "run.toml: 5,000 mistakes, the first 20."
    assert [line.split(": ")[0] for line in others] == [f"run.toml:{number}" for number in range(1, 21)]
    files = ", ".join(["1"] * 50_000)
    assert "`data.train` holds 1" in message(RUN.replace('"train.tsv"', f"[{files}]"))
    # Either took minutes.
    assert time.monotonic() - started < 20


def test_a_value_that_is_nearly_one_of_a_list_is_known() -> None:
    assert training_message('precision = "flaot32"').endswith('"auto". Did you mean "float32"? Correct it.')


def test_what_is_missing_at_the_top_has_no_line() -> None:
    assert message(RUN.replace('name = "toy"', "")) == f"run.toml: `name` is missing. {ADD_IT}"
    assert message(RUN.replace('[model]\nbase = "toy"', "")) == f"run.toml: `model` is missing. {ADD_IT}"


def test_a_value_for_a_table_is_refused() -> None:
    assert message('name = "toy"\ndata = 3\n[model]\nbase = "toy"\n') == (
        "run.toml:2: `data` is 3, it should be a table. Correct it."
    )


@pytest.mark.parametrize(
    ("toml", "path", "line"),
    [
        ("a = 1\n[b]\nc = 2\n", ("b", "c"), 3),
        ("[b] # a table\nc = 2\n", ("b", "d"), 1),
        ("[b]\n'c' = 2\n", ("b", "c"), 2),
        ("[b]\nx.c = 2\n", ("b", "x", "c"), 2),
        ("b.c = 2\n", ("b", "c"), 1),
        ("b = { c = 2 }\n", ("b", "c"), 1),
        ("[b.d]\nc = 2\n[b]\nc = 3\n", ("b", "c"), 4),
        ("# c = 1\nc = 2\n", ("c",), 2),
        ("# a line\u2028separator\nc = 2\n", ("c",), 2),
    ],
)
def test_the_line_of_a_key_or_of_the_table_around_it_is_found(toml: str, path: tuple[str, ...], line: int) -> None:
    assert TomlSource("run.toml", toml).locate(path) == f"run.toml:{line}"


def test_a_key_that_is_nowhere_has_the_file_as_its_place() -> None:
    assert TomlSource("run.toml", "a = 1\n").locate(("b", "c")) == "run.toml"


FILES = 'files = "all.tsv"'

SPLITS = 'train = "a.tsv"\ndev = "b.tsv"'

NUMBERS = ["header = false", "text = 1", "label = 3"]

ONCE = "a column can be used once, `data.text`, `label` and `slices` are"

NO_NAMES = "but without a header there are no names"

TWO_NAMES = "`data.labels` needs at least two names, each different, got"

NOT_EMPTY = "a name cannot be empty"


@pytest.mark.parametrize(
    ("lines", "line", "problem"),
    [
        ([SPLITS, FILES], 6, "`data.files` is given and so is a file per split (train, dev)"),
        (["header = true"], 3, "`data.train` and `data.dev` are missing"),
        (['train = "a.tsv"'], 4, "`data.dev` is missing"),
        (['dev = "a.tsv"', 'test = "b.tsv"'], 3, "`data.train` is missing"),
        (
            [FILES, "split = { train = 9, test = 1 }"],
            5,
            '`data.split` needs a share for train and for dev, got {"train": 9, "test": 1}',
        ),
        (
            [SPLITS, "split = { train = 9, dev = 1 }"],
            6,
            "`data.split` is given without `data.files`, whose rows it deals to the splits",
        ),
        (
            [SPLITS, 'group = "author"'],
            6,
            '`data.group` is "author", but without `data.files` no rows are dealt to the splits',
        ),
        (
            [FILES, 'group = "label"'],
            5,
            '`data.group` is "label", the column of the label: a class would be in one split',
        ),
        ([FILES, *NUMBERS, 'group = "id"'], 8, f'`data.group` is "id", {NO_NAMES}'),
        (
            [FILES, *NUMBERS, "columns = 3", "group = 4"],
            8,
            "`data.group` is column 4, `data.columns` says that there are 3",
        ),
        ([FILES, 'text = "label"'], 3, f'{ONCE} ["label", "label"]'),
        ([FILES, 'slices = "text"'], 5, f'{ONCE} ["text", "label", "text"]'),
        ([FILES, "header = false"], 3, f'`data.text` is "text", {NO_NAMES}'),
        ([FILES, *NUMBERS[:2]], 3, f'`data.label` is "label", {NO_NAMES}'),
        ([FILES, *NUMBERS, 'slices = "id"'], 8, f'`data.slices` is "id", {NO_NAMES}'),
        ([FILES, *NUMBERS, "columns = 2"], 8, "`data.label` is column 3, `data.columns` says that there are 2"),
        ([FILES, "columns = 2"], 5, "`data.columns` is 2, but it is for files without a header"),
        ([FILES, 'labels = ["a"]'], 5, f'{TWO_NAMES} ["a"]'),
        ([FILES, 'labels = ["a", "b", "a"]'], 5, f'{TWO_NAMES} ["a", "b", "a"]'),
        ([FILES, 'labels = ["a", " "]'], 5, f'`data.labels` holds "", {NOT_EMPTY}'),
        ([FILES, 'labels = ["a", "b\\n"]'], 5, "`data.labels`: the label 'b\\n' has a tab or a line break"),
        ([FILES, 'labels = ["a", "a "]'], 5, f'{TWO_NAMES} ["a", "a"]'),
    ],
)
def test_settings_of_data_that_do_not_go_together_are_refused(lines: list[str], line: int, problem: str) -> None:
    assert data_message(*lines).startswith(f"run.toml:{line}: {problem}. ")


@pytest.mark.parametrize(
    ("lines", "line", "problem"),
    [
        ("steps = 9\nepochs = 2", 13, "`training.epochs` is 2 and `training.steps` is 9, only one can be given"),
        ("freeze_layers = 2", 13, '`training.freeze_layers` is 2, but `training.strategy` is "full"'),
        (
            'strategy = "head"\nfreeze_layers = 2',
            14,
            '`training.freeze_layers` is 2, but `training.strategy` is "head"',
        ),
        (
            'strategy = "freeze_layers"',
            13,
            '`training.strategy` is "freeze_layers", but `training.freeze_layers` is missing',
        ),
    ],
)
def test_settings_of_training_that_do_not_go_together_are_refused(lines: str, line: int, problem: str) -> None:
    assert training_message(lines).startswith(f"run.toml:{line}: {problem}. ")


def test_settings_made_by_a_program_are_checked_too() -> None:
    with pytest.raises(ValidationError, match=r"only one can be given\. Delete the one or the other\."):
        Training(epochs=1, steps=1)
    with pytest.raises(ValidationError, match="Unexpected keyword argument"):
        Training(epoch=1)  # type: ignore[call-arg]
    assert issubclass(ConflictError, ValueError)


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", fullmatch=True)

words = st.text(min_size=1, max_size=9).filter(lambda word: bool(word.strip()) and not set(word) & set("\t\r\n\0"))

labels = words.map(label_text.cleaned).filter(lambda name: bool(name) and not label_text.hidden_character(name))

columns = words | st.integers(1, 99)

shares = st.floats(0, 1)

rates = st.floats(0, 1, exclude_max=True)

counts = st.integers(1, 99)


def a_few(values: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=least, max_size=3, unique=True).map(tuple)


datas = st.builds(
    lambda wanted, values, **others: Data(
        text=wanted[0],
        label=wanted[1],
        slices=wanted[2:],
        slice_values={str(column): values for column in wanted[2:] if values},
        **others,
    ),
    wanted=st.lists(columns, min_size=2, max_size=4, unique=True).map(tuple),
    values=a_few(words),
    max_slice_values=counts,
    files=a_few(words, 1),
    group=st.none() | words.map("group-{}".format),
    split=st.fixed_dictionaries({"train": counts, "dev": counts}, optional={"test": counts}),
    quoting=st.sampled_from(["none", "csv"]),
    labels=st.just("from train") | a_few(labels, 2),
    on_bad_row=st.sampled_from(["fail", "quarantine"]),
    max_bad_share=shares,
)

trainings = st.builds(
    Training,
    strategy=st.sampled_from(["full", "head"]),
    learning_rate=st.floats(0, 1, exclude_min=True, exclude_max=True),
    epochs=st.none() | counts,
    dropout=st.none() | rates,
    clip_norm=st.floats(0, 1e15, exclude_min=True),
    class_weights=st.sampled_from(["none", "balanced"]) | st.dictionaries(labels, st.floats(1e-9, 9), max_size=3),
    seed=st.integers(0, 2**31 - 1),
)

gates = st.builds(
    Gate, min=st.dictionaries(labels, shares, max_size=2), max=st.dictionaries(labels, st.floats(0, 9), max_size=2)
)

runs = st.builds(
    Run,
    name=names,
    data=datas,
    validation=st.builds(
        Validation, schema_file=st.none() | words, allow_anomalies=a_few(words), max_unknown_share=st.floats(0, 1)
    ),
    model=st.builds(Model, base=words, max_length=st.integers(3, 512), pooling=st.sampled_from(["cls", "mean"])),
    training=trainings,
    gate=gates,
    push=st.builds(Push, name=st.none() | names, destination=st.none() | words),
)


@given(runs)
@examples(max_examples=100, deadline=None)
def test_settings_survive_the_way_to_another_process(run: Run) -> None:
    assert load(Run, dump(run)) == run
    for field in ("data", "training", "model", "gate"):
        part = getattr(run, field)
        assert load(get_type_hints(Run)[field], dump(part)) == part


def test_equal_settings_are_dumped_equal() -> None:
    one = Gate(min={"auc": 0.5, "accuracy": 0.5})
    two = Gate(min={"accuracy": 0.5, "auc": 0.5})
    assert dump(one) == dump(two)
    assert json.loads(dump(one))["min"] == {"accuracy": 0.5, "auc": 0.5}


def test_what_is_dumped_can_be_told_as_toml() -> None:
    values = json.loads(dump(parsed(RUN)))
    given = {key: value for key, value in values["data"].items() if key != "split"}
    assert parse(Data, given, TomlSource("run.toml", "")) == load(Data, json.dumps(values["data"]))


def numbers_of(hint: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Each type of number in a field's annotation, with what is said of it."""
    said: list[Any] = []
    if get_origin(hint) is Annotated:
        hint, *said = get_args(hint)
        said = [one for part in said for one in (part.metadata if isinstance(part, FieldInfo) else [part])]
    if hint in (int, float):
        yield hint, said
    for part in get_args(hint):
        yield from numbers_of(part)


def test_every_number_of_a_config_has_an_upper_bound() -> None:
    for table, cls in {name: of for name, of in get_type_hints(Run).items() if is_dataclass(of)}.items():
        for name, hint in get_type_hints(cls, include_extras=True).items():
            for _, said in numbers_of(hint):
                bounded = any(hasattr(one, "le") or hasattr(one, "lt") for one in said)
                unbounded = {"max", "max_drop", "no_worse", "anchor_no_worse"}
                assert bounded or (table == "gate" and name in unbounded), (table, name)


def test_no_path_of_a_config_holds_a_null_character() -> None:
    paths = {"train", "dev", "test", "files", "base", "schema_file", "init_from", "destination", "sign_key", "folder"}
    for cls in (Data, Model, Validation, Training, Push, Kubeflow):
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if name in paths:
                assert repr(PATH) in repr(hint), (cls, name)
                paths.remove(name)
    assert not paths
