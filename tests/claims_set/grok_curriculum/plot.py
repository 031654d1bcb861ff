labels = {
    "run_0": "Baseline",
    "run_1": "Small operands first",
    "run_2": "Large operands first",
    "run_3": "Curriculum with replay",
    "run_4": "Curriculum with replay and warm restarts",
    "run_5": "Self-paced ordering",
}
