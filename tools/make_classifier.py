"""Train the classifier of the studies on all of MNIST and write it with its card.

    python tools/make_classifier.py --root FOLDER_WITH_MNIST

It takes about three minutes.
"""

from __future__ import annotations

import hashlib
import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from safetensors.torch import save

from diffenc_lite import load_mnist
from diffenc_lite.course.studies import parameters
from diffenc_lite.course.studies.classifier import (
    ASSET,
    TRAINING_BATCH,
    accuracy,
    train_classifier,
)
from diffenc_lite.files import write_whole
from diffenc_lite.training import keep_freed_memory

UPDATES, SEED = 2400, 0


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--root", help="folder that has MNIST/raw; default: the cache or the web")
    root = parser.parse_args().root
    keep_freed_memory()
    data, test = (load_mnist(split, "full", root) for split in ("train", "test"))
    classifier = train_classifier(data.images, data.labels, UPDATES, SEED)
    weights = save({name: tensor.contiguous() for name, tensor in classifier.state_dict().items()})
    card = {
        "what": "a classifier of MNIST digits (diffenc_lite/course/studies/classifier.py)",
        "data": f"{data.name} {data.split}, {len(data)} images, shifted by up to two pixels",
        "evaluated_on": f"{test.name} {test.split}, {len(test)} images",
        "accuracy": accuracy(classifier, test.images, test.labels),
        "parameters": parameters(classifier),
        "updates": UPDATES,
        "batch": TRAINING_BATCH,
        "seed": SEED,
        "made_by": "python tools/make_classifier.py",
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    write_whole(ASSET.with_suffix(".safetensors"), weights)
    write_whole(ASSET.with_suffix(".json"), json.dumps(card, indent=2).encode() + b"\n")
    print(json.dumps(card, indent=2))


if __name__ == "__main__":
    main()
