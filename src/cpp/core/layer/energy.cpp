#include "rcspike/energy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "common/check.h"
#include "common/elementary.h"
#include "layer/backward.h"
#include "layer/layer.h"
#include "synapses/ohmic.h"

namespace rcspike {
namespace {

/// What the synapses of either rail have delivered to one membrane so far, and its voltage.
struct Membrane {
    double plus = 0, minus = 0;  // sums of abs(w) over the conducting synapses
    double v = 0, q_plus = 0, q_minus = 0;
};

/// Drive and conductance of synapses for a weight of 1 on either rail.
struct Rails {
    double a_plus, b_plus, a_minus, b_minus;

    explicit Rails(const Circuit& circuit)
        : a_plus(1 - circuit.diode_drop / circuit.e_plus),
          b_plus(1 / circuit.e_plus),
          a_minus(1 - circuit.diode_drop / -circuit.e_minus),
          b_minus(1 / -circuit.e_minus) {}
    /// Of weights that are conductances.
    Rails(double plus, double minus) : a_plus(plus), b_plus(1), a_minus(-minus), b_minus(1) {}
};

/// Charges for a time d without events: dQ+ = (A+ - B+ v) dt and dQ- = (B- v - A-) dt change v.
void charge_for(Membrane& m, const Rails& rails, double d) {
    const double a = rails.a_plus * m.plus - rails.a_minus * m.minus;
    const double x = (rails.b_plus * m.plus + rails.b_minus * m.minus) * d;
    double chi = 0;  // (1 - phi)/x
    if (x < 0.25) {  // its series, 1/2 (1 - x/3 (1 - x/4 ...)), since the difference would cancel; 0.25^12/14! < 1e-18
        for (double k = 13; k >= 2; --k) chi = (1 - x * chi) / k;
    } else {
        chi = (1 - (1 - detail::exp_of_negative(-x)) / x) / x;
    }
    const double phi = 1 - x * chi, e = 1 - x * phi;
    const double v_dt = (m.v * phi + a * d * chi) * d;
    m.q_plus += m.plus * (rails.a_plus * d - rails.b_plus * v_dt);
    m.q_minus -= m.minus * (rails.a_minus * d + rails.b_minus * v_dt);
    m.v = m.v * e + a * d * phi;
}

/// A column whose rows load the membrane, and what the rails have delivered so far (docs/row-loads.md). Of the
/// capacitance of a resistor that conducts, `shared` moves charge between rail and membrane.
struct LoadedColumn {
    struct Side {
        double conductance = 0, shared = 0, beyond = 0, charge = 0;
    };
    Side plus, minus;
    double v = 0, capacitance = 1, kick = 0, kick_drive = 0;
};

/// The devices of weights on one circuit.
struct LoadedDevices {
    struct Rail {
        double conductance, voltage;  // of a weight of 1, and while it drives
        double junction, width;       // of the narrowest open switch, and as a device of conductance 1 needs it
    };
    Rail plus, minus;
    double body, x;

    explicit LoadedDevices(const Circuit& circuit)
        : plus{1 / circuit.e_plus, circuit.e_plus - circuit.diode_drop, circuit.load.junction_plus,
               circuit.load.width_plus},
          minus{-1 / circuit.e_minus, circuit.e_minus + circuit.diode_drop, circuit.load.junction_minus,
                circuit.load.width_minus},
          body(circuit.load.body),
          x(circuit.load.position) {}

    /// At first at a fixed v: the kick of all rows that close together comes after them.
    void close(LoadedColumn& column, double w) const {
        const Rail& rail = w > 0 ? plus : minus;
        LoadedColumn::Side& side = w > 0 ? column.plus : column.minus;
        const double g = rail.conductance * std::abs(w), c = body / g,
                     j = std::max(1.0, rail.width * g) * rail.junction;
        const double y = 1 - x;
        const double kick = (1.0 / 6 - x * x / 2) * c + x * y * j;
        side.charge += (rail.voltage - column.v) * (c * (y * y * y / 3 + x * x * x / 3 - x * x / 2) + j * y * y);
        side.conductance += g;
        side.shared += c / 6 + x * y * j;
        side.beyond += c * x * x / 2;
        column.capacitance += (1.0 / 3 - y) * c + (x * x - 1) * j;
        column.kick += kick;
        column.kick_drive += kick * rail.voltage;
    }
    void move(LoadedColumn& column, double change) const {
        column.v += change;
        for (auto* side : {&column.plus, &column.minus}) side->charge += side->shared * change;
    }
    void kick(LoadedColumn& column) const {
        move(column, (column.kick * column.v - column.kick_drive) / column.capacitance);
        column.kick = column.kick_drive = 0;
    }
    void charge_for(LoadedColumn& column, double d) const {
        Membrane ideal;
        ideal.v = column.v;
        ideal.plus = column.plus.conductance;
        ideal.minus = column.minus.conductance;
        // In a time that runs faster by 1/C, of rails at weights that are conductances.
        const Rails rails(plus.voltage, minus.voltage);
        rcspike::charge_for(ideal, rails, d / column.capacitance);
        column.plus.charge += column.capacitance * ideal.q_plus;
        column.minus.charge += column.capacitance * ideal.q_minus;
        move(column, ideal.v - column.v);
    }
    /// Beyond the switch, a resistor returns to its rail.
    void open(LoadedColumn& column) const {
        column.plus.charge += column.plus.beyond * (plus.voltage - column.v);
        column.minus.charge += column.minus.beyond * (minus.voltage - column.v);
    }
};

template <class Real>
void loaded_supply_charge(const detail::EventBatch<Real>& events, Span2<const Real> weights, const Circuit& circuit,
                          Span2<Real> q_plus, Span2<Real> q_minus, Threads threads) {
    const LoadedDevices devices(circuit);
    std::vector<std::vector<LoadedColumn>> of_workers(detail::worker_count(threads));
    detail::for_each_task(events.size(), threads, [&](std::size_t s, std::size_t worker) {
        std::vector<LoadedColumn>& columns = of_workers[worker];
        columns.assign(weights.cols, LoadedColumn{});
        const kernels::Events<Real>& sample = events[s];
        std::size_t spike = 0;
        for (std::size_t k = 0; k < sample.n_steps; ++k) {
            for (; spike < sample.steps[k].end; ++spike) {
                const Real* const row = weights.row(sample.inputs[spike]);
                for (std::size_t i = 0; i < weights.cols; ++i) {
                    if (std::abs(row[i]) >= std::numeric_limits<Real>::min()) devices.close(columns[i], row[i]);
                }
            }
            for (LoadedColumn& column : columns) {
                devices.kick(column);
                devices.charge_for(column, sample.steps[k].length);
            }
        }
        for (std::size_t i = 0; i < weights.cols; ++i) {
            devices.open(columns[i]);
            q_plus.row(s)[i] = static_cast<Real>(columns[i].plus.charge);
            q_minus.row(s)[i] = static_cast<Real>(columns[i].minus.charge);
        }
    });
}

}  // namespace

template <class Real>
void supply_charge(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                   Span2<Real> q_plus, Span2<Real> q_minus, Threads threads) {
    constexpr std::size_t lanes = kernels::lanes<Real>;
    detail::check_ohmic(circuit, "charges of the rails");
    const detail::Layer<Real> layer = detail::layer_of_weights("weights", weights, schedule.n_in(), circuit, threads);
    detail::check_shape("q_plus", q_plus, schedule.batch(), layer.n_out());
    detail::check_shape("q_minus", q_minus, schedule.batch(), layer.n_out());
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    if (layer.loads_membranes()) return loaded_supply_charge(events, weights, circuit, q_plus, q_minus, threads);
    const detail::Resistive<Real>& synapses = detail::resistive_of(layer, "charges of the rails");
    const detail::Split split(events.size(), layer.n_rows(), layer.n_tiles());
    detail::for_each_task(split.tasks(), threads, [&](std::size_t task, std::size_t) {
        const detail::Range samples = split.samples(task), tiles = split.tiles(task);
        alignas(64) Real plus[lanes], minus[lanes];
        for (std::size_t s = samples.first; s < samples.last; ++s) {
            for (std::size_t t = tiles.first; t < tiles.last; ++t) {
                kernels::table<Real>().supply(events[s], synapses.tile(t), {plus, minus});
                std::copy_n(plus, layer.width(t), q_plus.row(s) + t * lanes);
                std::copy_n(minus, layer.width(t), q_minus.row(s) + t * lanes);
            }
        }
    });
}

template <class Real>
void supply_charge_until(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                         Span2<const Real> until, Span2<Real> q_plus, Span2<Real> q_minus, Threads threads) {
    const detail::Layer<Real> layer =
        detail::layer_of_weights("weights", weights, schedule.n_in(), circuit, threads, Dense{}, Phases::single);
    detail::check_shape("until", until, schedule.batch(), weights.cols);
    detail::check_shape("q_plus", q_plus, schedule.batch(), weights.cols);
    detail::check_shape("q_minus", q_minus, schedule.batch(), weights.cols);
    detail::check_finite("until", until);
    for (std::size_t i = 0; i < until.size(); ++i) {
        if (until.data[i] < 0) detail::reject("until must not be negative, got ", until.data[i]);
    }
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    const Rails rails(circuit);
    std::vector<std::vector<Membrane>> of_workers(detail::worker_count(threads));
    detail::for_each_task(schedule.batch(), threads, [&](std::size_t s, std::size_t worker) {
        std::vector<Membrane>& membranes = of_workers[worker];
        membranes.assign(weights.cols, Membrane{});
        const Real* ends = until.row(s);
        const double last = weights.cols ? *std::max_element(ends, ends + weights.cols) : 0;
        std::size_t spike = 0;
        for (std::size_t k = 0; k < events[s].n_steps && events[s].steps[k].start < last; ++k) {
            const kernels::Step<Real>& step = events[s].steps[k];
            for (; spike < step.end; ++spike) {
                const Real* row = weights.row(events[s].inputs[spike]);
                for (std::size_t i = 0; i < weights.cols; ++i) {
                    (row[i] >= 0 ? membranes[i].plus : membranes[i].minus) += std::abs(static_cast<double>(row[i]));
                }
            }
            const bool is_last = k + 1 == events[s].n_steps;
            const double start = step.start, end = is_last ? last : events[s].steps[k + 1].start;
            for (std::size_t i = 0; i < weights.cols; ++i) {
                const double d = std::min<double>(ends[i], end) - start;
                if (d > 0) charge_for(membranes[i], rails, d);
            }
        }
        for (std::size_t i = 0; i < weights.cols; ++i) {
            q_plus.row(s)[i] = static_cast<Real>(membranes[i].q_plus);
            q_minus.row(s)[i] = static_cast<Real>(membranes[i].q_minus);
        }
    });
}

template <class Real>
void supply_charge_vjp(const Schedule<Real>& schedule, Span2<const Real> weights, const Circuit& circuit,
                       Span2<const Real> grad_q_plus, Span2<const Real> grad_q_minus, Span2<Real> grad_times,
                       Span2<Real> grad_weights, Threads threads) {
    detail::check_ohmic(circuit, "charges of the rails");
    const detail::Layer<Real> layer = detail::layer_of_weights("weights", weights, schedule.n_in(), circuit, threads);
    detail::check_shape("grad_q_plus", grad_q_plus, schedule.batch(), layer.n_out());
    detail::check_shape("grad_q_minus", grad_q_minus, schedule.batch(), layer.n_out());
    detail::check_finite("grad_q_plus", grad_q_plus);
    detail::check_finite("grad_q_minus", grad_q_minus);
    detail::check_shape("grad_times", grad_times, schedule.batch(), schedule.n_in());
    detail::check_shape("grad_weights", grad_weights, weights.rows, weights.cols);
    detail::WeightGradient<Real> gradient;
    detail::Scratch<Real> scratch;
    detail::EventBatch<Real> events;
    events.set(schedule, layer.event_target(), threads);
    detail::BackwardPass<Real> pass{layer, events};
    pass.upstream.supply = {grad_q_plus, grad_q_minus, {}, {}};
    pass.grad_times = grad_times;
    detail::backward(pass, gradient, scratch, threads);
    gradient.weights.add_up(grad_weights, threads);
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                   \
    template void supply_charge_until(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<const Real>,  \
                                      Span2<Real>, Span2<Real>, Threads);                                           \
    template void supply_charge(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<Real>, Span2<Real>, \
                                Threads);                                                                           \
    template void supply_charge_vjp(const Schedule<Real>&, Span2<const Real>, const Circuit&, Span2<const Real>,    \
                                    Span2<const Real>, Span2<Real>, Span2<Real>, Threads);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
