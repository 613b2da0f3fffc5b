"""SQL of the lake: one object per file; read through :mod:`harvest.store` only."""
