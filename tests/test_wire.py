"""The wire between a judge and a notebook: data only, functions by number, garbage told as such."""

import json
import math
from decimal import Decimal

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

from diffenc_lite.course.exercises.expressions import Expression, NoValue, expression_of, read
from diffenc_lite.course.exercises.wire import Foreign, Garbage, Peer, Refused, Remote


def test_data_arrives_as_what_it_was(pair):
    values = [1, 2.5, "x", (True, ...), np.float32(2)]
    assert pair.call("same", values) == values
    others = [Decimal(4), mpmath.mpf(4), np.longdouble(4), np.array(4, ">i4"), range(4, 5), {"a"}]
    assert pair.call("same", others) == [4, 4, 4, 4, [4], {"a"}]
    assert math.isnan(pair.call("same", math.nan)) and pair.call("same", 10**400) == math.inf
    for dtype in (torch.float64, torch.float32, torch.int64, torch.bool):
        tensor = torch.arange(6).reshape(2, 3).to(dtype)
        arrived = pair.call("same", tensor)
        assert arrived.dtype == dtype and torch.equal(arrived, tensor)
    generator = torch.Generator().manual_seed(3)
    torch.rand(5, generator=generator)
    arrived = pair.call("same", generator)
    assert torch.equal(torch.rand(5, generator=arrived), torch.rand(5, generator=generator))


@pytest.mark.parametrize(
    "value", [{"a": 1}, 1j, torch.zeros(2, dtype=torch.cfloat), object(), math, sp.Function("g")(0)]
)
def test_anything_else_arrives_as_words(value):
    sent = json.loads(json.dumps(Peer(input, print).encode(value)))
    assert isinstance(Peer(input, print).decode(sent), Foreign)


def test_what_is_too_deep_or_too_large_is_refused():
    inner = []
    inner.append(inner)
    for value in (inner, torch.zeros(2 * 10**6, dtype=torch.float64)):
        with pytest.raises(Refused):
            Peer(input, print).encode(value)


@pytest.mark.parametrize(
    "value",
    [
        [1],
        {"list": 1},
        {"list": [], "tuple": []},
        {"array": ["object", [1], ""]},
        {"array": ["float64", [-1], ""]},
        {"expression": ["Symbol", 3]},
        {"expression": ["__import__", ["Symbol", "os"]]},
        {"expression": ["Add", *[["Symbol", "x"]] * 20_001]},
        {"function": "x"},
    ],
)
def test_garbage_is_no_value(value):
    with pytest.raises(Garbage):
        Peer(input, print).decode(value)


def test_lines_that_are_no_reply_change_nothing_and_are_told(pair):
    forged = ["garbage", "{}", "[]", '{"reply": 99, "value": 1}', '{"reply": 1}', "[" * 10**5]
    for line in forged:
        pair.forge(line)
    assert pair.call("same", 7) == 7
    assert len(pair.strays) == len(forged)


def test_a_call_of_what_is_not_there_is_told(pair):
    pair.forge('{"call": 5, "to": "answers", "with": []}')
    assert pair.call("same", 7) == 7 and len(pair.strays) == 1


def test_what_a_function_raises_arrives_by_name(pair):
    def refuse(error):
        raise error

    pair.other.functions |= {"type": lambda: refuse(TypeError("x")), "own": lambda: 1 / 0}
    with pytest.raises(TypeError, match="x"):
        pair.call("type")
    with pytest.raises(Exception, match="division") as told:
        pair.call("own")
    assert type(told.value).__name__ == "ZeroDivisionError"
    assert not isinstance(told.value, ZeroDivisionError)  # a name, made here


def cube(x):
    return x**3


@pytest.mark.parametrize(
    "derive, right",
    [
        (lambda f, x: f(x), cube),
        (lambda f, x: torch.func.jvp(f, (x,), (torch.ones_like(x),))[1], lambda x: 3 * x**2),
        (lambda f, x: torch.func.grad(lambda t: f(t).sum())(x), lambda x: 3 * x**2),
        (lambda f, x: torch.vmap(torch.func.grad(f))(x), lambda x: 3 * x**2),
        (
            lambda f, x: torch.autograd.grad(f(y := x.clone().requires_grad_()).sum(), y)[0],
            lambda x: 3 * x**2,
        ),
        (
            lambda f, x: torch.func.jvp(
                lambda t: torch.func.jvp(f, (t,), (torch.ones_like(t),))[1],
                (x,),
                (torch.ones_like(x),),
            )[1],
            lambda x: 6 * x,
        ),
    ],
    ids=["value", "jvp", "grad", "vmap", "autograd", "twice"],
)
def test_a_function_of_the_judge_can_be_differentiated_there(pair, derive, right):
    pair.other.functions["derive"] = derive
    x = torch.linspace(-1, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(pair.call("derive", cube, x), right(x))


def test_a_function_of_the_notebook_is_called_where_it_is(pair):
    seen = []
    pair.other.functions["get"] = lambda: lambda x: seen.append(type(x)) or x + 1
    answer = pair.call("get")
    assert isinstance(answer, Remote) and answer(2.0) == 3.0 and seen == [float]


# --- expressions ----------------------------------------------------------------------------------

x = sp.Symbol("x")


@pytest.mark.parametrize(
    "expression",
    [
        sp.sqrt(x) / 3 + sp.pi * x**-2,
        sp.exp(-x) * sp.tanh(x) - 1.25,
        sp.Max(x, 1) + sp.Abs(sp.log(x / 9)),
        sp.erf(x) + sp.atan2(x, 2),
        sp.Integral(sp.cos(x * sp.Symbol("s")), (sp.Symbol("s"), 0, 1)),
    ],
)
def test_an_expression_has_its_value(expression):
    tree = read(json.loads(json.dumps(expression_of(expression).tree)))
    for value in (0.3, 1.7):
        exact = expression.doit().subs(x, sp.Float(value, 60)).evalf(40)
        assert abs(tree.value({"x": value}) - exact) < 1e-30


@pytest.mark.parametrize(
    "expression", [sp.log(-x), sp.zoo * x, sp.oo + x, sp.exp(sp.exp(sp.exp(9 + x))), sp.I * x]
)
def test_where_there_is_no_finite_real_value_it_is_told(expression):
    with pytest.raises(NoValue):
        expression_of(expression).value({"x": 1.0})


def test_a_tower_that_would_fill_the_memory_is_told_at_once():
    tower = ["Number", "9", "1"]
    for _ in range(50):
        tower = ["Pow", ["Number", "9", "1"], tower]
    with pytest.raises(NoValue):
        Expression(tower).value({})
