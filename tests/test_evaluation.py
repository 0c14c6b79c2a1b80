"""The bound on a set of images is a mean, and its standard error is how much such means spread."""

import math

import pytest
import torch
from draws import F64, POINTS, seeded

from diffenc_lite import Chain, DiffEnc, elbo
from diffenc_lite.course.worlds import Exact, Gaussian, PlusMinus
from diffenc_lite.evaluation import Evaluation, evaluate, evenly_chosen, standard_error


@pytest.mark.parametrize("options", [{}, {"every_step": True}])
def test_evaluation_is_the_mean_of_the_bound(options, small_model):
    model, chain, draws = small_model("learned").train(), Chain.equal(7, 0.8), seeded(2)
    settings = {"passes": 3, "batch": 40, **options}
    result = evaluate(model, POINTS[:90], chain, generator=seeded(2), **settings)
    terms, uniform = torch.zeros(3, 3, 90, dtype=F64), torch.zeros(3, 90, dtype=F64)
    for i in range(3):
        bounds = [elbo(model, b, chain, generator=draws, **options) for b in POINTS[:90].split(40)]
        for row, name in zip(terms[i], ("prior", "reconstruction", "diffusion"), strict=True):
            row[:] = torch.cat([getattr(bound, name).detach() for bound in bounds]) / math.log(4)
        if not options:
            uniform[i] = torch.cat([bound.depth_draws for bound in bounds])
    assert result.n == 90 and model.training
    assert result.total == pytest.approx(terms.sum(1).mean().item())
    means = [result.prior, result.reconstruction, result.diffusion]
    assert terms.mean((0, 2)).tolist() == pytest.approx(means)
    steps = 1 if options else 7
    expected = standard_error(terms, uniform, 40, torch.arange(90), steps)
    assert result.standard_error == pytest.approx(expected)
    if options:  # there is no depth that could be told apart
        error = terms.sum(1).mean(0).std().item() / math.sqrt(90)
        assert result.standard_error == pytest.approx(error)


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("luck", ["depth", "image", "noise"])
def test_each_kind_of_luck_is_reported(luck, passes):
    """Depths drawn by no rule, so that batches are uneven; a loss u^2 of the depth u alone; one of
    the image alone, which all passes share; and one of the noise alone."""
    g, n = seeded(passes), 2000
    variance = {"depth": 4 / 45 / passes, "image": 1.0, "noise": 1 / passes}[luck] / n
    squares = []
    for _ in range(200):
        uniform, noise = torch.rand(2, passes, n, generator=g, dtype=F64)
        noise = (noise - 0.5) * 12**0.5
        loss = {"depth": uniform.square(), "image": noise[:1].expand(passes, n), "noise": noise}
        terms = torch.zeros(passes, 3, n, dtype=F64)
        terms[:, 0 if luck == "image" else 2] = loss[luck]
        squares.append(standard_error(terms, uniform, 100, torch.arange(n), None) ** 2)
    limit = 0.1 if luck == "depth" else 0.03 / passes
    assert sum(squares) / 200 == pytest.approx(variance, rel=limit)


COIN = Exact(PlusMinus(0.5), gamma_min=-8.0)
NARROW = Exact(Gaussian(0.01)).model()  # POINTS have four times the variance: rare ones cost much
NARROW.shape = (2,)


def flips(n: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(2, (n, 16), generator=generator).byte()


def points(n: int, generator: torch.Generator) -> torch.Tensor:
    return POINTS[torch.randint(len(POINTS), (n,), generator=generator)]


def spread(evaluations, truth=None) -> tuple[float, float]:
    """The errors reported over the spread of the totals, and how often an interval of 95 % holds
    the truth: where that is not known, the mean of them all."""
    totals = torch.tensor([result.total for result in evaluations])
    errors = torch.tensor([result.standard_error for result in evaluations])
    covered = (totals - (totals.mean() if truth is None else truth)).abs() < 1.96 * errors
    return (errors.square().mean().sqrt() / totals.std()).item(), covered.double().mean().item()


@pytest.mark.parametrize("draw, steps, options", [
    (flips, None, {}), (flips, 4, {}), (flips, 100, {"batch": 40}), (points, None, {"passes": 2}),
])  # fmt: skip
def test_errors_of_a_known_bound(draw, steps, options):
    """200 evaluations, each of 400 new images with new draws."""
    model, truth, g = NARROW, None, seeded(1)
    if draw is flips:
        model, truth = COIN.model(levels=2), COIN.total(steps) / math.log(2)
        model.shape = (16,)
    found = [evaluate(model, draw(400, g), steps, generator=g, **options) for _ in range(200)]
    ratio, coverage = spread(found, truth)
    assert 0.8 < ratio < 1.2
    assert 0.92 <= coverage <= 0.98


def test_errors_over_clusters():
    """300 images that are 30, ten times each: not 300 independent ones."""
    g, clusters = seeded(), torch.arange(300) // 10
    drawn = [points(30, g)[clusters] for _ in range(200)]
    found = [evaluate(NARROW, images, clusters=clusters, generator=g) for images in drawn]
    apart = [evaluate(NARROW, images, generator=g) for images in drawn]
    assert 0.8 < spread(found)[0] < 1.2
    assert spread(apart)[0] < 0.7


def test_the_order_of_clusters_does_not_matter():
    """Neighbours in a batch have neighbouring depths: no cluster may have a range of its own."""
    clusters, order = torch.arange(200) // 50, torch.randperm(200, generator=seeded())
    images = points(200, seeded())
    errors = [
        evaluate(NARROW, images[rows], clusters=clusters[rows], generator=seeded(1)).standard_error
        for rows in (torch.arange(200), order)
    ]
    assert 0.5 < errors[0] / errors[1] < 2


def test_evenly():
    images = torch.arange(10)
    assert evenly_chosen(images, 4).tolist() == [0, 2, 5, 7]
    for n in (10, 99):
        assert evenly_chosen(images, n).tolist() == list(range(10))


def test_a_bound_that_is_no_better_than_no_model_says_so():
    """A dimension costs log2(levels) without one."""
    for levels, total, worse in ((17, 4.08, False), (17, 4.09, True), (256, 7.99, False)):
        told = str(Evaluation(0.0, 0.0, total, total, 0.1, 50, levels))
        assert told.startswith(f"{total:.4f} +- 0.1000 bits/dim on 50 examples (prior 0.0000")
        assert ("no better than no model, 4.0875" in told) == ("no model" in told) == worse
    model = DiffEnc(Exact(Gaussian(1.0)).model().denoiser, levels=64, shape=(2,))
    assert "no better than no model, 6.0000" in str(evaluate(model, POINTS // 4))
