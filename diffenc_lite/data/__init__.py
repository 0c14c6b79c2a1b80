"""Pictures and points to learn from, as uint8 tensors that sit whole on the device."""

from .download import cache_folder
from .images import ImageSet, data_names, load_cifar10, load_mnist, load_named
from .toys import MIXTURE_MEANS, MIXTURE_STDS, MIXTURE_WEIGHTS, SWIRL_STD, swirl_mean, toy

__all__ = [
    "MIXTURE_MEANS",
    "MIXTURE_STDS",
    "MIXTURE_WEIGHTS",
    "SWIRL_STD",
    "ImageSet",
    "cache_folder",
    "data_names",
    "load_cifar10",
    "load_mnist",
    "load_named",
    "swirl_mean",
    "toy",
]
