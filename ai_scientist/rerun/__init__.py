"""Reproducing: runs of a study executed again from their commits, and each metric beside the recorded one."""
