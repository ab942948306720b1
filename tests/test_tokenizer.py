"""Tokenizers trained on text: the same each time, with XLM-R's special tokens and no unknown byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models as tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from replication.errors import ReplicationError
from replication.tokenizer import load_tokenizer, train_tokenizer

KINDS = ("bytes", "words")


def texts():
    rng = tiny.generator(2)
    return [tiny.sentence(rng) for _ in range(300)]


def digest(kind):
    trained = train_tokenizer(texts(), tiny.architecture(kind))
    return hashlib.sha256(trained.backend_tokenizer.to_str().encode()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_training_again_in_one_process_gives_the_same_tokenizer(kind):
    assert len({digest(kind) for _ in range(3)}) == 1


def test_training_in_other_processes_gives_the_same_tokenizers():
    here = Path(__file__).parent
    code = "from test_tokenizer import *; print(*map(digest, KINDS))"
    found = {" ".join(map(digest, KINDS))}
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        environment["PYTHONPATH"] = os.pathsep.join([str(here.parent), str(here)])
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())
    assert len(found) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_have_the_ids_of_xlm_r(kind):
    tokenizer = tiny.tokenizer(kind)
    found = tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"])
    assert found == [0, 1, 2, 3]
    named = (tokenizer.cls_token_id, tokenizer.pad_token_id, tokenizer.sep_token_id)
    assert named == (0, 1, 2)
    assert tokenizer.mask_token_id == tokenizer.convert_tokens_to_ids("<mask>")


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_and_pairs_are_framed_as_xlm_r_frames_them(kind):
    tokenizer = tiny.tokenizer(kind)
    one, two = "badofi gu", "kalo"
    inner = [tokenizer(t, add_special_tokens=False)["input_ids"] for t in (one, two)]
    assert tokenizer(one)["input_ids"] == [0, *inner[0], 2]
    assert tokenizer(one, two)["input_ids"] == [0, *inner[0], 2, 2, *inner[1], 2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_vocabulary_keeps_to_the_architecture_s_size(kind):
    small = train_tokenizer(texts(), tiny.architecture(kind, vocabulary=280))
    assert len(small) <= 280


@given(st.text())
def test_bytes_never_give_an_unknown_token(text):
    tokenizer = tiny.tokenizer("bytes")
    assert tokenizer.unk_token_id not in tokenizer(text, add_special_tokens=False)["input_ids"]


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_bytes_decode_to_the_text_in_its_normal_form(text):
    import unicodedata

    tokenizer = tiny.tokenizer("bytes")
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    found = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    assert found.removeprefix(" ") == unicodedata.normalize("NFKC", text).removeprefix(" ")


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=60))
def test_offsets_cover_every_visible_character_of_the_text(text):
    offsets = tiny.tokenizer("bytes")(text, add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    covered = {i for begin, end in offsets for i in range(begin, end)}
    assert covered >= {i for i, c in enumerate(text) if not c.isspace()}


def test_a_word_that_was_not_in_the_text_is_unknown_to_whole_words_only():
    ids = {k: tiny.tokenizer(k)("zzzz", add_special_tokens=False)["input_ids"] for k in KINDS}
    assert ids["words"] == [3]
    assert 3 not in ids["bytes"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beside_a_config", [True, False])
def test_a_saved_tokenizer_comes_back_the_same(tmp_path, kind, beside_a_config):
    """Also where the folder holds the encoder's config, from which libraries may guess a class."""
    tokenizer = tiny.tokenizer(kind)
    if beside_a_config:
        from replication.model import save

        save(tiny.model(), tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    pairs = list(zip(texts()[:100], texts()[100:200], strict=True))
    for first, second in [*pairs, (" two  blanks ", "Ünseen ﬁ 東京")]:
        assert again(first, second)["input_ids"] == tokenizer(first, second)["input_ids"]
    assert again.model_max_length == tokenizer.model_max_length == 64
    assert again.all_special_ids == tokenizer.all_special_ids
    assert len(again) == len(tokenizer)


def test_a_folder_without_a_tokenizer_is_refused_with_its_name(tmp_path):
    with pytest.raises(ReplicationError, match="cannot be loaded"):
        load_tokenizer(tmp_path)


def test_a_damaged_tokenizer_is_refused_with_its_name(tmp_path):
    tiny.tokenizer().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ReplicationError, match="cannot be loaded"):
        load_tokenizer(tmp_path)


def test_code_beside_a_tokenizer_is_never_run(tmp_path):
    import json

    folder = tmp_path / "checkpoint"
    tiny.tokenizer().save_pretrained(folder)
    trace = tmp_path / "trace"
    (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\n", encoding="utf-8")
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings["auto_map"] = {"AutoTokenizer": [None, "evil.Tokenizer"]}
    settings["tokenizer_class"] = "Evil"
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    try:
        loaded = load_tokenizer(folder)
    except ReplicationError:
        loaded = None
    assert not trace.exists()
    assert (
        loaded is None or loaded("badofi")["input_ids"] == tiny.tokenizer()("badofi")["input_ids"]
    )


def test_a_unigram_tokenizer_of_the_hub_s_kind_loads_too(tmp_path):
    """XLM-R's own kind: pieces with scores, which `transformers` reads from tokenizer.json."""
    from transformers import PreTrainedTokenizerFast

    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("ba", -1.0)]
    raw = Tokenizer(models.Unigram([*pieces, ("do", -2.0)], unk_id=3))
    PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>").save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path)("bado", add_special_tokens=False)["input_ids"] == [4, 5]
