"""A study: its folder, its journal, and the state that is folded from it."""
