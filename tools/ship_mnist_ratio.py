"""Put the results of the study of the ratio into the package: a table, and its arrays beside it.

python tools/ship_ratio.py FOLDER/results.json
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np

from diffenc_lite.course.studies import SHIPPED
from diffenc_lite.course.studies.mnist_ratio import CHOICES, MODELS, SAMPLED, unpacked
from diffenc_lite.files import write_whole


def main() -> None:
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    rows = json.loads(text)["rows"]
    sheets = {
        (row["model"], row["steps"], row["choice"]): unpacked(row)
        for row in rows
        if row["part"] == "samples" and "uint8" in row
    }
    maps = {row["model"]: unpacked(row) for row in rows if row["part"] == "map"}
    arrays = {
        "sheets": np.array([[[sheets[m, t, c] for c in CHOICES] for t in SAMPLED] for m in MODELS]),
        "maps": np.array([maps[model] for model in MODELS]),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, sheets=arrays["sheets"], maps=arrays["maps"])
    write_whole(SHIPPED / "ratio.npz", buffer.getvalue())
    # the table without its arrays, line by line as it was written
    lines = text.splitlines()
    kept = []
    for line in lines:
        if '"uint8"' in line:
            row = json.loads(line.strip().rstrip(","))
            if row["part"] == "map":
                continue
            bare = {name: row[name] for name in row if name not in ("uint8", "shape")}
            line = f"  {json.dumps(bare)}{',' if line.rstrip().endswith(',') else ''}"
        kept.append(line)
    table = "\n".join(kept) + "\n"
    json.loads(table)  # still whole
    write_whole(SHIPPED / "ratio.json", table.encode())
    sizes = {name: (SHIPPED / name).stat().st_size for name in ("ratio.json", "ratio.npz")}
    print(*(f"{name}: {size:,} bytes" for name, size in sizes.items()), sep="\n")


if __name__ == "__main__":
    main()
