"""AI Scientist: an agent loop that pursues a research idea in a template's experiment, run by run."""

__version__ = "0.1.0"
