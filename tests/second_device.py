"""A second device for tests on a machine without one: "meta", but with values.

Inside `SecondDevice()` tensors that are moved to "meta" keep their values on the CPU. What CUDA
refuses is refused: an operation on tensors of both devices (unless the one on the CPU is a single
number), a draw on the device from a generator of the CPU, `numpy()` without `cpu()`.

    with SecondDevice():
        evaluate(moved(model), images)
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class OnSecond(Tensor):
    """A tensor that says it is on "meta"; `kept` has its values."""

    kept: Tensor

    def __new__(cls, kept: Tensor) -> "OnSecond":
        made = torch.Tensor._make_wrapper_subclass(
            cls, kept.shape, kept.stride(), kept.storage_offset(), dtype=kept.dtype, device="meta"
        )
        made.kept = kept
        return made

    def tolist(self) -> Any:  # refused for a subclass; it works on CUDA
        return self.kept.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def __enter__(self) -> "SecondDevice":
        self.creation = _Creation()
        self.creation.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.creation.__exit__(*error)


class _Creation(TorchFunctionMode):
    """Python numbers become tensors on the CPU first: on "meta" they would have no values."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and not isinstance(args[0], Tensor):
            return func(*args, **{**kwargs, "device": "cpu"}).to(kwargs.get("device") or "cpu")
        return func(*args, **kwargs)


def moved(model: nn.Module) -> nn.Module:
    """The model itself, its parameters and buffers on the second device."""
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(OnSecond(parameter.detach()), False)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = OnSecond(buffer)
    return model


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    second = [tensor for tensor in tensors if isinstance(tensor, OnSecond)]
    on_cpu = [tensor for tensor in tensors if not isinstance(tensor, OnSecond)]
    if second and any(tensor.dim() for tensor in on_cpu) and func not in MOVES:
        raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    device = kwargs.get("device")
    to_second = bool(second) if device is None else torch.device(device).type == "meta"
    if to_second and any(isinstance(leaf, torch.Generator) for leaf in tree_leaves(kwargs)):
        raise RuntimeError(f"{func}: expected a generator of the second device; got one of the CPU")
    if device is not None:
        kwargs = {**kwargs, "device": "cpu"}
    args, kwargs = tree_map(lambda a: a.kept if isinstance(a, OnSecond) else a, (args, kwargs))
    result = func(*args, **kwargs)
    if func._schema.is_mutable and tensors and result is tree_leaves(args)[0]:
        return tensors[0]
    return tree_map(lambda a: OnSecond(a) if isinstance(a, Tensor) and to_second else a, result)
