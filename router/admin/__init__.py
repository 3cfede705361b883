"""The operators' HTTP door, on its own port: health, readiness, metrics, explanations.

Bound to loopback unless configured otherwise; it has no part in the request path.
"""
