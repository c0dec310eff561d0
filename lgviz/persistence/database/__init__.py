"""How operations reach a database: SQLite or PostgreSQL, sync or async."""
