"""Put trained VDMs among the bases of the study `purpose`, with their weights in 16 bits.

    python -m diffenc_lite train runs/photos-0 --encoder identity --data photos --updates 4000 \\
        --batch 64 --lr 0.003 --warmup 200 --ends 8 --seed 0
    python -m diffenc_lite train runs/mnist-1 --encoder identity --data full --updates 12000 \\
        --batch 64 --lr 0.003 --warmup 200 --ends 8 --seed 1
    python tools/make_bases.py runs/photos-0 runs/mnist-1

and so on for photos-1, photos-2 and mnist-2. The card gets the bound with the rounded weights.
"""

import argparse
from pathlib import Path

import torch

from diffenc_lite import evaluate
from diffenc_lite.course.studies.purpose import BASES
from diffenc_lite.data import load_named
from diffenc_lite.pretrained import load_model, read_card, save_model


def main() -> None:
    parser = argparse.ArgumentParser(description="Add trained VDMs to the bases of `purpose`.")
    parser.add_argument("runs", type=Path, nargs="+", help="folders of trainings, as photos-0")
    parser.add_argument("--root", help="folder that holds the full MNIST")
    given = parser.parse_args()
    for run in given.runs:
        model, card = load_model(run / "model"), read_card(run / "model")
        del card["configuration"], card["sha256"]
        save_model(model.half(), BASES / run.name, card)
        rounded, photos = load_model(BASES / run.name), run.name.startswith("photos")
        test = load_named("photos" if photos else "full", "test", None if photos else given.root)
        result = evaluate(rounded, test.images, generator=torch.Generator().manual_seed(0))
        terms = {name: getattr(result, name) for name in card["terms"]}
        bound = {"bits_per_dim": result.total, "standard_error": result.standard_error}
        save_model(rounded.half(), BASES / run.name, {**card, **bound, "terms": terms})
        print(f"{run.name}: {card['bits_per_dim']:.4f} before, {result} in 16 bits")


if __name__ == "__main__":
    main()
