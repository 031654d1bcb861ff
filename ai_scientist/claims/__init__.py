"""Claims: what notes.txt says of the results, found and checked against what was measured."""
