"""How fast the small nets train, sample and evaluate, beside what the arithmetic alone would take.

    make bench          or          python tests/benchmarks/bench_speed.py --device cuda

For each encoder: images a second in a training step (forward, backward, optimiser, average of the
weights), the peak memory of a process that does nothing else, the time of one sampling step, and
images a second in an evaluation. The floor of a training step is 3 x the FLOPs of its forward pass
(denoiser, and encoder where there is one) at the speed of a 3x3 convolution measured in the same
minute, in the number format the step uses; that of a sampling step is the denoiser's forward pass,
that of an evaluation the forward pass of both, in float32.
Compare ratios, not milliseconds: those differ from machine to machine.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import torch
from torch.utils.flop_counter import FlopCounterMode

from diffenc_lite import ModelConfig, TrainConfig, build, evaluate, sample_steps
from diffenc_lite.encoder import LearnedEncoder
from diffenc_lite.training import bf16_if_faster, keep_freed_memory, train_steps

BATCH, SAMPLES = 128, 64
ENCODERS = ("identity", "scaling", "learned")


def seconds(run: Callable[[], object], repeats: int) -> float:
    """The median over the repeats, after three that do not count."""
    times = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        run()
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def convolution_rate(device: str, dtype: torch.dtype) -> float:
    """FLOP a second of a 3x3 convolution of 64 channels at 14 x 14, forward."""
    x = torch.randn(BATCH, 64, 14, 14, dtype=dtype, device=device)
    weight = torch.randn(64, 64, 3, 3, dtype=dtype, device=device)
    with torch.no_grad():
        each = seconds(lambda: torch.nn.functional.conv2d(x, weight, padding=1), 20)
    return 2 * BATCH * 64 * 64 * 9 * 14 * 14 / each


def forward_flops(net: torch.nn.Module, device: str) -> int:
    """FLOPs of one call on a batch, counted by torch."""
    z, gamma = torch.randn(BATCH, 1, 28, 28, device=device), torch.zeros(BATCH, device=device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(z, gamma)
    return counter.get_total_flops()


def peak_gigabytes(device: str) -> float:
    """Of all tensors on CUDA; of this process on a CPU; MPS tells what it holds now."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 1e9
    if device == "mps":
        return torch.mps.driver_allocated_memory() / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1e9 if sys.platform == "darwin" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measure(encoder: str, device: str, repeats: int) -> dict[str, float]:
    """One row of the table, in a process of its own so that the memory is its own."""
    keep_freed_memory()
    model = build(ModelConfig(encoder, "small")).to(device)
    images = torch.randint(0, 256, (1000, 1, 28, 28), dtype=torch.uint8, device=device)
    training = train_steps(model, images, TrainConfig(10_000, batch=BATCH, log_every=1))
    step = seconds(partial(next, training), repeats)
    memory = peak_gigabytes(device)

    steps = sample_steps(model.eval(), SAMPLES, repeats + 10)
    with torch.no_grad():
        sampling = seconds(partial(next, steps), repeats)
    evaluation = seconds(partial(evaluate, model, images[:BATCH], batch=BATCH), repeats)
    in_float32 = convolution_rate(device, torch.float32)
    bf16 = bf16_if_faster(model) is not model
    rate = convolution_rate(device, torch.bfloat16) if bf16 else in_float32
    flops, encoding = forward_flops(model.denoiser, device), 0.0
    if isinstance(model.encoder, LearnedEncoder):
        encoding = forward_flops(model.encoder.network, device) / in_float32
    return {
        "step": step, "step_floors": step / (3 * (flops / rate + encoding)), "memory": memory,
        "sampling": sampling, "sampling_floors": sampling / (flops * SAMPLES / BATCH / in_float32),
        "evaluation": evaluation, "evaluation_floors": evaluation / (flops / in_float32 + encoding),
    }  # fmt: skip


def main() -> None:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--device", default="cpu", help="cuda, mps or cpu")
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    print(f"torch {torch.__version__} on {args.device}, {torch.get_num_threads()} threads")
    print("         training, images/s               peak     sampling          evaluation,")
    print("encoder            x VDM step  x floor      GB  step, ms x floor  images/s x floor")
    first = None
    for encoder in ENCODERS:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            row = process.submit(measure, encoder, args.device, args.repeats).result()
        step, first = row["step"], first or row["step"]
        print(
            f"{encoder:9} {BATCH / step:8.0f} {step / first:11.2f} {row['step_floors']:8.2f} "
            f"{row['memory']:7.2f} {1000 * row['sampling']:9.1f} {row['sampling_floors']:7.2f} "
            f"{BATCH / row['evaluation']:9.0f} {row['evaluation_floors']:7.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
