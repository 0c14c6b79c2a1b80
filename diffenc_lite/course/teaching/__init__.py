"""For lecturers: sample solutions of the three assignments of the guide, and a Containerfile.

    python -m diffenc_lite guide OUT        copies them, with the guide

Each solution is a script that runs from top to bottom and prints what it found.
"""
