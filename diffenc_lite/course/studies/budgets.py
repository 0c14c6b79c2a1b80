"""What the same minutes buy: AdamW or Muon, the encoder network small-fine or one on 2 x 2 pixels.

budgets.md has what was declared before it ran, and what came of it.
"""

import time

import torch

from ...data import load_named
from ...evaluation import evaluate
from ...model import ModelConfig, build
from ...training import TrainConfig, train
from .study import Job, Options, Row, Study

LENGTHS, SEEDS, TIMED = (2000, 10_000), range(3), 2000
MUON, FOLDED = 1.054, 1.591 / 1.341  # time over AdamW's; of small-fine with an encoder over small's


def _jobs(options: Options) -> list[Job]:
    usual: Job = {"data": "full", "encoder": "identity", "size": "small", "lr": 0.003}
    adamw, muon = both = [{"optimizer": name} for name in ("adamw", "muon")]
    pairs = [
        usual | optimizer | {"updates": updates, "seed": seed}
        for seed in SEEDS
        for n in LENGTHS
        for optimizer, updates in ((adamw, n), (muon, n), (muon, round(n / MUON)))
    ]
    others: list[Job] = [{"encoder": "scaling"}, {"encoder": "learned"}, {"size": "medium"}]
    others += [{"data": "photos"}, {"lr": 0.001}, {"lr": 0.006}]
    holds = [usual | other | opt | {"updates": 2000, "seed": 0} for other in others for opt in both]
    learned = usual | muon | {"encoder": "learned"}
    encoders = [
        learned | {"data": data, "size": size, "updates": updates, "seed": seed}
        for data in ("full", "photos")
        for seed in SEEDS
        for size, updates in (("small-fine", TIMED), ("small", round(TIMED * FOLDED)))
    ]
    parts = {"pair": pairs, "holds": holds, "encoder": encoders}
    return [{"part": part, **job} for part, jobs in parts.items() for job in jobs]


def _run(job: Job, options: Options) -> Row:
    data, test = (load_named(job["data"], split) for split in ("train", "test"))
    torch.manual_seed(job["seed"])
    shape = tuple(data.images.shape[1:])
    model = build(ModelConfig(job["encoder"], job["size"], shape=shape)).to(options.device)
    wanted = {name: job[name] for name in ("updates", "lr", "optimizer", "seed")}
    config = TrainConfig(batch=64, warmup=200, ends=8, **wanted)
    folder = options.folder / "-".join(map(str, job.values()))
    start = time.process_time()
    trained = train(model, data.images, config, folder).model
    seconds = time.process_time() - start  # of this start: a resumed training had more
    draws = torch.Generator(options.device).manual_seed(0)
    found = evaluate(trained, test.images, clusters=test.clusters, generator=draws)
    return {**job, "total": found.total, "error": found.standard_error, "seconds": round(seconds)}


STUDY = Study(_jobs, _run, budget={})
