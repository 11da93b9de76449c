#include "training/loss.h"

#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "common/elementary.h"

namespace rcspike {
namespace detail {

template <class Real>
SampleLoss sample_loss(const Loss& loss, const Readout& readout, const Real* v, const Real* delay, std::size_t n,
                       std::size_t label, double scale, Real* grad_v) {
    // Positions on the ramp, 1 - t_out, taken relative to that of the first spike, so that exp stays in range.
    const std::size_t first = Readout::first(v, n);
    const double first_position = readout.position(v[first]);
    const auto exponent = [&](double position) { return (position - first_position) / loss.temperature; };
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += exp_of_negative(exponent(readout.position(v[i])));
    double value = log(sum) + (first_position - readout.position(v[label])) / loss.temperature;
    for (std::size_t i = 0; i < n; ++i) {
        const double position = readout.position(v[i]);
        const double p = exp_of_negative(exponent(position)) / sum;
        const double late = (1 - position) - loss.t_ref;
        value += loss.temporal_penalty * late * late;
        const double slope = (p - (i == label)) / loss.temperature - 2 * loss.temporal_penalty * late;
        grad_v[i] = static_cast<Real>(scale * slope * readout.slope_at(delay ? position + delay[i] : position));
    }
    return {value, first == label};
}

template <class Real>
SampleLoss spike_loss(const Loss& loss, const Real* times, const Real* undelayed, std::size_t n, std::size_t label,
                      double scale, Real* grad) {
    const std::size_t first = static_cast<std::size_t>(std::min_element(times, times + n) - times);
    double silent = loss.t_silent;
    for (std::size_t i = 0; i < n; ++i) {
        if (!std::isinf(times[i])) silent = std::max<double>(silent, times[i]);
    }
    const auto time = [&](std::size_t i) { return std::isinf(times[i]) ? silent : static_cast<double>(times[i]); };
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += exp_of_negative((time(first) - time(i)) / loss.temperature);
    double value = log(sum) + (time(label) - time(first)) / loss.temperature;
    for (std::size_t i = 0; i < n; ++i) {
        const double p = exp_of_negative((time(first) - time(i)) / loss.temperature) / sum;
        if (std::isinf(times[i])) {
            // A drive of 1 V_th / T counts as moving the label's spike by 1 T, until it comes.
            const double pull = (1 - p) / loss.temperature + loss.silent_penalty;
            grad[i] = i == label ? static_cast<Real>(-scale * pull) : Real(0);
            continue;
        }
        const double late = times[i] - loss.t_ref;
        value += loss.temporal_penalty * late * late;
        const double slope = ((i == label) - p) / loss.temperature + 2 * loss.temporal_penalty * late;
        grad[i] = times[i] > 0 || undelayed[i] == times[i] ? static_cast<Real>(scale * slope) : Real(0);
    }
    return {value, first == label && !std::isinf(times[label])};
}

void check_labels(Span1<const std::int64_t> labels, std::size_t batch, std::size_t n_classes) {
    check_size("labels", labels, batch);
    for (std::size_t i = 0; i < batch; ++i) {
        if (labels[i] < 0 || labels[i] >= static_cast<std::int64_t>(n_classes)) {
            reject("label ", labels[i], " at position ", i, " must be in [0, ", n_classes, ")");
        }
    }
}

}  // namespace detail

void validate(const Loss& loss) {
    using detail::reject;
    if (!(loss.temperature > 0) || std::isinf(loss.temperature)) {
        reject("temperature must be above 0 and finite, got ", loss.temperature);
    }
    if (!(loss.temporal_penalty >= 0) || std::isinf(loss.temporal_penalty)) {
        reject("temporal_penalty must be finite and not negative, got ", loss.temporal_penalty);
    }
    if (!std::isfinite(loss.t_ref)) reject("t_ref must be finite, got ", loss.t_ref);
    if (!(loss.energy_penalty >= 0) || std::isinf(loss.energy_penalty)) {
        reject("energy_penalty must be finite and not negative, got ", loss.energy_penalty);
    }
    if (!(loss.silent_penalty >= 0) || std::isinf(loss.silent_penalty)) {
        reject("silent_penalty must be finite and not negative, got ", loss.silent_penalty);
    }
    if (!(loss.t_silent >= 0) || std::isinf(loss.t_silent)) {
        reject("t_silent must be finite and not negative, got ", loss.t_silent);
    }
    if (!(loss.max_slope > 0) || std::isinf(loss.max_slope)) {
        reject("max_slope must be above 0 and finite, got ", loss.max_slope);
    }
}

template <class Real>
void output_loss(Span2<const Real> v, Span1<const std::int64_t> labels, const Circuit& circuit, const Loss& loss,
                 Span1<double> losses, Span2<Real> grad_v) {
    validate(circuit);
    validate(loss);
    detail::check_finite("v", v);
    detail::check_labels(labels, v.rows, v.cols);
    detail::check_size("losses", losses, v.rows);
    detail::check_shape("grad_v", grad_v, v.rows, v.cols);
    const detail::Readout readout{detail::Ramp(circuit)};
    for (std::size_t i = 0; i < v.rows; ++i) {
        losses.data[i] = detail::sample_loss<Real>(loss, readout, v.row(i), nullptr, v.cols,
                                                   static_cast<std::size_t>(labels[i]), 1, grad_v.row(i))
                             .value;
    }
}

#define RCSPIKE_INSTANTIATE(Real)                                                                                   \
    template detail::SampleLoss detail::sample_loss(const Loss&, const Readout&, const Real*, const Real*,          \
                                                    std::size_t, std::size_t, double, Real*);                       \
    template detail::SampleLoss detail::spike_loss(const Loss&, const Real*, const Real*, std::size_t, std::size_t, \
                                                   double, Real*);                                                  \
    template void output_loss(Span2<const Real>, Span1<const std::int64_t>, const Circuit&, const Loss&,            \
                              Span1<double>, Span2<Real>);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
