"""Fit scale and ratio of every step (W7) for the small models, on training images of MNIST.

    python tools/fit_steps.py --root FOLDER_WITH_MNIST

writes diffenc_lite/pretrained/fitted.json, which `load_fitted` reads. It takes about ten minutes.
"""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter

import torch

from diffenc_lite import evenly_chosen, fit, load_mnist, load_pretrained, read_card
from diffenc_lite.files import write_whole
from diffenc_lite.pretrained import FITTED

SMALL, STEPS = ("mnist-learned", "mnist-scaling", "mnist-vdm"), (4, 8, 16, 32, 64)


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--root", help="folder that has MNIST/raw; default: the cache or the web")
    data = load_mnist("train", "full", parser.parse_args().root)
    images = evenly_chosen(data.images, 500)
    models = {}
    for name in SMALL:
        model = load_pretrained(name)
        steps = {}
        for t in STEPS:
            fitted = fit(model, images, t, generator=torch.Generator().manual_seed(t)).as_dict()
            del fitted["grid"]
            steps[t] = {
                key: [float(f"{value:.5g}") for value in values] for key, values in fitted.items()
            }
        models[name] = {"sha256": read_card(name)["sha256"], "steps": steps}
    written = {"fitted_on": f"{data.name} {data.split}, {len(images)} images", "models": models}
    write_whole(FITTED, json.dumps(written, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
