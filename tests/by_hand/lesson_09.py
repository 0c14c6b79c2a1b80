"""Answers of notebook 09, derived a second time: by hand, in Python or as a figure."""

RIGHT = {
    "09.1": 0.004806,
    "09.2": 13.293286,
    "09.3": 6931.1,
}
