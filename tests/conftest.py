"""Settings that every test shares, and the one data set that needs no file."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from rcspike import datasets
from rcspike.datasets import Dataset

# No deadline: a shared core may stall any example. In CI a change must not fail on an example that no one has seen.
settings.register_profile("rcspike", deadline=None, max_examples=40)
settings.register_profile("rcspike-ci", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("rcspike-ci" if os.environ.get("CI") else "rcspike")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return datasets.load("digits")
