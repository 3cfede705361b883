"""Envoy's external-processing protocol: one gRPC stream for each HTTP request.

`messages` says what is exchanged, `exchange` in which order, `wire` in which bytes, `server` over
which socket. Knows nothing of models, prompts or endpoints: what to answer is a Flow's business.
"""
