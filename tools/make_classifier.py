"""Train the judge of samples on all of MNIST and write it with its card (about three minutes).

python tools/make_judge.py --root FOLDER_WITH_MNIST
"""

from __future__ import annotations

import argparse
import hashlib
import json

from safetensors.torch import save

from diffenc_lite import load_mnist
from diffenc_lite.course.studies.classifier import ASSET, accuracy, train_judge
from diffenc_lite.files import write_whole
from diffenc_lite.training.memory import keep_freed_memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", help="folder that holds MNIST/raw; else the cache or the web")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    keep_freed_memory()
    data, test = (load_mnist(split, "full", args.root) for split in ("train", "test"))
    judge = train_judge(data.images, data.labels, args.steps, args.seed)
    weights = save({name: tensor.contiguous() for name, tensor in judge.state_dict().items()})
    card = {
        "what": "a classifier of MNIST digits, judge of samples (diffenc_lite/course/judge.py)",
        "data": f"{data.name} {data.split}, {len(data)} images, moved by up to two pixels",
        "evaluated_on": f"{test.name} {test.split}, {len(test)} images",
        "accuracy": accuracy(judge, test.images, test.labels),
        "parameters": sum(parameter.numel() for parameter in judge.parameters()),
        "steps": args.steps,
        "batch": 128,
        "seed": args.seed,
        "made_by": "python tools/make_judge.py",
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    write_whole(ASSET.with_suffix(".safetensors"), weights)
    write_whole(ASSET.with_suffix(".json"), json.dumps(card, indent=2).encode() + b"\n")
    print(json.dumps(card, indent=2))


if __name__ == "__main__":
    main()
