#include "training/batch_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/check.h"
#include "neurons/two_phase.h"
#include "rcspike/loss.h"

namespace rcspike {
namespace detail {

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
    const detail::TwoPhase<Real> neurons(circuit, {});
    std::vector<Real> voltages(v.data, v.data + v.size());
    for (std::size_t i = 0; i < v.rows; ++i) {
        const auto label = static_cast<std::size_t>(labels[i]);
        losses.data[i] =
            neurons.loss(loss, {voltages.data() + i * v.cols}, nullptr, nullptr, v.cols, label, 1, grad_v.row(i)).value;
    }
}

#define RCSPIKE_INSTANTIATE(Real)                                                                        \
    template void output_loss(Span2<const Real>, Span1<const std::int64_t>, const Circuit&, const Loss&, \
                              Span1<double>, Span2<Real>);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
