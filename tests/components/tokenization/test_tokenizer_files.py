"""Layouts of base models' directories: what tokenizer each one is, or why it is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.tokenization.added_tokens import check_supported
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import AddedToken, Tokenizer, TokenizerSettings
from tests.checkout import ROOT
from tests.components.tokenization.reference import CASED, CONTROL, UNCASED, reference

UNCASED_TOKENS = [*CONTROL, "a", "film", "##s", "@", "user"]

CASED_TOKENS = [*CONTROL, "A", "Film", "film", "##s"]

OTHER = "Only tokenizers of BERT's kind are supported: choose another base model."

SAME = "Take all files of the tokenizer from the same model."

PUBLISHED = "Take the file that was published with the model."


def whole(tokens: list[str], settings: TokenizerSettings = UNCASED, **changes: Any) -> dict[str, Any]:
    """A `tokenizer.json` that the library has written, with other values for some of its keys."""
    return json.loads(reference(tokens, settings).to_str()) | changes


def added(content: str, token_id: int, **flags: bool) -> dict[str, Any]:
    """An added token as it stands in a `tokenizer.json`."""
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"id": token_id, "content": content, **plain, **flags}


def directory(path: Path, vocabulary: list[str] | None = None, **files: Any) -> Path:
    """A directory with a `vocab.txt`, and JSON files by their names without the end."""
    if vocabulary is not None:
        (path / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return path


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_tokenizer(path)
    return str(caught.value).replace(str(path), "DIR")


BERT_CONFIG = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
"""What there is of `tokenizer_config.json` in every directory that BertTokenizer was saved to."""


def test_an_uncased_vocabulary_with_its_config(tmp_path: Path) -> None:
    directory(
        tmp_path, UNCASED_TOKENS, tokenizer_config={"do_lower_case": True, "tokenizer_class": "BertTokenizerFast"}
    )
    read = read_tokenizer(tmp_path)
    assert read == Tokenizer(vocabulary=tuple(UNCASED_TOKENS), settings=UNCASED)
    assert (read.padding_id, read.unknown_id, read.start_id, read.separator_id, read.mask_id) == (0, 1, 2, 3, 4)
    assert read.about_case == ""


def test_flags_are_read_from_the_tokenizer_config(tmp_path: Path) -> None:
    config = {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    settings = read_tokenizer(directory(tmp_path, UNCASED_TOKENS, tokenizer_config=config)).settings
    assert settings == TokenizerSettings(lower_case=False, strip_accents=True, chinese_chars=False)


def test_a_lone_cased_tokenizer_json(tmp_path: Path) -> None:
    settings = TokenizerSettings(lower_case=False, strip_accents=True, chinese_chars=False)
    directory(tmp_path, tokenizer=whole(CASED_TOKENS, settings))
    assert read_tokenizer(tmp_path) == Tokenizer(vocabulary=tuple(CASED_TOKENS), settings=settings)


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "TokenizersBackend"])
def test_a_class_that_is_its_file_takes_all_from_it(tmp_path: Path, name: str) -> None:
    config = {"tokenizer_class": name, "do_lower_case": True}
    directory(tmp_path, CASED_TOKENS, tokenizer=whole(CASED_TOKENS, CASED), tokenizer_config=config)
    assert read_tokenizer(tmp_path).settings == CASED


def test_the_class_bert_tokenizer_takes_the_flags_from_its_config_and_not_from_tokenizer_json(tmp_path: Path) -> None:
    directory(tmp_path, tokenizer=whole(CASED_TOKENS, UNCASED), tokenizer_config=BERT_CONFIG)
    assert read_tokenizer(tmp_path).settings == CASED


def test_what_bert_tokenizer_of_transformers_5_saves_with_tokens_added(tmp_path: Path) -> None:
    control = [added(token, token_id, special=True) for token_id, token in enumerate(CONTROL)]
    more = [added("@user", 10, normalized=True), added("[E1]", 11, special=True)]
    config = {
        "backend": "tokenizers",
        "cls_token": "[CLS]",
        "do_lower_case": True,
        "extra_special_tokens": ["[E1]"],
        "mask_token": "[MASK]",
        "model_max_length": 512,
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "tokenizer_class": "BertTokenizer",
        "unk_token": "[UNK]",
    }
    directory(tmp_path, tokenizer=whole(UNCASED_TOKENS, added_tokens=[*control, *more]), tokenizer_config=config)
    read = read_tokenizer(tmp_path)
    assert read.vocabulary == tuple(UNCASED_TOKENS)
    assert read.settings.added_tokens == (
        AddedToken(content="@user", token_id=10, normalized=True),
        AddedToken(content="[E1]", token_id=11, special=True),
    )


def test_added_tokens_of_transformers_4(tmp_path: Path) -> None:
    tokens = [*CONTROL, "[unused0]", "a"]
    stated = {
        str(token_id): {"content": content, "special": True, "normalized": False, "lstrip": False, "rstrip": False}
        for token_id, content in ((0, "[PAD]"), (5, "[unused0]"))
    }
    user = {"content": "@User", "lstrip": True, "normalized": False, "rstrip": False, "single_word": True}
    config = BERT_CONFIG | {"added_tokens_decoder": stated | {"7": user}}
    # What tokenizer.json has is not asked where the config has it.
    directory(tmp_path, tokens, tokenizer=whole(tokens, added_tokens=[added("a", 6)]), tokenizer_config=config)
    assert read_tokenizer(tmp_path).settings.added_tokens == (
        AddedToken(content="[unused0]", token_id=5, special=True),
        AddedToken(content="@User", token_id=7, single_word=True, lstrip=True),
    )


def test_added_tokens_of_transformers_2(tmp_path: Path) -> None:
    directory(
        tmp_path,
        UNCASED_TOKENS,
        tokenizer_config={"do_lower_case": True},
        added_tokens={"@user": 11, "[E1]": 10},
        special_tokens_map={"unk_token": "[UNK]", "additional_special_tokens": ["[E1]", "[E2]"]},
    )
    read = read_tokenizer(tmp_path)
    assert read.settings.added_tokens == (
        AddedToken(content="[E1]", token_id=10, special=True),
        AddedToken(content="@user", token_id=11, normalized=True),
        # Only named, so it gets the next id.
        AddedToken(content="[E2]", token_id=12, special=True),
    )
    assert read.tokens[10:] == ("[E1]", "@user", "[E2]")


def test_a_mask_that_the_vocabulary_lacks_takes_an_id_before_tokens_that_are_only_named(tmp_path: Path) -> None:
    tokens = [*CONTROL[:-1], "a"]
    directory(
        tmp_path,
        tokens,
        tokenizer_config={"additional_special_tokens": ["[E1]", {"content": "[E2]", "special": True}]},
        special_tokens_map={"additional_special_tokens": ["[E3]"]},
    )
    read = read_tokenizer(tmp_path)
    assert [(token.content, token.token_id) for token in read.settings.added_tokens] == [("[E1]", 6), ("[E2]", 7)]
    assert read.mask_id is None
    assert read.tokens == (*tokens, "[MASK]", "[E1]", "[E2]")


def test_vocab_txt_may_hold_the_added_tokens_behind_those_of_tokenizer_json(tmp_path: Path) -> None:
    document = whole(UNCASED_TOKENS, added_tokens=[added("@user", 10)])
    directory(tmp_path, [*UNCASED_TOKENS, "@user"], tokenizer=document)
    read = read_tokenizer(tmp_path)
    assert read.vocabulary == tuple(UNCASED_TOKENS)
    assert read.settings.added_tokens == (AddedToken(content="@user", token_id=10),)


def test_another_wordpiece_family_has_its_own_names(tmp_path: Path) -> None:
    tokens = ["a", "film", "@@s", "<s>", "</s>", "<unk>", "<pad>", "<mask>"]
    model = {
        "type": "WordPiece",
        "unk_token": "<unk>",
        "continuing_subword_prefix": "@@",
        "max_input_chars_per_word": 20,
        "vocab": {token: token_id for token_id, token in enumerate(tokens)},
    }
    document = whole(
        CONTROL,
        model=model,
        post_processor={"type": "BertProcessing", "cls": ["<s>", 3], "sep": ["</s>", 4]},
        added_tokens=[added(token, tokens.index(token), special=True) for token in tokens[3:]],
    )
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "mask_token": {"content": "<mask>"}}
    directory(tmp_path, tokenizer=document, tokenizer_config=config)
    read = read_tokenizer(tmp_path)
    assert read.settings == TokenizerSettings(
        unknown="<unk>",
        start="<s>",
        separator="</s>",
        padding="<pad>",
        mask="<mask>",
        continuation="@@",
        longest_word=20,
    )
    assert (read.padding_id, read.unknown_id, read.start_id, read.separator_id, read.mask_id) == (6, 5, 3, 4, 7)


def test_a_template_and_parts_in_sequences_of_one_are_berts_too(tmp_path: Path) -> None:
    from tokenizers import processors

    tokenizer = reference(UNCASED_TOKENS, CASED)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    document = json.loads(tokenizer.to_str())
    document["normalizer"] = {"type": "Sequence", "normalizers": [document["normalizer"]]}
    document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [document["pre_tokenizer"]]}
    document["post_processor"] = {"type": "Sequence", "processors": [document["post_processor"]]}
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    assert read_tokenizer(directory(tmp_path, tokenizer=document, tokenizer_config=config)).settings == CASED


@pytest.mark.parametrize(
    ("vocabulary", "settings", "about_case"),
    [
        (CASED_TOKENS, CASED, "as the vocabulary holds 'A': no file says which"),
        (
            [*UNCASED_TOKENS, "[unused7]"],
            UNCASED,
            "as the vocabulary holds no capital letter: no file says which",
        ),
    ],
    ids=["cased", "uncased"],
)
def test_without_other_files_the_vocabulary_says_whether_it_is_cased(
    tmp_path: Path, vocabulary: list[str], settings: TokenizerSettings, about_case: str
) -> None:
    read = read_tokenizer(directory(tmp_path, vocabulary))
    assert (read.settings, read.about_case) == (settings, about_case)


@pytest.mark.parametrize(
    ("config", "about_case"),
    [
        ({}, "the default where tokenizer_config.json has no do_lower_case, but the vocabulary holds 'A'"),
        ({"do_lower_case": True}, "but the vocabulary holds 'A'"),
    ],
)
def test_a_cased_vocabulary_that_is_to_be_lower_cased_is_and_that_is_told(
    tmp_path: Path, config: dict[str, Any], about_case: str
) -> None:
    read = read_tokenizer(directory(tmp_path, CASED_TOKENS, tokenizer_config=config))
    assert (read.settings, read.about_case) == (UNCASED, about_case)


def test_the_padding_id_is_that_of_the_padding_token(tmp_path: Path) -> None:
    tokens = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "a"]
    directory(tmp_path, tokens, config={"pad_token_id": 3, "vocab_size": 5})
    assert read_tokenizer(tmp_path).padding_id == 3


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"tokenizer_config": {"tokenizer_class": "BertJapaneseTokenizer", "subword_tokenizer_type": "character"}},
            "DIR/tokenizer_config.json: tokenizer_class: expected BertTokenizer or a class that cuts as it does, got "
            f'"BertJapaneseTokenizer". {OTHER}',
            id="BertJapaneseTokenizer",
        ),
        pytest.param(
            {"config": {"tokenizer_class": "BertJapaneseTokenizer"}},
            "DIR/config.json: tokenizer_class: expected BertTokenizer or a class that cuts as it does, got "
            f'"BertJapaneseTokenizer". {OTHER}',
            id="BertJapaneseTokenizer by the model's config",
        ),
        pytest.param(
            {"tokenizer_config": {"word_tokenizer_type": "mecab"}},
            f'DIR/tokenizer_config.json: word_tokenizer_type: expected "basic", got "mecab". {OTHER}',
            id="words by MeCab",
        ),
        pytest.param(
            {"tokenizer_config": {"word_tokenizer_type": "basic", "subword_tokenizer_type": "character"}},
            f'DIR/tokenizer_config.json: subword_tokenizer_type: expected "wordpiece", got "character". {OTHER}',
            id="pieces of one character",
        ),
        pytest.param(
            {"tokenizer_config": {"tokenizer_class": "PreTrainedTokenizerFast"}},
            "DIR/tokenizer.json: expected a file, from which tokenizer_config.json's tokenizer_class takes everything; "
            f"there is none. {PUBLISHED}",
            id="PreTrainedTokenizerFast without its file",
        ),
        pytest.param(
            {"tokenizer_config": {"auto_map": {"AutoTokenizer": ["mine.MyTokenizer", None]}}},
            "DIR/tokenizer_config.json: auto_map: expected none of Hugging Face's own classes to be replaced, got "
            f'{{"AutoTokenizer": ["mine.MyTokenizer", null]}}. Code that comes with a model is not run. {OTHER}',
            id="code of its own",
        ),
        pytest.param(
            {"vocabulary": [*CONTROL, "▁the", "▁film", "s"]},
            "DIR/vocab.txt: expected WordPiece's pieces, 2 of 8 tokens begin with ▁ as SentencePiece's do: '▁the'. "
            f"{OTHER}",
            id="pieces of SentencePiece",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL, model={"type": "BPE", "vocab": {}, "merges": []})},
            f'DIR/tokenizer.json: model: expected type "WordPiece", got "BPE". {OTHER}',
            id="BPE",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL, model={"type": "Unigram", "vocab": [["<unk>", 0]]})},
            f'DIR/tokenizer.json: model: expected type "WordPiece", got "Unigram". {OTHER}',
            id="Unigram",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL, pre_tokenizer={"type": "Whitespace"})},
            'DIR/tokenizer.json: pre_tokenizer: expected type "BertPreTokenizer", got {"type": "Whitespace"}. ' + OTHER,
            id="another pre-tokenizer",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL, normalizer=None)},
            'DIR/tokenizer.json: normalizer: expected type "BertNormalizer" with clean_text true, got null. ' + OTHER,
            id="no normalizer",
        ),
        pytest.param(
            {
                "tokenizer": whole(
                    CONTROL,
                    normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "BertNormalizer"}]},
                )
            },
            'DIR/tokenizer.json: normalizer: expected type "BertNormalizer" with clean_text true, got '
            '{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "BertNormalizer"}]}. ' + OTHER,
            id="a normalizer before BERT's",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL, normalizer={"type": "BertNormalizer", "clean_text": False})},
            'DIR/tokenizer.json: normalizer: expected type "BertNormalizer" with clean_text true, got '
            '{"type": "BertNormalizer", "clean_text": false}. ' + OTHER,
            id="texts are not cleaned",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL, post_processor={"type": "RobertaProcessing"})},
            'DIR/tokenizer.json: post_processor: expected BertProcessing, or the template "[CLS] $A [SEP] $B:1 '
            '[SEP]:1", got {"type": "RobertaProcessing"}. ' + OTHER,
            id="other ends",
        ),
        pytest.param(
            {
                "tokenizer": whole(CONTROL, post_processor=None),
                "tokenizer_config": {"tokenizer_class": "PreTrainedTokenizerFast"},
            },
            'DIR/tokenizer.json: post_processor: expected BertProcessing, or the template "[CLS] $A [SEP] $B:1 '
            '[SEP]:1", got null. ' + OTHER,
            id="no ends",
        ),
        pytest.param(
            {
                "tokenizer": whole(
                    CONTROL, post_processor={"type": "BertProcessing", "cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}
                )
            },
            f"DIR/tokenizer.json: post_processor: '[CLS]' has the id 101 there, 2 in model.vocab. {PUBLISHED}",
            id="ends of another vocabulary",
        ),
        pytest.param(
            {"vocabulary": [*CONTROL, "a", "film"], "tokenizer": whole([*CONTROL, "film", "a"])},
            f"DIR/vocab.txt:6: the id 5 is 'a', tokenizer.json has 'film'. {SAME}",
            id="files of two vocabularies",
        ),
        pytest.param(
            {"vocabulary": [*CONTROL, "a"], "tokenizer": whole(CONTROL)},
            f"DIR/vocab.txt:6: the id 5 is 'a', tokenizer.json has no such id. {SAME}",
            id="a longer vocab.txt",
        ),
        pytest.param(
            {"vocabulary": CONTROL, "tokenizer": whole([*CONTROL, "a"])},
            f"DIR/vocab.txt: the id 5 is missing, tokenizer.json has 'a'. {SAME}",
            id="a shorter vocab.txt",
        ),
        pytest.param(
            {"tokenizer": whole(CONTROL), "tokenizer_config": {"cls_token": "<s>"}},
            f"DIR/tokenizer_config.json: cls_token: '<s>' here, '[CLS]' in tokenizer.json. {SAME}",
            id="two names of a control token",
        ),
        pytest.param(
            {"tokenizer_config": {"sep_token": 3}},
            f"DIR/tokenizer_config.json: sep_token: expected a token, got 3. {PUBLISHED}",
            id="a control token that is a number",
        ),
        pytest.param(
            {"vocabulary": ["[PAD]", "[CLS]", "a"]},
            "DIR/vocab.txt: expected the control tokens of BERT, [UNK], [SEP] not found. Take the vocab.txt that was "
            "published with the model.",
            id="no control tokens",
        ),
        pytest.param(
            {"tokenizer_config": {"pad_token": "<pad>"}},
            "DIR/vocab.txt: expected the control tokens of BERT, <pad> not found. Take the vocab.txt that was "
            "published with the model.",
            id="a padding token that is not in the vocabulary",
        ),
        pytest.param(
            {"vocabulary": None},
            "DIR: there is neither vocab.txt nor tokenizer.json. Add the one that was published with the model; a "
            "model without them is not BERT's kind: take bert-base-uncased, or bert-base-multilingual-cased for other "
            "languages than English.",
            id="no vocabulary",
        ),
        pytest.param(
            {"config": {"vocab_size": 4}},
            "DIR/vocab.txt: expected 1 to 4 tokens (config.json's vocab_size), got 5. Take vocab.txt and config.json "
            "from the same model.",
            id="a vocabulary larger than the embedding",
        ),
        pytest.param(
            {"config": {"pad_token_id": 1}},
            "DIR/config.json: pad_token_id is 1, the tokenizer's padding token '[PAD]' has the id 0. Take all files "
            "from the same model.",
            id="another padding id",
        ),
        pytest.param(
            {"added_tokens": {"@user": 5}, "config": {"vocab_size": 5}},
            "DIR: the added token '@user' has the id 5, the model has 5 embeddings. Save the model again after "
            "resize_token_embeddings, or take the token out of the tokenizer's files.",
            id="an added token without an embedding",
        ),
        pytest.param(
            {"added_tokens": {"@user": 7}},
            f"DIR/added_tokens.json: the id of '@user' is 7 there, 5 is the next free one. {SAME}",
            id="an added token behind a gap",
        ),
        pytest.param(
            {"vocabulary": [*CONTROL, "[unused0]"], "added_tokens": {"[unused0]": 6}},
            f"DIR/added_tokens.json: the id of '[unused0]' is 6 there, 5 in the vocabulary. {SAME}",
            id="an added token of another id",
        ),
        pytest.param(
            {"added_tokens": {"naïve": 5}},
            "DIR: the added token 'naïve' has normalized true, supported is that for ASCII alone. Set normalized to "
            "false, or choose another base model.",
            id="an added token that normalising changes",
        ),
    ],
)
def test_what_is_not_a_tokenizer_of_berts_is_refused_by_name(
    tmp_path: Path, files: dict[str, Any], expected: str
) -> None:
    vocabulary = {} if "tokenizer" in files else {"vocabulary": CONTROL}
    assert message(directory(tmp_path, **(vocabulary | files))) == expected


@pytest.mark.parametrize(
    ("name", "content", "place", "problem"),
    [
        ("tokenizer_config.json", b"{\n,}", ":2", "expected JSON"),
        ("tokenizer_config.json", b"\xff", ":1", "expected UTF-8"),
        ("tokenizer_config.json", b"[]", "", "expected a JSON object, got list"),
        ("tokenizer_config.json", b'{"do_lower_case": "yes"}', ": do_lower_case", 'true or false, got "yes"'),
        ("tokenizer_config.json", b'{"do_lower_case": null}', ": do_lower_case", "true or false, got null"),
        ("tokenizer_config.json", b'{"strip_accents": 1}', ": strip_accents", "true, false or null, got 1"),
        ("tokenizer_config.json", b'{"tokenize_chinese_chars": 0}', ": tokenize_chinese_chars", "got 0"),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"x": {}}}', ": added_tokens_decoder", "expected an id"),
        (
            "tokenizer_config.json",
            b'{"added_tokens_decoder": {"5": {"content": []}}}',
            ": added_tokens_decoder",
            r"expected content, a string, got \[\]",
        ),
        (
            "tokenizer_config.json",
            b'{"added_tokens_decoder": {"5": {"content": "a", "lstrip": 1}}}',
            ": added_tokens_decoder",
            "expected lstrip of 'a' true or false, got 1",
        ),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"5": {}}}', ": added_tokens_decoder", "expected content"),
        ("tokenizer_config.json", b'{"added_tokens_decoder": {"5": 1}}', ": added_tokens_decoder", "expected a JSON"),
        ("added_tokens.json", b'{"a": "5"}', "", 'expected an id of "a", got "5"'),
        ("tokenizer.json", b"{", ":1", "expected JSON"),
        ("tokenizer.json", b'{"a": ' + b"1" * 5000 + b"}", "", "expected JSON: Exceeds the limit"),
        ("tokenizer.json", b'{"a": "\\ud800"}', "", "got half of a surrogate pair"),
        (
            "tokenizer_config.json",
            b'{"added_tokens_decoder": {"' + b"9" * 5000 + b'": {}}}',
            ": added_tokens_decoder",
            "expected an id of",
        ),
        ("tokenizer.json", b"{}", ": normalizer", "got null"),
        (
            "tokenizer.json",
            b'{"normalizer": {"type": "BertNormalizer", "lowercase": 2}, "pre_tokenizer": {"type": "BertPreTokenizer"},'
            b' "model": {"type": "WordPiece", "vocab": {"a": 0}}}',
            ": lowercase",
            "true or false, got 2",
        ),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, name: str, content: bytes, place: str, problem: str) -> None:
    directory(tmp_path, CONTROL)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        read_tokenizer(tmp_path)
    assert caught.value.place == str(tmp_path / name) + place


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"vocab": {"a": 0, "b": 2}}, "vocab: expected the ids 0 to 1 of 2 tokens, 'b' has 2"),
        ({"vocab": {"a": 0, "b": 0}}, "vocab: every id stands once, 'a' and 'b' have 0"),
        ({"vocab": {"a": 0, "b\n": 1}}, r"vocab: a token must not hold the end of a line, got 'b\n'"),
        ({"vocab": {}}, "vocab: expected an object of tokens and ids, got {}"),
        ({"unk_token": None}, "unk_token: expected a token, got null"),
        ({"continuing_subword_prefix": ""}, 'continuing_subword_prefix: expected a mark such as ##, got ""'),
        ({"max_input_chars_per_word": 0}, "max_input_chars_per_word: expected an integer of at least 1, got 0"),
    ],
)
def test_a_model_that_is_no_wordpiece_model_is_refused(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    document = whole(CONTROL)
    document["model"] |= change
    assert message(directory(tmp_path, tokenizer=document)).startswith(f"DIR/tokenizer.json: model.{expected}. ")


def test_reading_loads_no_tensorflow_and_no_tokenizers() -> None:
    code = (
        "import sys, components.tokenization.tokenizer_files; "
        "sys.exit(bool({'tensorflow', 'tokenizers', 'transformers'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("tokens", "problem"),
    [
        (
            [AddedToken(content="é", token_id=1, normalized=True)],
            "'é' has normalized true, supported is that for ASCII",
        ),
        ([AddedToken(content="a", token_id=1, normalized=True, single_word=True)], "not supported with single_word"),
        ([AddedToken(content=" a", token_id=1, normalized=True)], "white space at an end"),
        ([AddedToken(content=f"<{n}>", token_id=n) for n in range(1001)], "1,001 added tokens, at most 1,000"),
    ],
)
def test_added_tokens_that_are_not_supported_are_refused(tokens: list[AddedToken], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        check_supported(tokens, "tokenizer.json")
