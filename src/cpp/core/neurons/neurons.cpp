#include "neurons/neurons.h"

#include <array>
#include <optional>
#include <sstream>

#include "common/check.h"
#include "neurons/listening_window.h"
#include "rcspike/phases.h"

namespace rcspike {
namespace detail {
namespace {

struct Kind {
    Phases phases;
    const char* name;
    Window window;
};

template <class... Kinds>
constexpr std::array<Kind, sizeof...(Kinds)> all_of(const std::variant<Kinds...>*) {
    return {{{Kinds::phases, Kinds::name, Kinds::window}...}};
}

/// The kinds of neurons are the alternatives of the variant.
constexpr auto kinds = all_of(static_cast<const Neurons<double>*>(nullptr));

const Kind& kind_of(Phases phases) {
    std::size_t i = 0;
    while (kinds[i].phases != phases) ++i;
    return kinds[i];
}

template <class Real, class... Kinds>
Neurons<Real> make(Phases phases, const Circuit& circuit, Span1<const Real> offset, const std::variant<Kinds...>*) {
    std::optional<Neurons<Real>> neurons;
    ((phases == Kinds::phases ? void(neurons.emplace(Kinds(circuit, offset))) : void()), ...);
    return std::move(*neurons);
}

}  // namespace

const Window& window_of(Phases phases) { return kind_of(phases).window; }

template <class Real>
Neurons<Real> neurons_of(Phases phases, const Circuit& circuit, Span1<const Real> offset) {
    if (offset.data) check_finite("offset", offset);
    return make(phases, circuit, offset, static_cast<const Neurons<Real>*>(nullptr));
}

template Neurons<float> neurons_of(Phases, const Circuit&, Span1<const float>);
template Neurons<double> neurons_of(Phases, const Circuit&, Span1<const double>);

}  // namespace detail

const char* name_of(Phases phases) { return detail::kind_of(phases).name; }

Phases phases_of(const std::string& name) {
    std::ostringstream known;
    for (const detail::Kind& kind : detail::kinds) {
        if (name == kind.name) return kind.phases;
        known << (known.tellp() > 0 ? " or '" : "'") << kind.name << "'";
    }
    detail::reject("phases must be ", known.str(), ", got '", name, "'");
}

}  // namespace rcspike
