"""Coding agents: aider over a model, and the recordings that can stand in the model's place."""
