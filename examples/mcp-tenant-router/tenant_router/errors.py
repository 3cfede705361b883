"""What can go wrong, as one line for whoever must fix it.

TenantRouterError
├── BadInput        a command's or a tool's arguments
├── DatabaseError   the database is missing, has no tables, or does not answer
└── CannotListen    the address to serve on is taken or is none
"""

from __future__ import annotations


class TenantRouterError(Exception):
    """Base of all; its text holds no prompt, no tenant's id and no password."""


class BadInput(TenantRouterError):
    """An argument is not what it should be."""


class DatabaseError(TenantRouterError):
    """The tenants cannot be read or written."""


class CannotListen(TenantRouterError):
    """The address to serve on cannot be had."""
