"""What the members of a batch have in common, imported once in the process that they are forked from."""

from ai_scientist.preloading import load

load()
