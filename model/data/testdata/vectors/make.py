"""Makes the files beside it: python3 make.py, with NumPy 2.4.6, PyArrow 26.0.1,
safetensors 0.8.0 and, for the last part, PySpark 4.3.0 under Java 17.

All but Spark's hold the same 5 x 3 matrix: row r, column c is (r - 2) * 2**c,
which every type of number holds exactly.
"""
import glob
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

m = np.array([[(r - 2) * 2.0**c for c in range(3)] for r in range(5)])
ids = ["a", "b", "ünï", "d", "e"]


def npy(name, array, version=(1, 0)):
    with open(name, "wb") as f:
        np.lib.format.write_array(f, array, version=version)


npy("f4.npy", m.astype("<f4"))
npy("f8-v2.npy", m.astype("<f8"), (2, 0))
npy("f2-v3.npy", m.astype("<f2"), (3, 0))
npy("f4-big.npy", m.astype(">f4"))
npy("f8-fortran.npy", np.asfortranarray(m.astype("<f8")))
np.savez_compressed("text.npz", vectors=m.astype("<f4"), ids=np.array(ids))
np.savez("bytes.npz", vectors=m.astype("<f4"), ids=np.array([b"a", b"bc", b"d", b"e", b"f"]))
np.savez("numbers.npz", vectors=m.astype("<f4"), ids=np.array([-1, 2, 300, 70000, 5], dtype=">i8"))
np.savez("pickled.npz", vectors=m.astype("<f4"), ids=np.array(["a", "b", "c", "d", None], dtype=object))
np.savez("implicit.npz", item_factors=m.astype("<f4"), user_factors=np.zeros((2, 3), "<f4"), alpha=np.array(40.0))
save_file({"items": m.astype("<f4"), "bias": np.zeros(5, "<f4")}, "f4.safetensors", {"format": "pt", "shape": "[1]"})
save_file({"items": m.astype("<f2"), "users": m.astype("<f8")}, "two.safetensors")
pq.write_table(
    pa.table({"embedding": pa.array(m.tolist(), pa.list_(pa.float64(), 3)), "item_id": ids}), "fixed.parquet")

# Spark's own: implicit ALS of a made-up world, as ALSModel.save writes it. Its
# user factors are kept as text, for the test that folds people in as Spark does.
from pyspark.ml.recommendation import ALS
from pyspark.sql import SparkSession

rng = np.random.default_rng(1)
pairs = sorted({(u, 3 * i + u % 3) for u in range(24) for i in rng.integers(0, 6, 2 + u % 5)})
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", False).getOrCreate()
log = spark.createDataFrame([(u, i, 1.0) for u, i in map(lambda p: (int(p[0]), int(p[1])), pairs)], ["user", "item", "rating"])
als = ALS(rank=4, maxIter=10, regParam=0.05, alpha=8.0, implicitPrefs=True, seed=1, numItemBlocks=2)
model = als.fit(log)
model.write().overwrite().save("spark-als.whole")
shutil.rmtree("spark-als", ignore_errors=True)
for part in sorted(glob.glob("spark-als.whole/itemFactors/*")):
    os.makedirs("spark-als/itemFactors", exist_ok=True)
    shutil.copy(part, "spark-als/itemFactors")
with open("spark-als/events.csv", "w") as f:
    f.write("user,item\n" + "".join(f"{u},{i}\n" for u, i in pairs))
with open("spark-als/users.csv", "w") as f:
    for row in sorted(model.userFactors.collect()):
        f.write(",".join([str(row.id)] + [repr(float(x)) for x in row.features]) + "\n")
shutil.rmtree("spark-als.whole")
