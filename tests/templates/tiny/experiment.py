"""Fits y = 2x by gradient descent on two tiny data sets, one value a seed: an experiment that takes no time."""

import argparse
import json
import os
import random
import statistics

LEARNING_RATE = 0.1
STEPS = int(os.environ.get("TINY_STEPS", "20"))
SEEDS = 3


def train(scale, seed):
    rng = random.Random(seed)
    points = [rng.uniform(0.5, 1.5) * scale for _ in range(8)]
    weight = 0.0
    for _ in range(STEPS):
        gradient = sum(2 * (weight - 2) * x * x for x in points) / len(points)
        weight -= LEARNING_RATE * gradient
    return {"loss": sum((weight * x - 2 * x) ** 2 for x in points) / len(points), "weight": weight}


def main(out_dir):
    os.makedirs(out_dir, exist_ok=True)
    info = {}
    for done, (dataset, scale) in enumerate({"narrow": 0.5, "wide": 1.0}.items()):
        print(f"progress {done}/2 {dataset}", flush=True)
        results = [train(scale, seed) for seed in range(SEEDS)]
        values = {metric: [result[metric] for result in results] for metric in results[0]}
        info[dataset] = {
            "means": {f"{metric}_mean": statistics.mean(each) for metric, each in values.items()},
            "stderrs": {f"{m}_stderr": statistics.stdev(each) / len(each) ** 0.5 for m, each in values.items()},
            "final_info_dict": values,
        }
    with open(os.path.join(out_dir, "final_info.json"), "w") as file:
        json.dump(info, file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out_dir", required=True)
    main(parser.parse_args().out_dir)
