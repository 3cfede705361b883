"""The models and servers that understand prompts: domain model, sentence encoder, MCP server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from router.config.process import Milliseconds
from router.config.section import Many, Section
from router.config.texts import ForwardedHeader, HeaderName, HeaderText, Name


class EncoderSettings(Section):
    """An ONNX model with its tokenizer, and how much of a prompt it reads."""

    model_id: str = Field(
        min_length=1,
        description="The model's directory: an ONNX graph with its tokenizer. A relative path is "
        "looked for in the working directory, then beside the configuration file, then in the "
        "directory above that.",
    )
    use_cpu: bool = Field(
        default=True, description="Run on the CPU; `false` needs the `gpu` extra and CUDA."
    )
    max_head_tokens: int = Field(
        default=192, ge=1, le=8192, description="How many tokens of a prompt's beginning are read."
    )
    max_tail_tokens: int = Field(
        default=64,
        ge=0,
        le=8192,
        description="How many tokens of a longer prompt's end are read besides.",
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=256,
        description="CPU threads of one forward pass, and never more than there are CPUs. More "
        "make a long prompt faster; 1 leaves most for other requests.",
    )
    timeout_ms: Milliseconds = Field(
        default=1000,
        description="How long a classification may take, waiting included, before `on_error` "
        "decides.",
    )
    queue_size: int = Field(
        default=1024,
        ge=1,
        le=1_000_000,
        description="How many prompts may wait for the model; one more is a failure at once.",
    )
    cache_size: int = Field(
        default=4096,
        ge=0,
        le=10_000_000,
        description="How many classified texts are remembered; 0 remembers none.",
    )


class CategoryModel(EncoderSettings):
    """The model that tells a prompt's domain."""

    example = """
classifier:
  category_model:
    model_id: models/mom-domain-classifier
    threshold: 0.6
    timeout_ms: 500
"""

    threshold: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="A category less probable than this is not chosen: the request goes to "
        "`default_model`.",
    )
    use_modernbert: bool = Field(
        default=False,
        description="Accepted for compatibility; the architecture is read from the model itself.",
    )
    category_mapping_path: str | None = Field(
        default=None,
        min_length=1,
        description="A `category_mapping.json` that names the labels and their aliases, found "
        "as `model_id` is. Default: the one in the model's directory, else `id2label` in its "
        "`config.json`.",
    )


class EmbeddingModel(EncoderSettings):
    """A sentence encoder for embedding rules, where the category model is not to be used."""

    example = """
embedding_model:
  model_id: models/multilingual-encoder
"""


class McpCategoryModel(Section):
    """An MCP server that classifies prompts, and may name the adapter itself."""

    example = """
classifier:
  mcp_category_model:
    enabled: true
    transport_type: streamable-http
    url: http://127.0.0.1:8090/mcp
    forward_headers: [x-tenant-id]
    timeout_seconds: 0.5
"""

    enabled: bool = Field(default=False, description="Whether the server is asked at all.")
    transport_type: Literal["stdio", "streamable-http", "http"] | None = Field(
        default=None,
        description="How the server is reached; `http` means `streamable-http`. Default: `stdio` "
        "with a `command`, `streamable-http` with a `url`.",
    )
    command: str | None = Field(
        default=None,
        min_length=1,
        description="The program that a `stdio` server is started with; each worker starts its "
        "own.",
    )
    args: Many[str] = Field(default=(), description="The program's arguments.")
    env: dict[str, str] = Field(
        default={},
        repr=False,
        description="Environment variables for the program. Of the router's own it gets few "
        "(`PATH`, `HOME`, the locale and such), and nothing that could be a secret.",
    )
    url: str | None = Field(
        default=None,
        min_length=1,
        description="Where a `streamable-http` server is, its path included: "
        "`http://127.0.0.1:8090/mcp`.",
    )
    headers: dict[HeaderName, HeaderText] = Field(
        default={},
        repr=False,
        description="HTTP headers for the server, such as its `authorization`.",
    )
    tool_name: Name | None = Field(
        default=None,
        description="The tool that classifies. Default: `classify_text`, `classify`, `categorize` "
        "or `categorize_text`, else the first whose name or description holds `classif`.",
    )
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="An answer less sure than this is not used."
    )
    timeout_seconds: float = Field(
        default=1.0, gt=0, le=60, description="How long one call may take."
    )
    max_concurrency: int = Field(
        default=64,
        ge=1,
        le=10_000,
        description="How many calls may be under way at once; one more is a failure at once.",
    )
    max_text_chars: int = Field(
        default=16_384,
        ge=64,
        le=10_000_000,
        description="How much of a prompt the tool is given; a longer one loses its middle.",
    )
    forward_headers: Many[ForwardedHeader] = Field(
        default=(),
        description="Request headers that the tool is given as its argument `headers`, such as a "
        "tenant's id. Envoy's configuration must be written anew when they change.",
    )
    cache_size: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="How many answers are remembered; 0: none. Failures never are.",
    )
    cache_ttl_seconds: float = Field(
        default=60.0, gt=0, le=86_400, description="How long an answer is remembered."
    )


class Classifier(Section):
    """How prompts are understood."""

    category_model: CategoryModel | None = Field(
        default=None, description="The domain model; without it no category is found by domain."
    )
    mcp_category_model: McpCategoryModel | None = Field(
        default=None, description="An MCP server that finds the category, or the adapter itself."
    )
    description_threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How sure the match of a prompt with a category's description must be, for "
        "categories that nothing else names. With the shipped model and five such categories, 0.5 "
        "takes one unrelated question in a hundred for a match, and finds three fitting English "
        "requests in four, Chinese ones one in two. Name the things that belong to the category, "
        "separated by commas: each counts.",
    )
