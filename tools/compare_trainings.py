"""Trainings of a VDM in pairs, from nothing: AdamW and Muon; digits and photographs.

    python tools/compare_trainings.py pairs.jsonl --data full photos --updates 2000 10000

The two of a pair take turns on the machine, so what else it does slows both alike. The second is
then trained once more, for as many updates as it makes in the processor time of the first: that is
the comparison at equal minutes. Each training is one line of the file, and the same command goes on
after the last pair. Compare on a machine that does nothing else.
"""

import json
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from itertools import product
from pathlib import Path

import torch

from diffenc_lite import DiffEnc, TrainConfig, UNet, evaluate, train_steps
from diffenc_lite.data import load_named
from diffenc_lite.evaluation import evenly_chosen
from diffenc_lite.model import SIZES

PAIRS = {"optimiser": ("adamw", "muon")}
TURN = 50  # updates


def trained(
    arms: dict[str, int], images: torch.Tensor, seed: int
) -> dict[str, tuple[DiffEnc, float]]:
    """The averaged model of each and its seconds of processor time. Args: arms, their updates."""
    running, seconds, models = {}, dict.fromkeys(arms, 0.0), {}
    for optimizer, updates in arms.items():
        torch.manual_seed(seed)
        model = DiffEnc(UNet(SIZES["small"].denoiser, tuple(images.shape[1:])))
        config = TrainConfig(
            updates, 64, lr=0.003, warmup=min(200, updates // 10), optimizer=optimizer, ends=8,
            seed=seed, log_every=TURN, checkpoint_every=updates,
        )  # fmt: skip
        running[optimizer] = train_steps(model, images, config)
    while running:
        for arm, steps in list(running.items()):
            began = time.process_time()
            progress = next(steps, None)
            seconds[arm] += time.process_time() - began
            if progress is None:
                del running[arm]
            else:
                models[arm] = progress.model
    return {arm: (models[arm], seconds[arm]) for arm in arms}


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="one line a training")
    parser.add_argument("--data", nargs="+", default=["full", "photos"])
    parser.add_argument("--updates", nargs="+", type=int, default=[2000, 10_000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000, help="to evaluate on")
    given = parser.parse_args()
    lines = given.file.read_text().splitlines() if given.file.exists() else []
    done = [json.loads(line)["job"] for line in lines]
    for job in map(list, product(given.updates, given.data, PAIRS, range(given.seeds))):
        if job in done:
            continue
        updates, data, pair, seed = job
        train, test = (load_named(data, split) for split in ("train", "test"))
        first, second = PAIRS[pair]
        found = trained({first: updates, second: updates}, train.images, seed)
        more = max(1, round(updates * found[first][1] / found[second][1]))
        alone = trained({second: more}, train.images, seed)
        rows = [("updates", arm, updates, *found[arm]) for arm in (first, second)]
        text = ""
        for equal, arm, n, model, seconds in [*rows, ("minutes", second, more, *alone[second])]:
            images = evenly_chosen(test.images, given.images)
            clusters = None if test.clusters is None else evenly_chosen(test.clusters, given.images)
            draws = torch.Generator().manual_seed(0)  # the same for all
            bound = evaluate(model, images, clusters=clusters, generator=draws)
            line = {
                "job": job, "equal": equal, "optimizer": arm, "updates": n,
                "seconds": round(seconds, 1), "total": bound.total, "error": bound.standard_error,
            }  # fmt: skip
            text += json.dumps(line) + "\n"
        with given.file.open("a") as file:  # all three or none
            file.write(text)
        print(text, end="", flush=True)


if __name__ == "__main__":
    main()
