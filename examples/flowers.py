"""Write scikit-learn's table of irises as CSV files: 120 flowers with their species, and 30 to predict."""

import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

iris = load_iris()
columns = [name.removesuffix(" (cm)").replace(" ", "_") for name in iris.feature_names]
order = np.random.default_rng(0).permutation(len(iris.target))
Path("runs").mkdir(exist_ok=True)
for name, rows, known in (("flowers", order[:120], True), ("new-flowers", order[120:], False)):
    with open(f"runs/{name}.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*columns, "species"] if known else columns)
        for row in rows:
            species = [iris.target_names[iris.target[row]]] if known else []
            table.writerow([*iris.data[row].tolist(), *species])
    print(f"runs/{name}.csv: {len(rows)} rows")
