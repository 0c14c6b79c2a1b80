"""What tests share: a small smooth network, and models made of it."""

import functools
import socket
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from draws import F64
from hypothesis import HealthCheck, settings
from torch import Tensor, nn

from diffenc_lite import DiffEnc, LearnedSchedule, LinearSchedule, files
from diffenc_lite.encoder import ENCODERS
from diffenc_lite.model import ModelConfig
from diffenc_lite.schedule import end_points

# No test is about time; the same examples in every run.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


class SmallNet(nn.Module):
    """One tanh layer on (z, gamma as a fraction): smooth, of any shape, and far from zero."""

    def __init__(self, dims: int, schedule: LinearSchedule, hidden: int = 6):
        super().__init__()
        self.first = nn.Linear(dims + 1, hidden)
        self.last = nn.Linear(hidden, dims)
        self.schedule = (schedule,)  # not a part of this network

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        low, high = end_points(self.schedule[0], gamma)
        g = (gamma - low) / (high - low)
        h = torch.cat([z.flatten(1), 2 * g[:, None]], 1)
        return self.last(torch.tanh(2 * self.first(h))).reshape(z.shape)


@pytest.fixture(scope="session")
def small_model():
    """small_model(kind, shape, dtype, learned_schedule, levels, seed) -> DiffEnc of SmallNets."""

    def make(kind="identity", shape=(2,), dtype=F64, learned_schedule=False, levels=256, seed=0):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            schedule = LearnedSchedule() if learned_schedule else LinearSchedule()
            dims = int(torch.Size(shape).numel())
            config = ModelConfig(kind, shape=shape, levels=levels)
            encoder = ENCODERS[kind](lambda: SmallNet(dims, schedule), config)
            for weight in getattr(encoder, "parameters", tuple)():
                if not weight.any():  # or what it multiplies would not matter
                    nn.init.constant_(weight, 0.5)
            model = DiffEnc(SmallNet(dims, schedule), encoder, schedule, levels, shape)
        return model.to(dtype)

    return make


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20310789)


@pytest.fixture
def normal(generator):
    """normal(*shape) -> reproducible standard normal numbers in float64."""
    return lambda *shape: torch.randn(shape, dtype=F64, generator=generator)


@pytest.fixture
def tmp_path(tmp_path) -> Path:
    """With a backslash in it, as on Windows: a path is no regular expression (`re.escape`)."""
    (path := tmp_path / "U\\Users").mkdir(parents=True)
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache that does not exist yet."""
    monkeypatch.setenv("DIFFENC_LITE_DATA", str(tmp_path / "deep" / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "deep" / "cache"


@pytest.fixture
def web(tmp_path_factory):
    """A server on this machine: its address, the folder that it serves, what it was asked for."""

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_: object) -> None:
            server.asked.append(self.path)

    folder = tmp_path_factory.mktemp("web")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    server.url, server.folder, server.asked = f"http://127.0.0.1:{server.server_port}/", folder, []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent(monkeypatch):
    """The address of a server that takes calls and never answers, to those who wait; it hangs up on
    others in the end."""
    monkeypatch.setattr(files, "TIMEOUT", 0.3)
    before = socket.getdefaulttimeout()
    with socket.create_server(("127.0.0.1", 0)) as server:
        hang_up = threading.Timer(10.0, server.shutdown, [socket.SHUT_RDWR])
        hang_up.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        hang_up.cancel()
    socket.setdefaulttimeout(before)


@pytest.fixture
def pictures(generator):
    """images, noise, noise_0 for 3 points in the plane."""
    images = torch.randint(0, 256, (3, 2), generator=generator).to(torch.uint8)
    draw = [torch.randn(3, 2, generator=generator, dtype=F64) for _ in range(2)]
    return images, *draw
