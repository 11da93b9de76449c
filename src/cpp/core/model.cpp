// Model files as the Python package writes them. The errors are worded as they are there.
#include <fstream>
#include <iterator>
#include <limits>
#include <locale>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "rcspike/network.h"
#include "safetensors.h"

namespace rcspike {
namespace {

using detail::Json;
using detail::refuse;
using detail::Safetensors;
using Tensors = std::map<std::string, detail::Tensor>;

constexpr std::size_t newest_format = 1;

const std::string& metadata(const Safetensors& file, const char* name) {
    const std::string* text = file.metadata(name);
    if (!text) refuse("its metadata has no ", name);
    return *text;
}

/// Calls a function, and says of which file it is that something is wrong with it.
template <class Part>
auto whole(const std::string& path, const Part& part) {
    try {
        return part();
    } catch (const std::invalid_argument& error) {
        refuse(path, " is not a whole rcspike model: ", error.what());
    }
}

void check_format(const std::string& path, const Safetensors& file) {
    const std::string* format = file.metadata("format");
    if (!format || *format != "rcspike-model") {
        refuse(path, " is not an rcspike model but ", format ? *format : "a safetensors file of something else");
    }
    const std::size_t version =
        whole(path, [&] { return Json::parse(metadata(file, "format_version")).size("format_version"); });
    if (version > newest_format) {
        refuse(path, " has format ", version, ", this version reads up to ", newest_format, "; upgrade rcspike");
    }
}

/// A number as Python's repr() writes it, whatever the locale.
double number(const Json& json, const char* name) {
    const std::string& text = json.string(name);
    const double inf = std::numeric_limits<double>::infinity();
    if (text == "inf") return inf;
    if (text == "-inf") return -inf;
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    double value = 0;
    if (!(in >> std::noskipws >> value) || in.peek() != std::istringstream::traits_type::eof()) {
        refuse(name, " is not a number: '", text, "'");
    }
    return value;
}

Circuit circuit_of(const Json& header) {
    Circuit circuit;
    double v_syn = 0;  // in Python the rails follow from it unless they are given; here they always are
    const std::pair<const char*, double*> fields[] = {{"v_syn", &v_syn},
                                                      {"e_plus", &circuit.e_plus},
                                                      {"e_minus", &circuit.e_minus},
                                                      {"diode_drop", &circuit.diode_drop},
                                                      {"ramp", &circuit.ramp}};
    for (const auto& [name, value] : fields) *value = number(header.member(name), name);
    if (!(v_syn > 0)) refuse("v_syn must be above 0, got ", v_syn);
    if (header.members.size() != std::size(fields)) refuse("its circuit has a part that is not known here");
    return circuit;
}

std::string listed(const std::vector<std::size_t>& sizes) {
    std::string text;
    for (const std::size_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return '[' + text + ']';
}

template <class Real>
Network<Real> network_of(const Tensors& tensors, const Json& header) {
    std::vector<std::vector<Real>> weights;
    std::vector<Span2<const Real>> views;
    for (std::size_t l = 0; l < tensors.size(); ++l) {
        const auto found = tensors.find("weights." + std::to_string(l));
        if (found == tensors.end()) refuse("it has no weights.", l);
        const detail::Tensor& tensor = found->second;
        if (tensor.is_double != (sizeof(Real) == 8)) refuse("its layers differ in precision");
        if (tensor.shape.size() != 2) {
            refuse("weights[", l, "] must have 2 dimensions, got ", listed(tensor.shape));
        }
        const std::size_t rows = tensor.shape[0], cols = tensor.shape[1];
        std::vector<Real>& w = weights.emplace_back(rows * cols);
        for (std::size_t i = 0; i < w.size(); ++i) w[i] = detail::from_bytes<Real>(tensor.bytes + i * sizeof(Real));
        views.push_back({w.data(), rows, cols});
    }
    Network<Real> network(views, circuit_of(header.member("circuit")));
    std::vector<std::size_t> says, holds{network.n_in()};
    for (const Json& size : header.member("sizes").array("sizes")) says.push_back(size.size("sizes"));
    for (std::size_t l = 0; l < network.n_layers(); ++l) holds.push_back(network.n_out(l));
    if (says != holds) refuse("it says sizes ", listed(says), " but holds weights of ", listed(holds));
    return network;
}

}  // namespace

template <class Real>
Network<Real> Network<Real>::load(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error("no model at " + path);
    const Safetensors file = whole(path, [&] { return Safetensors(stream); });
    check_format(path, file);
    const Tensors tensors = whole(path, [&] { return file.tensors(); });
    const bool holds_doubles = !tensors.empty() && tensors.begin()->second.is_double;
    if (!tensors.empty() && holds_doubles != (sizeof(Real) == 8)) {
        refuse(path, " holds ", holds_doubles ? "float64" : "float32", " weights; load it as Network<",
               holds_doubles ? "double" : "float", ">");
    }
    return whole(path, [&] { return network_of<Real>(tensors, Json::parse(metadata(file, "header"))); });
}

template Network<float> Network<float>::load(const std::string&);
template Network<double> Network<double>::load(const std::string&);

}  // namespace rcspike
