"""Put a trained model among those that ship, with its weights in 16 bits.

    python tools/ship_model.py runs/mnist-1 diffenc_lite/course/studies/bases/mnist-1
    python tools/ship_model.py runs/photos diffenc_lite/pretrained/photos-vdm-medium

`runs/photos` is the folder of a training. The card gets the bound with the rounded weights.

The bases of the study `purpose` were trained by

    python -m diffenc_lite train runs/mnist-1 --encoder identity --data full --updates 12000 \\
        --batch 64 --lr 0.003 --warmup 200 --optimizer adamw --ends 8 --seed 1

and so on for mnist-2; docs/models.md has the lines of the others. The study `rivals` makes its own.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import torch

from diffenc_lite import evaluate
from diffenc_lite.data import load_named
from diffenc_lite.pretrained import load_model, read_card, save_model


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a training")
    parser.add_argument("target", type=Path, help="file of the model, without .safetensors")
    parser.add_argument("--root", help="folder that holds the full MNIST")
    given = parser.parse_args()
    model, card = load_model(given.run / "model"), read_card(given.run / "model")
    data = "photos" if card["data"].startswith("photos") else "full"
    test = load_named(data, "test", given.root if data == "full" else None)
    model.half().float()
    draws = torch.Generator().manual_seed(0)
    result = evaluate(model, test.images, clusters=test.clusters, generator=draws)
    print(f"{given.target.name}: {card['bits_per_dim']:.4f} before, {result} in 16 bits")
    del card["configuration"], card["sha256"]
    card["terms"] = {name: getattr(result, name) for name in card["terms"]}
    card |= {"bits_per_dim": result.total, "standard_error": result.standard_error}
    save_model(model.half(), given.target, card)


if __name__ == "__main__":
    main()
