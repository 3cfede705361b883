"""An MCP server that looks a tenant's LoRA adapter up in a database, for lora-router.

`cli` is the door; `server` speaks MCP, `answers` decides, `split` divides users among adapters,
`database` opens SQLite or PostgreSQL, `table` writes it.
"""
