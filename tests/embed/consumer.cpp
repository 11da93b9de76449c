// Calls something of every header, and prints the version of the library that it got.
#include <cmath>
#include <iostream>
#include <limits>
#include <type_traits>
#include <utility>

#include "rcspike/build_config.h"
#include "rcspike/charge.h"
#include "rcspike/circuit.h"
#include "rcspike/encode.h"
#include "rcspike/energy.h"
#include "rcspike/fire.h"
#include "rcspike/network.h"
#include "rcspike/schedule.h"
#include "rcspike/span.h"
#include "rcspike/threads.h"
#include "rcspike/trace.h"
#include "rcspike/trainer.h"

namespace {

/// One synapse of weight 1 at V_syn = 1, on from t = 0, takes the membrane to 1 - 1/e.
template <class Real>
bool charges() {
    const rcspike::Circuit circuit;
    const Real image = 1, weight = 1, end = 1, upstream = 1;
    Real time = 7, v = 7, traced = 7, plus = 7, minus = 7, out = 7, through = 7, grad_time = 7, grad_weight = 7,
         grad_v = 7;
    const auto one = [](auto& x) { return rcspike::Span2<std::remove_reference_t<decltype(x)>>{&x, 1, 1}; };
    rcspike::encode<Real>(one(image), one(time));
    const rcspike::Schedule<Real> schedule(one(std::as_const(time)), rcspike::Threads::exactly(2));
    rcspike::charge<Real>(schedule, one(weight), circuit, one(v));
    rcspike::trace<Real>(schedule, one(weight), circuit, {&end, 1}, one(traced));
    rcspike::supply_charge<Real>(schedule, one(weight), circuit, one(plus), one(minus));
    rcspike::fire<Real>(one(std::as_const(v)), circuit, one(out));
    rcspike::fire_vjp<Real>(one(std::as_const(v)), circuit, one(upstream), one(grad_v));
    rcspike::charge_vjp<Real>(schedule, one(weight), circuit, one(upstream), one(grad_time), one(grad_weight));
    rcspike::Network<Real> network({one(weight)}, circuit);
    network.forward(schedule, {}, one(through));
    const rcspike::Trainer<Real> trainer(std::move(network), rcspike::Loss{});
    const Real expected = 1 - std::exp(Real(-1)), eps = 4 * std::numeric_limits<Real>::epsilon();
    return std::abs(v - expected) < eps && std::abs(traced - expected) < eps && std::abs(plus - expected) < eps &&
           minus == 0 && through == v && out == 1 - v && grad_v == -1 &&
           std::abs(grad_weight - std::exp(Real(-1))) < eps && trainer.steps() == 0;
}

}  // namespace

int main() {
    std::cout << rcspike::build_config().version << '\n';
    return charges<float>() && charges<double>() ? 0 : 1;
}
