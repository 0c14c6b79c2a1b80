"""Variational diffusion with a time-dependent encoder (DiffEnc), small enough to read.

The paper, one idea a file, in this order:

    gaussian   kl_ratio, best_ratio: the closed forms (L0, L2, W1)
    schedule   Noise, LinearSchedule, LearnedSchedule, CosineSchedule: gamma(t), alpha, sigma
    encoder    IdentityEncoder (VDM), ScalingEncoder, LearnedEncoder: x -> x_t (E1-E3)
    process    q and p as functions of tensors (F1-F3, G3-G5)
    pixels     8-bit levels <-> x in (-1, 1), and the cost of a level (G2)
    networks   MLP, UNet: denoiser and encoder
    model      DiffEnc(denoiser, encoder, schedule); build(ModelConfig(...)) by name and size
    bound      elbo: prior + reconstruction + diffusion, at finite or infinite depth (L0-L4)
    evaluation evaluate: the bound on a data set, with its standard error
    ratio      optimal_ratio, optimal_step, best_time_grid: the ratio w, the best steps (W1-W7)
    sampling   sample, sample_steps

The machinery; a folder has one door, its __init__:

    files      files written whole or not at all
    training   train(model, images, TrainConfig(2000)), show
    data       load_mnist, load_named("fashion-mnist"), toy
    pretrained load_pretrained("mnist-learned"), load_fitted, save_model, load_model

`diffenc_lite.course` teaches it: ledger (the formulas, proved), worlds (exact answers), exercises,
show (plots and explorers), studies. On the command line: python -m diffenc_lite --help
"""

from . import bound, gaussian, pixels, process
from .bound import Bound, elbo
from .data import ImageSet, load_cifar10, load_mnist, load_named, toy
from .encoder import (
    Encoder,
    Encoding,
    IdentityEncoder,
    LearnedEncoder,
    ScalingEncoder,
    check_encoder,
)
from .evaluation import Evaluation, evaluate, evenly
from .gaussian import best_ratio, kl_ratio
from .model import DiffEnc, ModelConfig, build
from .networks import MLP, UNet, UNetConfig
from .pretrained import (
    load_fitted,
    load_model,
    load_pretrained,
    pretrained_names,
    read_card,
    read_metrics,
    save_model,
)
from .ratio import (
    RatioEstimate,
    StepEstimate,
    best_time_grid,
    cheapest_path,
    constant_ratio,
    edge_costs,
    estimate_ratio,
    optimal_ratio,
    optimal_step,
    squared_gap_table,
    squared_gaps,
)
from .sampling import Step, sample, sample_steps
from .schedule import CosineSchedule, LearnedSchedule, LinearSchedule, Noise, Schedule
from .training import Progress, TrainConfig, show, train

__version__ = "0.2.0"

__all__ = [
    "MLP",
    "Bound",
    "CosineSchedule",
    "DiffEnc",
    "Encoder",
    "Encoding",
    "Evaluation",
    "IdentityEncoder",
    "ImageSet",
    "LearnedEncoder",
    "LearnedSchedule",
    "LinearSchedule",
    "ModelConfig",
    "Noise",
    "Progress",
    "RatioEstimate",
    "ScalingEncoder",
    "Schedule",
    "Step",
    "StepEstimate",
    "TrainConfig",
    "UNet",
    "UNetConfig",
    "best_ratio",
    "best_time_grid",
    "bound",
    "build",
    "cheapest_path",
    "check_encoder",
    "constant_ratio",
    "edge_costs",
    "elbo",
    "estimate_ratio",
    "evaluate",
    "evenly",
    "gaussian",
    "kl_ratio",
    "load_cifar10",
    "load_fitted",
    "load_mnist",
    "load_model",
    "load_named",
    "load_pretrained",
    "optimal_ratio",
    "optimal_step",
    "pixels",
    "pretrained_names",
    "process",
    "read_card",
    "read_metrics",
    "sample",
    "sample_steps",
    "save_model",
    "show",
    "squared_gap_table",
    "squared_gaps",
    "toy",
    "train",
]
