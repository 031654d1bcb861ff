"""Subcommands by which a person steers a study from another terminal; how it takes them up: study/orders.py."""
