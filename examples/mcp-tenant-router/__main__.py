"""Runs the example where it lies: `python examples/mcp-tenant-router COMMAND`."""

from __future__ import annotations

import sys

from tenant_router.cli import main

sys.exit(main())
