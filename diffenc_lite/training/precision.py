"""bf16 and compiled code, where they make training faster."""

from __future__ import annotations

import importlib.util

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


def fast(model: DiffEnc) -> DiffEnc:
    """The same model, its denoiser in bf16 if that is faster here, and compiled on CUDA."""
    cuda = model.device.type == "cuda"
    compiler = importlib.util.find_spec("triton")  # not in PyTorch for Windows
    images = model.shape is not None and len(model.shape) == 3 and model.dtype == torch.float32
    if not (cuda or (images and model.device.type == "cpu" and cpu_has_bf16())):
        return model
    denoiser = _Bf16(model.denoiser)
    if cuda and compiler:
        denoiser.compile()
    return DiffEnc(denoiser, model.encoder, model.schedule, model.levels, model.shape)


def cpu_has_bf16() -> bool:
    query = getattr(torch.cpu, "get_capabilities", None)  # which an older torch does not have
    capabilities = query() if query else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
