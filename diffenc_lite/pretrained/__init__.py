"""Models that come with the package, and models of your own on disk, each with its card."""

from .checkpoint import (
    FITTED,
    load_fitted,
    load_model,
    load_pretrained,
    pretrained_names,
    read_card,
    read_metrics,
    save_model,
    start_from,
)
