"""Pictures and points to learn from, as uint8 tensors that sit whole on the device."""

from .images import ImageSet, cache_folder, data_names, load_mnist, load_named
from .toys import MIXTURE_MEANS, MIXTURE_STDS, MIXTURE_WEIGHTS, SWIRL_STD, swirl_mean, toy
