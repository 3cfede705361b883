"""The synchronous door, over every kind of export that people have."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from router.encoder import Encoding
from router.encoder.onnx import OnnxModel
from router.errors import ClassifierFailed, ModelFilesError
from tests.encoder.tiny import (
    BERT,
    DEBERTA,
    LABELS,
    MODERNBERT,
    XLM_ROBERTA,
    Builder,
    Family,
    Recipe,
    write_model,
)


def label(model: OnnxModel, encoding: Encoding) -> str:
    assert encoding.probabilities is not None
    return model.labels[int(encoding.probabilities.argmax())]


@pytest.mark.parametrize(
    "family", [BERT, MODERNBERT, XLM_ROBERTA, DEBERTA], ids=lambda family: family.name
)
def test_every_family_gets_the_inputs_and_the_padding_it_wants(
    build: Builder, family: Family
) -> None:
    model = OnnxModel.load(build(family=family))
    texts = ["doctor", "contract court court contract", "hello a"]
    found = model.run(texts)
    assert [label(model, encoding) for encoding in found] == ["health", "law", "other"]
    assert [encoding.tokens for encoding in found] == [3, 6, 4]
    for encoding in found:
        assert encoding.probabilities is not None
        assert encoding.probabilities.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "family", [BERT, MODERNBERT, XLM_ROBERTA, DEBERTA], ids=lambda family: family.name
)
def test_padding_is_known_without_config_json(build: Builder, family: Family) -> None:
    model = OnnxModel.load(build(family=family, bare=True, outputs=("sentence_embedding",)))
    assert len(model.run(["doctor", "contract court court"])) == 2


def test_a_batch_gives_what_single_runs_give(build: Builder) -> None:
    model = OnnxModel.load(build(outputs=("logits", "sentence_embedding")))
    texts = ["doctor", "contract court court contract", "", "hello hello", "pill " * 400]
    for together, text in zip(model.run(texts), texts, strict=True):
        alone = model.run([text])[0]
        np.testing.assert_allclose(together.probabilities, alone.probabilities, atol=1e-6)
        np.testing.assert_allclose(together.embedding, alone.embedding, atol=1e-6)
        assert (together.tokens, together.truncated) == (alone.tokens, alone.truncated)


def test_strangers_in_a_run_do_not_move_a_dynamically_quantised_score(build: Builder) -> None:
    model = OnnxModel.load(build(quantised=True))
    alone = model.run(["hello"])[0]
    beside_an_outlier = model.run(["hello", "doctor pill doctor"])[0]
    np.testing.assert_array_equal(alone.probabilities, beside_an_outlier.probabilities)
    assert model.token_budget == 1


@pytest.mark.parametrize(
    "graph",
    ["model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx"],
)
def test_the_graph_is_found_wherever_exporters_put_it(build: Builder, graph: str) -> None:
    assert OnnxModel.load(build(graph=graph)).labels == LABELS


def test_32_bit_inputs_are_served(build: Builder) -> None:
    model = OnnxModel.load(build(integers=TensorProto.INT32))
    assert label(model, model.run(["court"])[0]) == "law"


@pytest.mark.parametrize(
    "output", ["embedding", "sentence_embedding", "pooler_output", "last_hidden_state"]
)
def test_vectors_have_length_1_from_any_output_that_holds_them(build: Builder, output: str) -> None:
    model = OnnxModel.load(build(outputs=(output,), bare=True))
    short, long = model.run(["doctor", "court contract court contract court"])
    assert model.labels == ()
    assert model.dimensions == 4
    assert short.probabilities is None
    for encoding in (short, long):
        assert np.linalg.norm(encoding.embedding) == pytest.approx(1, abs=1e-6)
    # [CLS] and [SEP] add a quarter everywhere, padding adds nothing.
    expected = np.array([12.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(short.embedding, expected / np.linalg.norm(expected), atol=1e-6)


def test_one_pass_gives_labels_and_vector(build: Builder) -> None:
    model = OnnxModel.load(build(outputs=("logits", "embedding")))
    encoding = model.run(["court"])[0]
    assert label(model, encoding) == "law"
    assert np.argmax(encoding.embedding) == 1


def test_a_stated_pooling_goes_before_berts_pooler(build: Builder) -> None:
    directory = build(outputs=("pooler_output", "last_hidden_state"), bare=True)
    (directory / "1_Pooling").mkdir()
    settings_file = directory / "1_Pooling" / "config.json"
    settings_file.write_text(json.dumps({"pooling_mode_cls_token": True}))
    encoding = OnnxModel.load(directory).run(["doctor"])[0]
    np.testing.assert_allclose(encoding.embedding, [0.5, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("texts", [["court"], ["court", "doctor"]], ids=["alone", "in a batch"])
def test_results_cannot_be_changed_by_a_caller(build: Builder, texts: list[str]) -> None:
    encoding = OnnxModel.load(build(outputs=("logits", "embedding"))).run(texts)[0]
    for values in (encoding.probabilities, encoding.embedding):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1  # type: ignore[index]


def test_a_poisonous_text_fails_with_one_line_that_does_not_quote_it(build: Builder) -> None:
    model = OnnxModel.load(build(poison="pill"))
    with pytest.raises(ClassifierFailed, match=r"^the graph gave numbers that are not finite$"):
        model.run(["pill"])


def test_a_token_beyond_the_graphs_vocabulary_fails_with_one_line(build: Builder) -> None:
    directory = build()
    path = directory / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["surgeon"] = 999
    path.write_text(json.dumps(content))
    model = OnnxModel.load(directory)
    with pytest.raises(ClassifierFailed, match=r"^the graph raised: ") as caught:
        model.run(["surgeon"])
    assert "\n" not in str(caught.value)
    assert label(model, model.run(["court"])[0]) == "law"


def test_a_text_without_a_single_token_is_a_classifier_failure(build: Builder) -> None:
    directory = build()
    path = directory / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"post_processor": None}))
    model = OnnxModel.load(directory)
    with pytest.raises(ClassifierFailed, match="no tokens"):
        model.run([""])


def test_bounds_that_leave_no_room_for_text_are_refused(build: Builder) -> None:
    with pytest.raises(ModelFilesError, match="no room for text in 2 head tokens and 0 tail"):
        OnnxModel.load(build(), head_tokens=2, tail_tokens=0)


def test_use_cpu_false_without_cuda_names_the_providers_that_exist(build: Builder) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelFilesError, match=r"needs CUDAExecutionProvider.*CPUExecutionProv"):
        OnnxModel.load(build(), use_cpu=False)


def test_a_cuda_provider_that_does_not_start_is_not_replaced_in_silence(
    build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    opened = onnxruntime.InferenceSession

    def fall_back(path: str, options: object, providers: list[str]) -> object:
        return opened(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", fall_back)
    with pytest.raises(ModelFilesError, match="but onnxruntime has CPUExecutionProvider"):
        OnnxModel.load(build(), use_cpu=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    directory = tmp_path_factory.mktemp("model")
    write_model(directory, Recipe(outputs=("logits", "embedding")))
    return OnnxModel.load(directory)


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(), max_size=400) | st.text(st.characters(categories=["Cs"])))
def test_any_text_at_all_gets_a_label(model: OnnxModel, text: str) -> None:
    encoding = model.run([text])[0]
    assert encoding.probabilities is not None
    assert np.isfinite(encoding.probabilities).all()
    assert 2 <= encoding.tokens <= 256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\0court\0",
        "\ud800",
        "court\udfff",
        "\U0001f691" * 50,
        "مرحبا بالعالم",
        "\ufeff",
        "\n",
    ],
    ids=ascii,
)
def test_awkward_texts_get_a_label(model: OnnxModel, text: str) -> None:
    assert label(model, model.run([text])[0]) in LABELS
