"""The loop of training: draw, loss, update of the weights; run.py has what stands round it.

last = train(model, images, TrainConfig(2000), held_out=test_images)    # last.model, averaged
for progress in train_steps(model, images, TrainConfig(2000)):          # or step by step
    print(progress)                                # progress.model is the averaged model so far
"""

from collections.abc import Generator
from contextlib import closing

import torch
from torch import Tensor

from .. import bound, pixels
from ..files import PathLike
from ..model import DiffEnc
from .config import TrainConfig
from .draws import draw_batch, seeded_dropout
from .run import Progress, Run, interrupts_held_back


def train(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
) -> Progress:
    """Minimise L0 + L1 + L4, or L3 with `config.loss_steps`, with a progress bar; the last Progress

    Args:
        model: its weights are trained in place, on its device; `progress.model` is the average.
        images: uint8 (N, ...), from which batches are drawn with replacement.
        folder: for resume.pt and metrics.jsonl (see folder.py). A run that was interrupted, or
            killed, goes on there by the same call: on a CPU to the same weights, bit by bit.
        held_out: images to evaluate on; of these, `evaluate_images` evenly chosen ones.

    An interrupt waits for the end of the update, and of an evaluation that is due then, saves and
    leaves with KeyboardInterrupt. If torch.distributed is initialised, each process takes its part
    of a batch. To train a finished model further, start a new run with its weights (`start_from`).
    Raises ValueError for settings that do not fit the model, the images or the run in the folder,
    for parts that `check_parts` refuses, and where a gamma has ceased to increase; before it
    touches the weights, FloatingPointError if loss or gradient is not finite; OSError.
    """
    with closing(train_steps(model, images, config, folder, held_out, bar=True)) as reports:
        *_, last = reports
    return last


def train_steps(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
    bar: bool = False,
    clusters: Tensor | None = None,
) -> Generator[Progress, None, None]:
    """`train` from inside: yields a Progress every `log_every` updates and at the end

    Args: bar, whether to show a progress bar, in a notebook as a widget; clusters, of held_out, as
        in `evaluate`; the others as in `train`.
    Leaving the loop early saves, if there is a folder; a generator with a name, once it is closed.
    """
    run = Run(model, images, config, folder, held_out, bar, clusters)
    state, images, fast_model = run.state, run.images, run.fast_model
    if run.finished:  # before: its last Progress again
        yield run.report()
    try:
        while not run.finished:
            with interrupts_held_back(), seeded_dropout(model.device, config, state.update):
                index, draws, eps, eps_0 = draw_batch(model, images, config, state.update)
                losses = bound.bound_at(fast_model, images[index], draws, eps, eps_0, run.chain)
                terms = [losses.prior.mean(), losses.reconstruction.mean(), losses.diffusion.mean()]
                bits = state.descend(pixels.bits_per_dim(torch.stack(terms), losses.dims))
                progress = run.after_update(bits)
            if progress is not None:
                yield progress
                run.restart_clock()  # what the caller did between two updates is not training
    except (KeyboardInterrupt, GeneratorExit):
        run.save()
        raise
    finally:
        run.bar.close()
