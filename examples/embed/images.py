"""Write the test images of the digits as CSV, one a line: its label, then its intensities."""

import sys

import numpy as np

from rcspike import datasets

split = datasets.load("digits").test
rows = np.column_stack([split.labels, split.images.reshape(len(split.images), -1)])
np.savetxt(sys.argv[1], rows, fmt="%.9g", delimiter=",")  # nine digits distinguish all float32 numbers
