"""What goes between a judge and the process of a student's notebook: lines of JSON, data only.

Nothing is pickled. Numbers, texts, lists, arrays, tensors, generators and SymPy expressions travel
as what they are; anything else arrives as a `Foreign` that only says what it was. A function
travels as a number: the other side gets a `Remote`, and a call of it runs where the function lives.

    {"call": 3, "to": 7, "with": [...]}       run your function 7 on these
    {"reply": 3, "value": ...}                what it returned
    {"reply": 3, "raised": [NAME, TEXT]}      what it raised
"""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import expressions

LONGEST = 16 * 10**6  # letters of a line
DEEPEST = 20  # lists in lists
TEXT = 300  # letters of what was raised
KINDS = {"bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"}


class Garbage(ValueError):
    """Not what this side could have been sent."""


class Refused(ValueError):
    """A value that is too large or too deep to travel."""


@dataclass(frozen=True)
class Foreign:
    """A value that does not travel; what it is, in words."""

    described: str


class Peer:
    """One end of the wire. read: the next line, without waiting for ever. write: sends a line.

    roots: functions that the other side may call by name. stray: told of lines that are no
    message, which change nothing. run: calls a function that the other side asked for.
    """

    def __init__(
        self,
        read: Callable[[], str],
        write: Callable[[str], None],
        roots: dict[str, Callable[..., Any]] | None = None,
        stray: Callable[[str], None] = lambda line: None,
        run: Callable[..., Any] = lambda function, *arguments: function(*arguments),
    ) -> None:
        self.functions: dict[Any, Callable[..., Any]] = dict(roots or {})
        self.read, self.write, self.stray, self.run = read, write, stray, run
        self.calls = 0
        self.lock = threading.Lock()

    def call(self, to: Any, *arguments: Any) -> Any:
        """What the other side's function returns. Raises what it raised, by its name."""
        with self.lock:
            self.calls += 1
            number = self.calls
            self._send({"call": number, "to": to, "with": [self.encode(a) for a in arguments]})
            while True:
                line = self._line()
                try:
                    message = _message(line)
                    if message.get("reply") == number:
                        if "raised" in message:
                            name, text = (str(word)[:TEXT] for word in message["raised"])
                            break
                        return self.decode(message["value"])
                except (ValueError, KeyError, TypeError, RecursionError):
                    self.stray(line)
                    continue
                if "call" in message:
                    self._answer(message)
                else:
                    self.stray(line)
        raise _raised(name, text)

    def serve(self) -> None:
        """Answer calls until the other side is gone."""
        while line := self._line():
            message = _message(line)
            if "call" in message:
                self._answer(message)

    def _line(self) -> str:
        return next((line for line in iter(self.read, "") if line != "\n"), "")

    def _answer(self, message: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"reply": message["call"]}
        try:
            function = self._function(message["to"])
        except (LookupError, TypeError):
            self.stray(str(message)[:TEXT])
            function = _nothing
        try:
            arguments = [self.decode(argument) for argument in message["with"]]
            self._send(reply | {"value": self.encode(self.run(function, *arguments))})
        except (Exception, SystemExit) as error:
            self._send(reply | {"raised": [type(error).__name__, str(error)[:TEXT]]})

    def _function(self, to: Any) -> Callable[..., Any]:
        """The function of this handle, or the derivative that is asked for: [handle, "jvp", ...]"""
        if not isinstance(to, list):
            return self.functions[to]
        function = self.functions[to[0]]
        for kind in to[1:5]:
            function = DERIVATIVES[kind](function)
        return function

    def _send(self, message: dict[str, Any]) -> None:
        self.write(f"\n{json.dumps(message)}\n")  # a line of its own, whatever else was written

    # --- values -----------------------------------------------------------------------------------

    def encode(self, value: Any, depth: int = 0) -> Any:
        if depth > DEEPEST:
            raise Refused("lists in lists, too deep")
        if value is None or value is ...:
            return None
        if type(value) is int and abs(value) >= 2**63:
            return _as_float(value)
        if type(value) in (bool, float, int) or isinstance(value, str):
            return value
        if isinstance(value, list | tuple | range | set):
            kind = {tuple: "tuple", set: "set"}.get(type(value), "list")
            return {kind: [self.encode(item, depth + 1) for item in value]}
        if isinstance(value, torch.Generator):
            return {"generator": _packed(value.get_state().numpy())}
        if isinstance(value, Tensor) and value.layout == torch.strided and not value.is_complex():
            value = value.detach().cpu()
            return {"tensor": _packed((value.float() if value.itemsize == 2 else value).numpy())}
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf":
            return {"array": _packed(np.asarray(value))}
        if isinstance(value, Remote):
            return {"back": value.to}
        if hasattr(value, "tolist") and not callable(value) and not isinstance(value, Tensor):
            return self.encode(value.tolist(), depth + 1)  # of SymPy, or objects of numpy
        try:
            if expression := expressions.expression_of(value):
                return {"expression": expression.tree}
        except expressions.Unknown as why:
            return {"foreign": f"a SymPy expression; {why}"[:200]}
        if callable(value):
            handle = len(self.functions)
            self.functions[handle] = value
            return {"function": handle}
        from .comparing import as_number, describe

        number = as_number(value)  # of any other library
        return {"foreign": describe(value)[:200]} if number is None else number

    def decode(self, value: Any, depth: int = 0) -> Any:
        """Raises Garbage."""
        if depth > DEEPEST:
            raise Garbage("too deep")
        if value is None:
            return ...
        if isinstance(value, bool | int | float | str):
            return value
        if not isinstance(value, dict) or len(value) != 1:
            raise Garbage("no value")
        ((kind, content),) = value.items()
        match kind, content:
            case "list", list():
                return [self.decode(item, depth + 1) for item in content]
            case "set", list():  # of letters
                return set(map(str, content))
            case "tuple", list():
                return tuple(self.decode(item, depth + 1) for item in content)
            case "array", _:
                return _unpacked(content)
            case "tensor", _:
                return torch.from_numpy(_unpacked(content))
            case "generator", _:
                generator = torch.Generator()
                return generator.set_state(torch.from_numpy(_unpacked(content)))
            case "expression", _:
                try:
                    return expressions.read(content)
                except ValueError as error:
                    raise Garbage(str(error)) from None
            case "function", int():
                return Remote(self, content)
            case "back", int():
                return self.functions[content]
            case "foreign", str():
                return Foreign(content[:200])
        raise Garbage("no value")


def _nothing(*arguments: Any) -> Any:
    raise NameError("no such function")


def _message(line: str) -> dict[str, Any]:
    message = json.loads(line)
    if not isinstance(message, dict):
        raise Garbage("no message")
    return message


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _packed(array: Any) -> list[Any]:
    kind = array.dtype.name if array.dtype.name in KINDS else "float64"
    array = np.asarray(array, kind)  # in the byte order of this machine
    if array.nbytes > LONGEST / 2:
        raise Refused("an array of more than 8 MB")
    return [kind, list(array.shape), base64.b64encode(array.tobytes()).decode("ascii")]


def _unpacked(content: Any) -> Any:
    match content:
        case [str(kind), list(shape), str(data)] if kind in KINDS and len(shape) <= DEEPEST:
            if all(isinstance(n, int) and n >= 0 for n in shape):
                return np.frombuffer(base64.b64decode(data), kind).reshape(shape).copy()
    raise Garbage("no array")


def _raised(name: str, text: str) -> Exception:
    """An exception of this name, made here: of the other side only words arrive."""
    known = {"TypeError": TypeError, "AttributeError": AttributeError,
             "NotImplementedError": NotImplementedError}  # fmt: skip
    if name in known:
        return known[name](text)
    return type(name[:60] if name.isidentifier() else "Exception", (Exception,), {})(text)


# --- functions of the other side ------------------------------------------------------------------


class Remote:
    """A function that lives on the other side of the wire. Of tensors it can be differentiated."""

    def __init__(self, peer: Peer, to: Any) -> None:
        self.peer, self.to = peer, to

    def __call__(self, *arguments: Any) -> Any:
        if arguments and all(isinstance(a, Tensor) and a.is_floating_point() for a in arguments):
            return _Call.apply(self, *arguments)
        return self.peer.call(self.to, *arguments)

    def derivative(self, kind: str) -> Remote:
        path = self.to if isinstance(self.to, list) else [self.to]
        return Remote(self.peer, [*path, kind])


def _jvp(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *a: torch.func.jvp(function, a[: len(a) // 2], a[len(a) // 2 :])[1]


def _vjp(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *a: torch.func.vjp(function, *a[:-1])[1](a[-1])


DERIVATIVES = {"jvp": _jvp, "vjp": _vjp}


class _Call(torch.autograd.Function):
    """(remote, *tensors) -> a tensor, with its derivatives in both directions and under vmap."""

    @staticmethod
    def forward(remote: Remote, *tensors: Any) -> Any:
        return remote.peer.call(remote.to, *tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.remote, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def jvp(ctx: Any, _: None, *directions: Any) -> Any:
        tensors = ctx.saved_tensors
        pairs = zip(tensors, directions, strict=True)
        full = [torch.zeros_like(t) if d is None else d for t, d in pairs]
        return _Call.apply(ctx.remote.derivative("jvp"), *tensors, *full)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        products = _Call.apply(ctx.remote.derivative("vjp"), *ctx.saved_tensors, *gradients)
        return None, *(products if isinstance(products, tuple) else (products,))

    @staticmethod
    def vmap(info: Any, in_dims: Any, remote: Remote, *tensors: Any) -> Any:
        rows = [
            [t if d is None else t.select(d, i) for t, d in zip(tensors, in_dims[1:], strict=True)]
            for i in range(info.batch_size)
        ]
        outputs = [_Call.apply(remote, *row) for row in rows]
        if isinstance(outputs[0], tuple):
            columns = zip(*outputs, strict=True)
            return tuple(map(torch.stack, columns)), (0,) * len(outputs[0])
        return torch.stack(outputs), 0
