"""Answers of notebook 00, derived a second time: by hand, in Python or as a figure."""

RIGHT = {
    "00.1": 0.726776,
    "00.2": "ad",
    "00.3": 1.84017,
}

WRONG = {"00.2": ["a", "acd", "abd", "bc"]}
