"""Executors: where the commands of a study are carried out."""
