# The C++ API for Cython 3, name by name; the headers document each. Errors are raised as ValueError if the reason is an
# argument or a broken file, and otherwise as RuntimeError.
#
# Cython does not know C++'s default arguments: `threads` is always given, as Threads.all() or Threads.exactly(n). A
# Network is never without weights, so code that keeps one as a variable or attribute needs @cython.cpp_locals(True).

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.vector cimport vector


cdef extern from "rcspike/span.h" namespace "rcspike" nogil:
    cdef cppclass Span2[T]:
        T* data
        size_t rows
        size_t cols

    cdef cppclass Span1[T]:
        T* data
        size_t size


cdef extern from "rcspike/threads.h" namespace "rcspike" nogil:
    cdef cppclass Threads:
        int count

        @staticmethod
        Threads all()

        @staticmethod
        Threads exactly(int n) except +

    cdef cppclass OpenMp:
        void (*parallel)(void (*body)(void*) noexcept, void* data, unsigned n_threads, unsigned flags) noexcept
        int (*thread_number)() noexcept

    void use_threads_of(const OpenMp& runtime)


cdef extern from "rcspike/circuit.h" namespace "rcspike" nogil:
    cdef cppclass RowLoad:
        double body
        double position
        double junction_plus
        double junction_minus
        double width_plus
        double width_minus

    cdef cppclass Circuit:
        double e_plus
        double e_minus
        double diode_drop
        double ramp
        double injection_plus
        double injection_minus
        double delay
        double transconductance
        double summing_capacitance
        double output_capacitance
        RowLoad load
        double v_0

        @staticmethod
        Circuit conventional()

    cdef cppclass CircuitParameter:
        const char* name

    void validate(const Circuit& circuit) except +


cdef extern from "rcspike/build_config.h" namespace "rcspike" nogil:
    cdef cppclass BuildConfig:
        string version
        string compiler
        string isa
        vector[string] isas
        vector[string] compiled

    BuildConfig build_config() except +


cdef extern from "rcspike/encode.h" namespace "rcspike" nogil:
    void encode[Real](Span2[const Real] images, Span2[Real] times) except +
    void encode_bytes "rcspike::encode"[Real](Span2[const uint8_t] images, Span2[Real] times) except +


cdef extern from "rcspike/phases.h" namespace "rcspike" nogil:
    cdef enum class Phases:
        two
        single

    const char* name_of(Phases phases)
    Phases phases_of(const string& name) except +


cdef extern from "rcspike/schedule.h" namespace "rcspike" nogil:
    cdef cppclass Interval[Real]:
        Real start
        uint32_t end

    cdef cppclass Spikes[Real]:
        const uint32_t* inputs
        const Interval[Real]* intervals
        size_t n_intervals
        size_t n_spikes() const

    cdef cppclass Schedule[Real]:
        Schedule()
        Schedule(Span2[const Real] times, Threads threads) except +
        Schedule(Span2[const Real] times, Threads threads, Phases phases) except +
        Schedule(const Schedule[Real]& of, Span1[const int64_t] samples) except +
        void assign(Span2[const Real] times, Threads threads) except +
        void assign(Span2[const Real] times, Threads threads, Phases phases) except +
        size_t batch() const
        size_t n_in() const
        Phases phases() const
        Spikes[Real] operator[](size_t sample) const


cdef extern from "rcspike/charge.h" namespace "rcspike" nogil:
    cdef cppclass AffineSynapses[Real]:
        Span2[const Real] drive
        Span2[const Real] conductance
        Span1[const Real] drive0
        Span1[const Real] conductance0
        Span2[const Real] loads

    cdef cppclass AffineGradient[Real]:
        Span2[Real] drive
        Span2[Real] conductance
        Span1[Real] drive0
        Span1[Real] conductance0
        Span2[Real] loads

    void charge[Real](const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit, Span2[Real] v,
                      Threads threads) except +
    void charge_affine "rcspike::charge"[Real](
        const Schedule[Real]& schedule, const AffineSynapses[Real]& synapses, Span2[Real] v, Threads threads) except +
    void inject[Real](const Schedule[Real]& schedule, Span2[const Real] injection, Span2[Real] v,
                      Threads threads) except +
    void charge_vjp[Real](
        const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit, Span2[const Real] grad_v,
        Span2[Real] grad_times, Span2[Real] grad_weights, Threads threads) except +
    void charge_affine_vjp "rcspike::charge_vjp"[Real](
        const Schedule[Real]& schedule, const AffineSynapses[Real]& synapses, Span2[const Real] grad_v,
        Span2[Real] grad_times, const AffineGradient[Real]& gradient, Threads threads) except +


cdef extern from "rcspike/wiring.h" namespace "rcspike" nogil:
    cdef cppclass Dense:
        Dense()

    cdef cppclass FirstSpike:
        FirstSpike()
        size_t window

    cdef cppclass Maps:
        Maps()
        size_t height
        size_t width
        size_t channels
        size_t size() const

    cdef cppclass Conv2d:
        Conv2d()
        Maps in_ "in"
        size_t kernel_height
        size_t kernel_width
        size_t stride
        size_t padding
        size_t first
        size_t pool
        size_t n_rows() const
        Maps seen() except +
        Maps positions() except +
        Maps out(size_t n_columns) except +

    cdef cppclass FirstSpike2d:
        FirstSpike2d()
        Maps in_ "in"
        size_t window
        Maps out() except +
        size_t row_of(size_t input) const

    cdef cppclass Wiring:
        Wiring()
        Wiring(Dense wiring)
        Wiring(FirstSpike wiring)
        Wiring(Conv2d wiring)
        Wiring(FirstSpike2d wiring)


cdef extern from "rcspike/layer.h" namespace "rcspike" nogil:
    cdef cppclass Layer[Real]:
        Layer(Span2[const Real] weights, const Circuit& circuit, const Wiring& wiring, Threads threads) except +
        Layer(const AffineSynapses[Real]& synapses, Threads threads) except +
        size_t n_in() const
        size_t n_rows() const
        size_t n_columns() const
        size_t n_out() const
        void set(Span2[const Real] weights, Threads threads) except +
        void set_affine "set"(const AffineSynapses[Real]& synapses, Threads threads) except +
        void charge(const Schedule[Real]& schedule, Span2[Real] v, Threads threads) except +
        void charge_vjp(const Schedule[Real]& schedule, Span2[const Real] grad_v, Span2[Real] grad_times,
                        Span2[Real] grad_weights, Threads threads) except +
        void charge_affine_vjp "charge_vjp"(
            const Schedule[Real]& schedule, Span2[const Real] grad_v, Span2[Real] grad_times,
            const AffineGradient[Real]& gradient, Threads threads) except +


cdef extern from "rcspike/rectified.h" namespace "rcspike" nogil:
    cdef cppclass RectifiedSynapses[Real]:
        Span2[const Real] g_plus
        Span2[const Real] rail_plus
        Span2[const Real] g_minus
        Span2[const Real] rail_minus
        Span1[const Real] drive0
        Span1[const Real] conductance0

    void charge_rectified "rcspike::charge"[Real](
        const Schedule[Real]& schedule, const RectifiedSynapses[Real]& synapses, Span2[Real] v, Threads threads) except +


cdef extern from "rcspike/wires.h" namespace "rcspike" nogil:
    cdef cppclass WireDevices[Real]:
        Span2[const Real] drive
        Span2[const Real] conductance

    cdef cppclass WiredSynapses[Real]:
        vector[WireDevices[Real]] wires
        Span1[const Real] resistance
        Real off
        Span1[const Real] drive0
        Span1[const Real] conductance0

    void charge_wired "rcspike::charge"[Real](
        const Schedule[Real]& schedule, const WiredSynapses[Real]& synapses, Span2[Real] v, Threads threads) except +


cdef extern from "rcspike/energy.h" namespace "rcspike" nogil:
    void supply_charge[Real](
        const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit, Span2[Real] q_plus,
        Span2[Real] q_minus, Threads threads) except +
    void supply_charge_until[Real](
        const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit, Span2[const Real] until,
        Span2[Real] q_plus, Span2[Real] q_minus, Threads threads) except +
    void supply_charge_vjp[Real](
        const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit,
        Span2[const Real] grad_q_plus, Span2[const Real] grad_q_minus, Span2[Real] grad_times,
        Span2[Real] grad_weights, Threads threads) except +


cdef extern from "rcspike/fire.h" namespace "rcspike" nogil:
    void fire[Real](Span2[const Real] v, const Circuit& circuit, Span2[Real] times) except +
    void fire_vjp[Real](Span2[const Real] v, const Circuit& circuit, Span2[const Real] grad_times,
                        Span2[Real] grad_v) except +
    void readout_times[Real](Span2[const Real] v, const Circuit& circuit, Span2[Real] times) except +
    void readout_voltages[Real](Span2[const Real] times, const Circuit& circuit, Span2[Real] v) except +


cdef extern from "rcspike/first_spike.h" namespace "rcspike" nogil:
    void first_spike[Real](const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit,
                           Span2[Real] times, Threads threads) except +
    void first_spike_affine "rcspike::first_spike"[Real](
        const Schedule[Real]& schedule, const AffineSynapses[Real]& synapses, Span2[Real] times,
        Threads threads) except +
    size_t first_spike_vjp[Real](
        const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit,
        Span2[const Real] grad_spikes, double max_slope, Span2[Real] grad_times, Span2[Real] grad_weights,
        Threads threads) except +
    size_t first_spike_affine_vjp "rcspike::first_spike_vjp"[Real](
        const Schedule[Real]& schedule, const AffineSynapses[Real]& synapses, Span2[const Real] grad_spikes,
        double max_slope, Span2[Real] grad_times, const AffineGradient[Real]& gradient, Threads threads) except +


cdef extern from "rcspike/loss.h" namespace "rcspike" nogil:
    cdef cppclass Loss:
        double temperature
        double temporal_penalty
        double t_ref
        double energy_penalty
        double silent_penalty
        double t_silent
        double max_slope

    void output_loss[Real](Span2[const Real] v, Span1[const int64_t] labels, const Circuit& circuit, const Loss& loss,
                           Span1[double] losses, Span2[Real] grad_v) except +


cdef extern from "rcspike/adam.h" namespace "rcspike" nogil:
    void adam_step[Real](Span1[const Real] gradient, uint64_t step, double learning_rate, Span1[Real] values,
                         Span1[Real] first_moments, Span1[Real] second_moments) except +
    void adam_step[Real](Span1[const Real] gradient, uint64_t step, double learning_rate, Span1[Real] values,
                         Span1[Real] first_moments, Span1[Real] second_moments, double weight_decay,
                         Threads threads) except +


cdef extern from "rcspike/trace.h" namespace "rcspike" nogil:
    void trace[Real](const Schedule[Real]& schedule, Span2[const Real] weights, const Circuit& circuit,
                     Span1[const Real] at, Span2[Real] v, Threads threads) except +


cdef extern from "rcspike/network.h" namespace "rcspike" nogil:
    cdef cppclass Network[Real]:
        Network(const vector[Span2[const Real]]& weights, const Circuit& circuit) except +
        Network(const vector[Span2[const Real]]& weights, const Circuit& circuit,
                const vector[Wiring]& wiring) except +
        Network(const vector[Span2[const Real]]& weights, const Circuit& circuit,
                const vector[Wiring]& wiring, Phases phases) except +

        @staticmethod
        Network[Real] load(const string& path) except +

        size_t n_layers() const
        size_t n_in(size_t layer) except +
        size_t n_rows(size_t layer) except +
        size_t n_columns(size_t layer) except +
        size_t n_out(size_t layer) except +
        const Circuit& circuit() const
        Phases phases() const
        void weights(size_t layer, Span2[Real] to) except +
        void forward(const Schedule[Real]& schedule, const vector[Span2[const Real]]& noise, Span2[Real] v,
                     Threads threads) except +
        void forward(Span2[const Real] times, const vector[Span2[const Real]]& noise, Span2[Real] v,
                     Threads threads) except +


cdef extern from "rcspike/network_pass.h" namespace "rcspike" nogil:
    cdef cppclass NetworkPass[Real]:
        NetworkPass(Network[Real] network) except +
        const Network[Real]& network() const
        bint is_complete() const
        void set(const vector[Span2[const Real]]& weights, Threads threads) except +
        void forward(Span2[const Real] times, const vector[Span2[const Real]]& noise, Span2[Real] v,
                     Threads threads) except +
        void forward(const Schedule[Real]& schedule, const vector[Span2[const Real]]& noise, Span2[Real] v,
                     Threads threads) except +
        void backward(Span2[const Real] grad_v, Span2[Real] grad_times, const vector[Span2[Real]]& grad_weights,
                      double max_slope, Threads threads) except +


cdef extern from "rcspike/noise.h" namespace "rcspike" nogil:
    void draw_noise[Real](uint64_t seed, double sigma, Span2[Real] noise, Threads threads) except +


cdef extern from "rcspike/device_network.h" namespace "rcspike" nogil:
    cdef cppclass DevicePairs[Real]:
        Span2[const Real] plus
        Span2[const Real] minus
        Span1[const Real] drive0
        Span1[const Real] conductance0
        Span1[const Real] offset
        Span2[const Real] injection
        Span2[const Real] loads

    cdef cppclass DeviceNetwork[Real]:
        DeviceNetwork(const vector[DevicePairs[Real]]& layers, const Circuit& circuit) except +
        DeviceNetwork(const vector[DevicePairs[Real]]& layers, const Circuit& circuit,
                      const vector[Wiring]& wiring) except +
        DeviceNetwork(const vector[DevicePairs[Real]]& layers, const Circuit& circuit,
                      const vector[Wiring]& wiring, Phases phases) except +

        size_t n_layers() const
        size_t n_in(size_t layer) except +
        size_t n_out(size_t layer) except +
        void forward(const Schedule[Real]& schedule, const vector[Span2[const Real]]& noise, Span2[Real] v,
                     Threads threads) except +
        void forward(Span2[const Real] times, const vector[Span2[const Real]]& noise, Span2[Real] v,
                     Threads threads) except +


cdef extern from "rcspike/device_model.h" namespace "rcspike" nogil:
    cdef cppclass DeviceModel:
        double off
        uint32_t levels
        double lognormal
        double proportional
        double absolute
        double stuck_off
        double stuck_on
        vector[double] w_max
        vector[double] w_min
        bint is_ideal() const

    void draw_devices[Real](
        Span2[const Real] weights, const DeviceModel& model, uint64_t seed, uint64_t step, size_t layer,
        Span2[Real] plus, Span2[Real] minus, Threads threads) except +
