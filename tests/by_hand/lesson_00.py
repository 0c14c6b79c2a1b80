"""Answers of notebook 00, derived a second time: by hand, in Python or as a figure."""

RIGHT = {
    "00.1": 1.84017,
    "00.2": 0.726776,
    "00.3": "ad",
}

WRONG = {"00.3": ["a", "acd", "abd", "bc"]}
