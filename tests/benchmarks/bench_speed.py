"""How fast the small nets train and sample here, beside what the arithmetic alone would take.

    make bench          or          python tests/benchmarks/bench_speed.py
    python tests/benchmarks/bench_speed.py --profile learned    # where the time of an update goes

For each encoder: images a second in a training step (forward, backward, optimiser, average of the
weights), the peak memory of a process that does nothing else, and the time of one sampling step.
The floor of a step is 3 x the FLOPs of its forward pass (denoiser, and encoder where there is one)
at the speed of a 3x3 convolution measured in the same minute, in the number format the step uses.
Compare ratios, not milliseconds: those differ from machine to machine. What this kind of machine
gave before stands in bench_speed.json; `--keep` writes the lines of today there.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from diffenc_lite import DiffEnc, ModelConfig, TrainConfig, build, sample_steps
from diffenc_lite.encoder import LearnedEncoder
from diffenc_lite.files import write_whole
from diffenc_lite.model import ENCODERS
from diffenc_lite.training import cpu_has_bf16, train_steps

BATCH, SAMPLES = 128, 64
KEPT = Path(__file__).with_suffix(".json")


def kind_of_machine() -> str:
    """What the speed depends on most: the processor's family, its bf16 and the threads."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    formats = [name for name in ("amx_bf16", "avx512_bf16") if capabilities.get(name)]
    fastest = formats[0] if formats else "no bf16"
    return f"{platform.machine()}, {fastest}, {torch.get_num_threads()} threads"


def seconds(run: Callable[[], object], repeats: int) -> float:
    """The median over the repeats, after two that do not count."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def convolution_rate(dtype: torch.dtype) -> float:
    """FLOP a second of a 3x3 convolution of 64 channels at 14 x 14, forward."""
    x, weight = torch.randn(BATCH, 64, 14, 14, dtype=dtype), torch.randn(64, 64, 3, 3, dtype=dtype)
    with torch.no_grad():
        each = seconds(lambda: torch.nn.functional.conv2d(x, weight, padding=1), 20)
    return 2 * BATCH * 64 * 64 * 9 * 14 * 14 / each


def forward_flops(net: torch.nn.Module, n: int) -> int:
    """FLOPs of one call on n images, counted by torch."""
    z, gamma = torch.randn(n, 1, 28, 28), torch.zeros(n)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(z, gamma)
    return counter.get_total_flops()


def peak_gigabytes() -> float | None:
    """Of this process so far, where the system tells."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1e9 if sys.platform == "darwin" else 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def one_update(encoder: str, size: str) -> tuple[DiffEnc, Callable[[], object]]:
    """A new model, and what makes one update of it."""
    model = build(ModelConfig(encoder, size))
    images = torch.randint(0, 256, (1000, 1, 28, 28), dtype=torch.uint8)
    config = TrainConfig(10_000, batch=BATCH, log_every=1)
    return model, partial(next, train_steps(model, images, config))


def print_profile(encoder: str, size: str) -> None:
    """The operations that take most of five updates."""
    _, update = one_update(encoder, size)
    seconds(update, 1)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(5):
            update()
    operations = profiler.key_averages()
    print(operations.table(sort_by="self_cpu_time_total", row_limit=20, max_name_column_width=45))


def measure(encoder: str, size: str, repeats: int) -> dict[str, float | None]:
    """One row of the table, in a process of its own so that the memory is its own."""
    bf16 = cpu_has_bf16()
    model, update = one_update(encoder, size)
    step = seconds(update, repeats)
    memory = peak_gigabytes()

    def one_sampling_step() -> None:
        with torch.no_grad():
            next(steps)

    model.eval()
    steps = sample_steps(model, SAMPLES, repeats + 10)
    sampling = seconds(one_sampling_step, repeats)
    in_float32 = convolution_rate(torch.float32)
    rate = convolution_rate(torch.bfloat16) if bf16 else in_float32
    floor = 3 * forward_flops(model.denoiser, BATCH) / rate
    if isinstance(model.encoder, LearnedEncoder):
        floor += 3 * forward_flops(model.encoder.network, BATCH) / in_float32
    return {
        "images_per_second": BATCH / step,
        "step": step,
        "over_floor": step / floor,
        "memory": memory,
        "sampling": sampling,
        "sampling_over_floor": sampling / (forward_flops(model.denoiser, SAMPLES) / in_float32),
    }


def main() -> None:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--size", default="small")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--encoder", choices=ENCODERS, help="this one only, as JSON")
    parser.add_argument("--profile", choices=ENCODERS, help="the operations of its update instead")
    parser.add_argument("--keep", action="store_true", help="as the lines of this kind of machine")
    args = parser.parse_args()
    if args.encoder:
        print(json.dumps(measure(args.encoder, args.size, args.repeats)))
        return
    if args.profile:
        print_profile(args.profile, args.size)
        return
    machine = f"{kind_of_machine()}, {args.size} nets"
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    print(f"torch {torch.__version__}; {machine}; batch {BATCH} in training, {SAMPLES} in sampling")
    columns = "encoder   images/s  x VDM step  x floor    before   peak GB"
    print(columns, " ms/sampling step  x floor    before")
    rows: dict[str, dict[str, float | None]] = {}
    for encoder in ENCODERS:
        command = [sys.executable, __file__, "--encoder", encoder, "--size", args.size]
        command += ["--repeats", str(args.repeats)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = rows[encoder] = json.loads(done.stdout)
        before = kept.get(machine, {}).get(encoder, {})
        print(
            f"{encoder:9} {row['images_per_second']:8.0f} "
            f"{row['step'] / rows[ENCODERS[0]]['step']:11.2f} "
            f"{row['over_floor']:8.2f} {shown(before.get('over_floor')):>9} "
            f"{shown(row['memory']):>9} {1000 * row['sampling']:17.1f} "
            f"{row['sampling_over_floor']:8.2f} {shown(before.get('sampling_over_floor')):>9}",
            flush=True,
        )
    if args.keep:
        kept[machine] = rows
        write_whole(KEPT, json.dumps(kept, indent=1).encode())


if __name__ == "__main__":
    main()
