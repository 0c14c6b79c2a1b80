"""Pictures and points to learn from, as uint8 tensors that sit whole on the device."""

from .images import ImageSet, data_names, load_mnist, load_named
from .sets import cache_folder
from .toys import MIXTURE_MEANS, MIXTURE_STDS, MIXTURE_WEIGHTS, SWIRL_STD, swirl_mean, toy
