"""Exact simulation and training of RC-Spike circuits."""
from rcspike import _core
from rcspike.circuit import Circuit
from rcspike.functional import encode
