labels = {
    "run_0": "Baseline",
    "run_1": "Operand reversal",
    "run_2": "Operand negation",
    "run_3": "Reversal + negation (15%)",
    "run_4": "Reversal + negation (30%)",
}
