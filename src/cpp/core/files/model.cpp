// The errors are worded as in Python.
#include "files/model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "common/check.h"
#include "files/json.h"
#include "files/safetensors.h"

namespace rcspike {
namespace {

using detail::JsonReader;
using detail::listed;
using detail::reject;
using detail::Safetensors;

constexpr const char* format_version = "1";

/// Calls a function, and says of which file it is that something is wrong with it.
template <class Part>
auto whole(const std::string& path, const Part& part) {
    try {
        return part();
    } catch (const std::invalid_argument& error) {
        reject(path, " is not a whole rcspike model: ", error.what());
    }
}

const std::string& metadata(const Safetensors& file, const char* name) {
    const auto found = file.metadata().find(name);
    if (found == file.metadata().end()) reject("its header has no ", name);
    return found->second;
}

void check_format(const std::string& path, const Safetensors& file) {
    const auto found = file.metadata().find("format");
    const std::string format = found == file.metadata().end() ? "" : found->second;
    if (format != "rcspike-model") {
        reject(path, " is not an rcspike model but ",
               format == "rcspike-checkpoint" ? format : "a safetensors file of something else");
    }
    whole(path, [&] {
        const std::string& version = metadata(file, "format_version");
        if (version != format_version) {
            reject("format_version must be ", format_version, ", got '", version, "'; use the rcspike that wrote it");
        }
        for (const auto& part : file.metadata()) {
            const std::string& name = part.first;
            const bool known = name == "format" || name == "format_version" || name == "header" || name == "crc32";
            if (!known) reject("__metadata__ in its header has a part that is not known here");
        }
    });
}

bool is_json_number(const std::string& text) {
    try {
        return JsonReader(text).number("") == text;
    } catch (const std::invalid_argument&) {
        return false;
    }
}

/// A number as Python's repr() writes it, whatever the locale: one of JSON, or an infinity.
double number(const std::string& text, const char* name) {
    constexpr double inf = std::numeric_limits<double>::infinity();
    if (text == "inf") return inf;
    if (text == "-inf") return -inf;
    if (!is_json_number(text)) reject(name, " is not a number: '", text, "'");
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    double value = 0;
    in >> value;  // some libraries let what is too small to be normal fail, but with its value
    if (in.fail() && std::abs(value) > 1) reject(name, " is not a number: '", text, "'");
    return value;
}

/// The circuits of the layers: one, or as many as there are injections or loads.
std::vector<Circuit> read_circuit(JsonReader& json, const char* name) {
    Circuit circuit;
    std::vector<Circuit> circuits;
    std::vector<std::vector<double>> injections{{0, 0}}, loads{{0, 0, 0, 0, 0, 0}};
    double v_syn = 0;  // the rails follow from it unless they are given
    circuit.e_plus = circuit.e_minus = std::numeric_limits<double>::quiet_NaN();
    const auto into = [&json](double& value) {
        return [&json, &value](const char* part) { value = number(json.string(part), part); };
    };
    const auto into_lists = [&json](std::vector<std::vector<double>>& lists, const char* of_what) {
        return [&json, &lists, of_what, size = lists[0].size()](const char* part) {
            lists.clear();
            json.array(part, [&] {
                std::vector<double>& list = lists.emplace_back();
                json.array(part, [&] { list.push_back(number(json.string(part), part)); });
                if (list.size() != size) reject(part, " must be ", of_what, " of numbers");
            });
        };
    };
    std::vector<JsonReader::Member> optional{{"injection", into_lists(injections, "pairs")},
                                             {"load", into_lists(loads, "groups of six")}};
    for (const CircuitParameter& parameter : circuit_parameters) {
        optional.push_back({parameter.name, into(circuit.*parameter.value)});
    }
    json.object(name, {{"v_syn", into(v_syn)}}, optional);
    if (!(v_syn > 0)) reject("v_syn must be above 0, got ", v_syn);
    if (std::isnan(circuit.e_plus)) circuit.e_plus = v_syn;
    if (std::isnan(circuit.e_minus)) circuit.e_minus = -v_syn;
    const std::size_t n = injections.empty() || loads.empty() ? 0 : std::max(injections.size(), loads.size());
    for (const auto* lists : {&injections, &loads}) {
        if (n == 0 || lists->size() == 1 || lists->size() == n) continue;
        reject("injection and load must be given once or for each layer, got ", injections.size(), " and ",
               loads.size());
    }
    for (std::size_t i = 0; i < n; ++i) {
        const std::vector<double>& pair = injections[injections.size() == 1 ? 0 : i];
        const std::vector<double>& load = loads[loads.size() == 1 ? 0 : i];
        circuit.injection_plus = pair[0];
        circuit.injection_minus = pair[1];
        circuit.load = {load[0], load[1], load[2], load[3], load[4], load[5]};
        circuits.push_back(circuit);
    }
    return circuits;
}

Maps maps_of(const std::vector<std::size_t>& shape) {
    if (shape.size() != 3) reject("in_shape must be (height, width, channels), got ", listed(shape));
    return {shape[0], shape[1], shape[2]};
}

/// The wiring of one layer; dense if no part is there.
Wiring read_wiring(JsonReader& json, const char* name) {
    std::vector<std::size_t> maps, kernel;
    Conv2d conv;
    const auto into_list = [&json](std::vector<std::size_t>& sizes) {
        return [&json, &sizes](const char* part) { json.array(part, [&] { sizes.push_back(json.size(part)); }); };
    };
    const auto into = [&json](std::size_t& size) {
        return [&json, &size](const char* part) { size = json.size(part); };
    };
    json.object(name, {},
                {{"maps", into_list(maps)},
                 {"kernel", into_list(kernel)},
                 {"stride", into(conv.stride)},
                 {"padding", into(conv.padding)},
                 {"first", into(conv.first)},
                 {"pool", into(conv.pool)}});
    if (!kernel.empty()) {
        if (kernel.size() != 2) reject("kernel must be (k_h, k_w), got ", listed(kernel));
        conv.in = maps_of(maps);
        conv.kernel_height = kernel[0];
        conv.kernel_width = kernel[1];
        return conv;
    }
    if (conv.stride != 1 || conv.padding != 0 || conv.pool != 1) {
        reject("stride, padding and pool of a layer without a kernel must be 1, 0 and 1");
    }
    if (maps.empty()) return conv.first == 1 ? Wiring(Dense{}) : FirstSpike{conv.first};
    if (conv.first < 2) reject("window must be at least 2, got ", conv.first);
    return FirstSpike2d{maps_of(maps), conv.first};
}

template <class Real>
Network<Real> network_of(const Safetensors& file) {
    std::vector<std::vector<Real>> weights;
    std::vector<Span2<const Real>> views;
    for (std::size_t l = 0; l < file.tensors().size(); ++l) {
        const auto found = file.tensors().find("weights." + std::to_string(l));
        if (found == file.tensors().end()) reject("it has no weights.", l);
        const detail::Tensor& tensor = found->second;
        if (tensor.dtype != (sizeof(Real) == 8 ? "F64" : "F32")) reject("its layers differ in precision");
        if (tensor.shape.size() != 2) {
            reject("weights[", l, "] must have 2 dimensions, got ", listed(tensor.shape));
        }
        const std::size_t rows = tensor.shape[0], cols = tensor.shape[1];
        std::vector<Real>& w = weights.emplace_back(rows * cols);
        const unsigned char* bytes = file.bytes(tensor);
        for (std::size_t i = 0; i < w.size(); ++i) w[i] = detail::from_bytes<Real>(bytes + i * sizeof(Real));
        views.push_back({w.data(), rows, cols});
    }
    std::vector<std::size_t> says;
    std::vector<Circuit> circuits;
    std::vector<Wiring> wiring(views.size());
    std::string phases = "two";
    JsonReader json(metadata(file, "header"));
    const auto read_wirings = [&](const char* name) {
        wiring.clear();
        json.array(name, [&] { wiring.push_back(read_wiring(json, name)); });
    };
    json.object("header",
                {{"sizes", [&](const char* name) { json.array(name, [&] { says.push_back(json.size(name)); }); }},
                 {"circuit", [&](const char* name) { circuits = read_circuit(json, name); }}},
                {{"wiring", read_wirings}, {"phases", [&](const char* name) { phases = json.string(name); }}});
    json.end();
    const Phases kind = phases_of(phases);
    if (wiring.size() != views.size()) {
        reject("wiring must be given for all ", views.size(), " layers, got ", wiring.size());
    }
    if (circuits.size() == 1) circuits.resize(std::max<std::size_t>(views.size(), 1), Circuit(circuits[0]));
    Network<Real> network(views, wiring, circuits, kind);
    std::vector<std::size_t> holds{network.n_in()};
    for (std::size_t l = 0; l < network.n_layers(); ++l) holds.push_back(network.n_out(l));
    if (says != holds) reject("it says sizes ", listed(says), " but holds weights of ", listed(holds));
    return network;
}

}  // namespace

template <class Real>
Network<Real> detail::read_model(std::istream& stream, const std::string& path) {
    Safetensors file = whole(path, [&] { return Safetensors(stream); });
    check_format(path, file);
    whole(path, [&] { file.read_arrays(stream); });
    const auto& tensors = file.tensors();
    const bool holds_doubles = !tensors.empty() && tensors.begin()->second.dtype == "F64";
    if (!tensors.empty() && holds_doubles != (sizeof(Real) == 8)) {
        reject(path, " holds ", holds_doubles ? "float64" : "float32", " weights; load it as Network<",
               holds_doubles ? "double" : "float", ">");
    }
    return whole(path, [&] { return network_of<Real>(file); });
}

template <class Real>
Network<Real> Network<Real>::load(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error("no model at " + path);
    return detail::read_model<Real>(stream, path);
}

#define RCSPIKE_INSTANTIATE(Real)                                                       \
    template Network<Real> detail::read_model<Real>(std::istream&, const std::string&); \
    template Network<Real> Network<Real>::load(const std::string&);
RCSPIKE_INSTANTIATE(float)
RCSPIKE_INSTANTIATE(double)
#undef RCSPIKE_INSTANTIATE

}  // namespace rcspike
