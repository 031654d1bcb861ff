labels = {
    "run_0": "Baseline",
    "run_1": "Dice",
    "run_2": "Focal",
    "run_3": "CE + Dice",
    "run_4": "Boundary Loss",
}
