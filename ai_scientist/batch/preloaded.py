"""What the members of a batch have in common, imported once in the process that they are forked from."""

from ai_scientist.agents.aider_agent import AiderAgent

AiderAgent.preload()
