# distutils: language = c++
# cython: language_level=3
"""Every function of rcspike.core, called from Cython on memoryviews without the GIL."""

import numpy as np

cimport cython
from libcpp.vector cimport vector
from rcspike cimport core

ctypedef fused Real:
    float
    double

ctypedef vector[core.Span2[const float]] Noise


cdef core.Span2[Real] span(Real[:, ::1] a) noexcept:
    cdef core.Span2[Real] s
    s.data = &a[0, 0] if a.size else NULL
    s.rows, s.cols = a.shape[0], a.shape[1]
    return s


cdef core.Span2[const Real] const_span(Real[:, ::1] a) noexcept:
    cdef core.Span2[const Real] s
    s.data = &a[0, 0] if a.size else NULL
    s.rows, s.cols = a.shape[0], a.shape[1]
    return s


def layer(double[:, ::1] times, double[:, ::1] weights, double v_syn, double[:, ::1] grad):
    """v, its trace at t = 0.5, spike times, and what a gradient of the spike times is of times and weights."""
    cdef core.Circuit circuit
    circuit.e_plus, circuit.e_minus = v_syn, -v_syn
    core.validate(circuit)
    cdef core.Threads threads = core.Threads.all()
    cdef core.Schedule[double] schedule = core.Schedule[double](const_span(times), threads)
    cdef double[:, ::1] v = np.empty((times.shape[0], weights.shape[1]))
    cdef double[:, ::1] half = np.empty_like(v)
    cdef double[:, ::1] out = np.empty_like(v)
    cdef double[:, ::1] grad_v = np.empty_like(v)
    cdef double[:, ::1] grad_times = np.empty_like(times)
    cdef double[:, ::1] grad_weights = np.empty_like(weights)
    cdef double at = 0.5
    cdef core.Span1[const double] when
    when.data, when.size = &at, 1
    core.charge[double](schedule, const_span(weights), circuit, span(v), threads)
    core.trace[double](schedule, const_span(weights), circuit, when, span(half), threads)
    core.fire[double](const_span(v), circuit, span(out))
    core.fire_vjp[double](const_span(v), circuit, const_span(grad), span(grad_v))
    core.charge_vjp[double](
        schedule, const_span(weights), circuit, const_span(grad_v), span(grad_times), span(grad_weights), threads)
    return np.asarray(v), np.asarray(half), np.asarray(out), np.asarray(grad_times), np.asarray(grad_weights)


def affine(double[:, ::1] times, double[:, ::1] drive, double[:, ::1] conductance, double[:, ::1] grad_v):
    """v, and what a gradient of it is of times, drive and conductance."""
    cdef core.Threads threads = core.Threads.exactly(1)
    cdef core.Schedule[double] schedule
    schedule.assign(const_span(times), threads)
    cdef double[:, ::1] v = np.empty_like(grad_v)
    cdef double[:, ::1] grad_times = np.empty_like(times)
    cdef double[:, ::1] grad_drive = np.empty_like(drive)
    cdef double[:, ::1] grad_conductance = np.empty_like(drive)
    cdef core.AffineSynapses[double] synapses
    synapses.drive, synapses.conductance = const_span(drive), const_span(conductance)
    cdef core.AffineGradient[double] gradient
    gradient.drive, gradient.conductance = span(grad_drive), span(grad_conductance)
    core.charge_affine[double](schedule, synapses, span(v), threads)
    core.charge_affine_vjp[double](schedule, synapses, const_span(grad_v), span(grad_times), gradient, threads)
    return np.asarray(v), np.asarray(grad_times), np.asarray(grad_drive), np.asarray(grad_conductance)


def first_spikes(float[:, ::1] times):
    """How many inputs of the first sample spike, in how many instants, and which is the first."""
    cdef core.Schedule[float] schedule = core.Schedule[float](const_span(times), core.Threads.all())
    cdef core.Spikes[float] train = schedule[0]
    return train.n_spikes(), train.n_intervals, train.inputs[0]


def version():
    return core.build_config().version.decode()


@cython.cpp_locals(True)  # a Network is never empty, so Cython must keep space for one that is created later
cdef class Classifier:
    """A trained model. Without the GIL while it runs."""

    cdef core.Network[float] network

    def __init__(self, str path):
        self.network = core.Network[float].load(path.encode())

    def voltages(self, float[:, ::1] images, int threads):
        cdef float[:, ::1] times = np.empty_like(images)
        cdef float[:, ::1] v = np.empty((images.shape[0], self.network.n_out(self.network.n_layers() - 1)), np.float32)
        cdef core.Span2[const float] x = const_span(images), t = const_span(times)
        cdef core.Span2[float] to_t = span(times), to_v = span(v)
        cdef Noise no_noise = Noise()
        with nogil:
            core.encode[float](x, to_t)
            self.network.forward(t, no_noise, to_v, core.Threads.exactly(threads))
        return np.asarray(v)
