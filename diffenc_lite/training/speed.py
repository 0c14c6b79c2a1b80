"""What makes training faster: bf16, and memory that is kept.

Nothing is compiled: torch.compile (2.13, on a CPU) returned wrong gradients of this U-Net in bf16,
0 for much that lies below F.interpolate. With pixels repeated by a view they were right.
"""

import ctypes
import platform

import torch
from torch import Tensor, nn

from ..model import DiffEnc


class _Bf16(nn.Module):
    """A network in bf16 with its weights in float32."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        with torch.autocast(z.device.type, torch.bfloat16):
            return self.network(z, gamma).to(z.dtype)


def bf16_if_faster(model: DiffEnc, shape: tuple[int, ...] | None = None) -> DiffEnc:
    """The same model, the denoiser of images in bf16 if that is faster here. Args: shape of an
    example, where the model does not say."""
    images = len(model.shape or shape or ()) == 3 and model.dtype == torch.float32
    faster = images and has_bf16(model.device)
    return model.with_parts(denoiser=_Bf16(model.denoiser)) if faster else model


def has_bf16(device: torch.device) -> bool:
    """Whether the processor itself computes in bf16; emulated, as on older GPUs, it is slower."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    query = getattr(torch.cpu, "get_capabilities", dict)  # which an older torch does not have
    found: dict[str, bool] = query() if device.type == "cpu" else {}
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def keep_freed_memory() -> None:
    """Tell glibc's malloc, if that is there, to keep freed memory, for the whole process: else
    activations go back to the system and come again cleared page by page, a fifth to a third of an
    update of the small U-Net on a CPU. Peak memory is the same."""
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # of malloc.h
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_threshold, 32 * 2**20)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 64 * 2**20)
