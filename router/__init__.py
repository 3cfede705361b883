"""An Envoy external processor that sends each LLM request to the LoRA adapter that suits it."""

__version__ = "0.1.0"
