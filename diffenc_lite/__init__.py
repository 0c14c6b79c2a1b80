"""Variational diffusion with a time-dependent encoder (DiffEnc), small enough to read.

    from diffenc_lite import elbo, load_mnist, load_pretrained, sample
    model = load_pretrained("mnist-learned")
    elbo(model, load_mnist("test").images[:64]).bits_per_dim().mean()
    sample(model, 16, 50)

Tags such as L0 name formulas: `help(diffenc_lite.course.ledger)`, notebooks/further/00_index.ipynb.

The paper, one idea a file, in this order; `help("diffenc_lite.chain")` has more on each:

    gaussian   kl_ratio, best_ratio, best_scale: the closed forms (L0, L2, W1, W2, W7)
    schedule   Schedule (linear, learned or cosine): gamma(t) -> Noise, its alpha, sigma, rate
    encoder    IdentityEncoder (VDM), ScalingEncoder, LearnedEncoder: x -> x_t (E1-E3)
    process    q and p as functions of tensors (F1-F3, G3-G5)
    chain      Chain: the steps of a bound or a sampler, their ratio and scale (L3, G5)
    pixels     8-bit levels <-> x in (-1, 1), and the cost of a level (G2)
    networks   MLP, UNet: denoiser and encoder
    model      DiffEnc(denoiser, encoder, schedule); build(ModelConfig(...)) by name and size
    bound      elbo: prior + reconstruction + diffusion, at finite or infinite depth (L0-L4)
    evaluation evaluate: the bound on a data set, and how sure it is
    ratio      fit: a chain with the best ratio, scale and grid (W1-W7); edge_costs, cheapest_path
    sampling   sample, sample_steps

The machinery; a folder has one door, its __init__:

    training   train(model, images, TrainConfig(2000)), train_steps
    data       load_mnist, load_named("fashion-mnist"), toy
    pretrained load_pretrained("mnist-learned"), load_fitted, save_model, load_model, start_from
    files      files written whole or not at all; arguments, smooth, checks: what is refused

`diffenc_lite.course` teaches it: ledger (the formulas, proved), worlds (exact answers), exercises,
show (plots and explorers), studies. On the command line: python -m diffenc_lite --help
"""

from . import bound, gaussian, pixels, process
from .bound import Bound, elbo
from .chain import Chain
from .data import load_mnist, load_named, toy
from .encoder import Encoder, IdentityEncoder, LearnedEncoder, ScalingEncoder
from .evaluation import Evaluation, evaluate, evenly_chosen
from .gaussian import best_ratio, best_scale, kl_ratio
from .model import DiffEnc, ModelConfig, build
from .networks import MLP, UNet, UNetConfig
from .pretrained import (
    load_fitted,
    load_model,
    load_pretrained,
    pretrained_names,
    read_card,
    save_model,
    start_from,
)
from .ratio import cheapest_path, edge_costs, fit
from .sampling import sample, sample_steps
from .schedule import (
    CosineSchedule,
    LearnedSchedule,
    LinearSchedule,
    Noise,
    Schedule,
    gamma_min_for,
)
from .training import Progress, TrainConfig, train, train_steps

__version__ = "0.2.0"
