// Model files that are invalid, and their errors. That valid ones are the networks which Python reads is tested from
// there.
#include <cstdio>
#include <fstream>

#include "check.h"
#include "files/checksum.h"
#include "fixture.h"
#include "rcspike/network.h"

using namespace rcspike;
using namespace rcspike::test;

namespace {

/// A file for as long as the object lives, one for each process of the tests.
struct File {
    std::string path;

    explicit File(const std::string& bytes) {
        const char* isa = std::getenv("RCSPIKE_ISA");
        path = std::string("test_model_") + (isa && *isa ? isa : "best") + ".safetensors";
        std::ofstream(path, std::ios::binary) << bytes;
    }
    ~File() { std::remove(path.c_str()); }
};

std::string file(const std::string& header, const std::string& arrays) {
    std::string start;
    for (int i = 0; i < 8; ++i) start.push_back(static_cast<char>(header.size() >> (8 * i) & 0xff));
    return start + header + arrays;
}

/// A model of 2 - 3 - 1; tests change its parts.
template <class Real>
struct Model {
    Matrix<Real> first = uniform<Real>(2, 3, -1, 2, 1), second = uniform<Real>(3, 1, -1, 2, 2);
    std::string format = R"("format": "rcspike-model", "format_version": "1")";
    std::string circuit =
        R"({"v_syn": "2.0", "e_plus": "2.0", "e_minus": "-inf", "diode_drop": "1e-01", "ramp": "0.5"})";
    std::string header = R"({"sizes": [2, 3, 1], "circuit": )" + circuit + "}";
    std::string weights0, weights1;

    Model() {
        weights0 = entry("[2, 3]", 0, 6);
        weights1 = entry("[3, 1]", 6, 9);
    }

    static std::string entry(const std::string& shape, std::size_t first, std::size_t last) {
        return R"({"dtype": ")" + std::string(sizeof(Real) == 4 ? "F32" : "F64") + R"(", "shape": )" + shape +
               R"(, "data_offsets": [)" + std::to_string(first * sizeof(Real)) + ", " +
               std::to_string(last * sizeof(Real)) + "]}";
    }

    std::string arrays() const {  // on the machines that the tests run on, which are little-endian
        std::string bytes;
        for (const Matrix<Real>* m : {&first, &second}) {
            bytes.append(reinterpret_cast<const char*>(m->values.data()), m->values.size() * sizeof(Real));
        }
        return bytes;
    }

    std::string bytes() const {
        std::string quoted;
        for (const char c : header) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
        return file(R"({"__metadata__": {)" + format + R"(, "header": ")" + quoted + R"("}, "weights.0": )" + weights0 +
                        R"(, "weights.1": )" + weights1 + "}   ",
                    arrays());
    }

    void set_circuit(const std::string& text) { header = R"({"sizes": [2, 3, 1], "circuit": )" + text + "}"; }
};

template <class Real>
Network<Real> load(const std::string& bytes) {
    const File written(bytes);
    return Network<Real>::load(written.path);
}

template <class Real>
void rejected(const Model<Real>& model, const std::string& why) {
    CHECK_THROWS(load<Real>(model.bytes()), std::invalid_argument, why);
    CHECK_THROWS(load<Real>(model.bytes()), std::invalid_argument, ".safetensors is not a whole rcspike model: ");
}

template <class Real>
using Other = std::conditional_t<sizeof(Real) == 4, double, float>;

}  // namespace

TEST_EACH_REAL(a_file_that_is_not_there_is_rejected) {
    CHECK_THROWS(Network<Real>::load("no/such/file"), std::runtime_error, "no model at no/such/file");
    CHECK_THROWS(Network<Real>::load("."), std::exception, "");
}

TEST_EACH_REAL(a_file_cut_off_anywhere_is_rejected) {
    const std::string bytes = Model<Real>().bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_THROWS(load<Real>(bytes.substr(0, length)), std::invalid_argument, "is not a whole rcspike model: ");
    }
    CHECK_THROWS(load<Real>(bytes + '\0'), std::invalid_argument, "its header describes");
}

TEST_EACH_REAL(no_change_of_bytes_does_worse_than_being_rejected) {
    const std::string bytes = Model<Real>().bytes();
    Random random(7);
    for (int i = 0; i < 2000; ++i) {
        std::string changed = bytes;
        for (int n = 0; n < 1 + i % 3; ++n) {
            changed[random.below(changed.size())] = static_cast<char>(random.below(256));
        }
        try {
            load<Real>(changed);
        } catch (const std::invalid_argument&) {
        }
    }
}

TEST_EACH_REAL(a_file_that_is_not_a_model_of_rcspike_is_rejected) {
    Model<Real> model;
    model.format = R"("format": "rcspike-checkpoint", "format_version": "1")";
    CHECK_THROWS(load<Real>(model.bytes()), std::invalid_argument, " is not an rcspike model but rcspike-checkpoint");
    CHECK_THROWS(load<Real>(file(R"({"a": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]}})", "x")),
                 std::invalid_argument, " is not an rcspike model but a safetensors file of something else");
    CHECK_THROWS(load<Real>("these are words and not a model"), std::invalid_argument, "it is not a safetensors file");
    CHECK_THROWS(load<Real>(file("{]", "")), std::invalid_argument, "invalid JSON at character 1");
    CHECK_THROWS(load<Real>(file(" {}", "")), std::invalid_argument, "its header is not a JSON object");
    CHECK_THROWS(load<Real>(file("", "")), std::invalid_argument, "its header is not a JSON object");
}

TEST_EACH_REAL(parts_of_a_header_that_do_not_fit_the_layers_are_rejected) {
    Model<Real> model;
    const auto with = [&](const std::string& parts, const std::string& sizes = "[2, 3, 1]") {
        model.header = R"({"sizes": )" + sizes + R"(, "circuit": )" + model.circuit + parts + "}";
    };
    with(R"(, "phases": "three")");
    rejected(model, "phases must be 'two' or 'single', got 'three'");
    const auto injecting = [&](const std::string& pairs) {
        model.set_circuit(model.circuit.substr(0, model.circuit.size() - 1) + R"(, "injection": )" + pairs + "}");
    };
    injecting(R"([["0.5"]])");
    rejected(model, "injection must be pairs of numbers");
    injecting("[]");
    rejected(model, "circuits must be given for all 2 layers, got 0");
    injecting(R"([["0.5", "inf"]])");
    rejected(model, "injection must be finite");
    const auto loading = [&](const std::string& loads) {
        model.set_circuit(R"({"v_syn": "2", "load": )" + loads + "}");
    };
    loading(R"([["0.01", "0.5", "0", "0", "0", "0"], ["0", "0", "0.001", "0.002", "3", "2"]])");
    const Network<Real> loaded = load<Real>(model.bytes());
    CHECK_EQUAL(loaded.circuit(0).load.position, 0.5);
    CHECK_EQUAL(loaded.circuit(1).load.junction_minus, 0.002);
    CHECK_EQUAL(loaded.circuit(1).load.width_plus, 3.0);
    loading(R"([["0.01", "0.5"]])");
    rejected(model, "load must be groups of six of numbers");
    loading(R"([["-0.01", "0", "0", "0", "0", "0"]])");
    rejected(model, "must be finite and not negative, got -0.01");
    loading(R"([["0", "1.5", "0", "0.1", "0", "0"]])");
    rejected(model, "position of a switch must be in [0, 1]");
    loading(
        R"([["0", "0", "0.1", "0", "0", "0"], ["0", "0", "0.1", "0", "0", "0"], ["0", "0", "0.1", "0", "0", "0"]])");
    rejected(model, "circuits must be given for all 2 layers, got 3");

    const auto wired = [&](const std::string& wiring, const std::string& sizes) {
        with(R"(, "wiring": )" + wiring, sizes);
    };
    const std::string conv = R"({"maps": [2, 2, 1], "kernel": [1, 2]})",
                      point = R"({"maps": [2, 1, 3], "kernel": [1, 1]})";
    wired("[" + conv + ", " + point + "]", "[4, 6, 2]");
    CHECK_EQUAL(load<Real>(model.bytes()).n_in(), 4u);
    wired("[" + conv + ", " + point + "]", "[4, 6, 3]");
    rejected(model, "it says sizes [4, 6, 3] but holds weights of [4, 6, 2]");
    wired(R"([{"maps": [2, 4], "first": 2}, {}])", "[4, 6, 2]");
    rejected(model, "must be (height, width, channels), got [2, 4]");
    for (const char* part : {R"("stride": 2)", R"("padding": 1)", R"("pool": 2)"}) {
        wired("[{" + std::string(part) + "}, {}]", "[2, 3, 1]");
        rejected(model, "stride, padding and pool of a layer without a kernel must be 1, 0 and 1");
    }
    wired("[]", "[2, 3, 1]");
    rejected(model, "wiring must be given for all 2 layers, got 0");
    wired(R"([{"first": 4}])", "[8, 3, 1]");
    rejected(model, "wiring must be given for all 2 layers, got 1");
    wired(R"([{"first": 0}, {}])", "[0, 3, 1]");
    rejected(model, "window must be at least 1, got 0");
    wired(R"([{"first": 9223372036854775808}, {}])", "[0, 3, 1]");
    rejected(model, "too many inputs");
    wired(R"([{}, {"first": 2}])", "[2, 3, 1]");
    rejected(model, "window must divide the 3 inputs of its layer");
}

TEST_EACH_REAL(another_format_is_rejected_with_the_way_out) {
    Model<Real> model;
    for (const char* version :
         {"2", "1a", "-1", "0", "1_0", " 1", "1.0", "1e0", "01", "", "99999999999999999999", "\u0661"}) {
        model.format = std::string(R"("format": "rcspike-model", "format_version": ")") + version + '"';
        rejected(model, "format_version must be 1, got '");
    }
    model.format = R"("format": "rcspike-model")";
    rejected(model, "its header has no format_version");
    model.format = R"("format": "rcspike-model", "format_version": "1", "author": "x")";
    rejected(model, "__metadata__ in its header has a part that is not known here");
}

TEST_EACH_REAL(the_other_precision_is_rejected_and_says_which_it_is) {
    const std::string why = sizeof(Real) == 4 ? " holds float32 weights; load it as Network<float>"
                                              : " holds float64 weights; load it as Network<double>";
    CHECK_THROWS(load<Other<Real>>(Model<Real>().bytes()), std::invalid_argument, why);
    Model<Real> half;
    half.weights0 = R"({"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]})";
    rejected(half, "weights.0 must be float32 or float64, got F16");
}

TEST_EACH_REAL(shapes_that_do_not_fit_are_rejected) {
    const auto with = [](const std::string& weights0, const std::string& weights1, const char* why) {
        Model<Real> model;
        model.weights0 = weights0;
        model.weights1 = weights1;
        rejected(model, why);
    };
    const auto entry = Model<Real>::entry;
    with(entry("[3, 2]", 0, 6), entry("[3, 1]", 6, 9), "weights[1] must have shape (2, 1), got (3, 1)");
    with(entry("[6]", 0, 6), entry("[3, 1]", 6, 9), "weights[0] must have 2 dimensions, got [6]");
    with(entry("[2, 4]", 0, 6), entry("[3, 1]", 6, 9), "bytes, which do not make its shape");
    with(entry("[2, 9223372036854775809]", 0, 6), entry("[3, 1]", 6, 9), "bytes, which do not make its shape");
    with(entry("[2, 0]", 0, 0), entry("[9, 1]", 0, 9), "weights[0] is empty, got shape (2, 0)");
    with(entry("[2, 3]", 0, 6), entry("[6, 1]", 3, 9), "overlap or leave a gap");
    with(entry("[2, 3]", 0, 6), entry("[6, 1]", 0, 6), "weights.1 lies where another array does");
    with(entry("[2, 3]", 0, 6), entry("[2, 1]", 7, 9), "overlap or leave a gap");
    with(entry("[2, 3]", 0, 6), entry("[2, 1]", 6, 8), "its header describes");
    with(entry("[2, 3]", 0, 6), entry("[4, 1]", 6, 10), "weights.1 should lie in bytes");
    with(entry("[2, 3]", 6, 0), entry("[3, 1]", 6, 9), "weights.0 should lie in bytes");
    with(entry("[2, -3]", 0, 6), entry("[3, 1]", 6, 9), "shape in its header is not a size: -3");
    with(entry("[2, 99999999999999999999]", 0, 6), entry("[3, 1]", 6, 9), "is not a size: 99999999999999999999");
    with("3", entry("[3, 1]", 6, 9), "weights.0 in its header is not an object");
    with(R"({"dtype": "F32"})", entry("[3, 1]", 6, 9), "its header has no data_offsets");
    with(entry("7", 0, 6), entry("[3, 1]", 6, 9), "shape in its header is not a list");
    with(R"({"dtype": 4})", entry("[3, 1]", 6, 9), "dtype in its header is not text");
    with(R"({"dtype": "F32", "shape": [], "data_offsets": [0]})", "{}", "weights.0 must have two data_offsets, got 1");
    std::string more = entry("[2, 3]", 0, 6);
    more.insert(1, R"("device": "cpu", )");
    with(more, entry("[3, 1]", 6, 9), "weights.0 in its header has a part that is not known here");
    const std::string twice = entry("[2, 3]", 0, 6) + R"(, "weights.0": )" + entry("[2, 3]", 0, 6);
    with(twice, entry("[3, 1]", 6, 9), "a name that was there before");

    Model<Real> model;
    model.header = R"({"sizes": [2, 4, 1], "circuit": )" + model.circuit + "}";
    rejected(model, "it says sizes [2, 4, 1] but holds weights of [2, 3, 1]");
}

TEST_EACH_REAL(weights_that_are_missing_are_rejected) {
    std::string bytes = Model<Real>().bytes();
    bytes.replace(bytes.find("weights.1"), 9, "weights.2");
    CHECK_THROWS(load<Real>(bytes), std::invalid_argument, "it has no weights.1");
    CHECK_THROWS(load<Real>(file(R"({"__metadata__": {"format": "rcspike-model", "format_version": "1", "header":
            "{\"circuit\": {\"v_syn\": \"1\", \"e_plus\": \"1\", \"e_minus\": \"-1\", \"diode_drop\": \"0\",)"
                                 R"( \"ramp\": \"0\"}, \"sizes\": [1]}"}})",
                                 "")),
                 std::invalid_argument, "a network needs at least one layer");
}

TEST_EACH_REAL(weights_that_are_not_finite_are_rejected) {
    Model<Real> model;
    model.second(2, 0) = Real(not_a_number);
    rejected(model, "weights[1][2, 0] must be finite, got nan");
}

TEST_EACH_REAL(a_circuit_that_is_not_physical_or_not_known_is_rejected) {
    const auto with = [](const std::string& circuit, const char* why) {
        Model<Real> model;
        model.set_circuit(circuit);
        rejected(model, why);
    };
    const auto circuit = [](const std::string& v_syn, const std::string& e_plus, const std::string& more = "") {
        return R"({"v_syn": ")" + v_syn + R"(", "e_plus": ")" + e_plus +
               R"(", "e_minus": "-1.0", "diode_drop": "0.0", "ramp": "0.0")" + more + "}";
    };
    with(circuit("1.0", "-2.0"), "e_plus must be above the resting voltage 0, got -2");
    with(circuit("-1.0", "1.0"), "v_syn must be above 0, got -1");
    with(circuit("1.0", "1.0x"), "e_plus is not a number: '1.0x'");
    with(circuit("1.0", ""), "e_plus is not a number: ''");
    with(circuit("1.0", " 1.0"), "e_plus is not a number: ' 1.0'");
    with(circuit("nan", "1.0"), "v_syn is not a number: 'nan'");
    with(circuit("1.0", "1.0", R"(, "leak": "0.1")"), "circuit in its header has a part that is not known here");
    with(circuit("1.0", "0x1"), "e_plus is not a number: '0x1'");
    with(circuit("1.0", "1_0"), "e_plus is not a number: '1_0'");
    with(circuit("1.0", "1e400"), "e_plus is not a number: '1e400'");
    with(circuit("1.0", "+1"), "e_plus is not a number: '+1'");
    with(circuit("1.0", "infinity"), "e_plus is not a number: 'infinity'");
    with("{}", "its header has no v_syn");
    with("[]", "circuit in its header is not an object");
    Model<Real> model;
    model.header = "{}";
    rejected(model, "its header has no circuit");
}

TEST_EACH_REAL(damage_is_noticed) {
    const auto with = [](const std::string& crc) {
        Model<Real> model;
        model.format += R"(, "crc32": ")" + crc + '"';
        return model;
    };
    // Of the bytes that docs/files.md describes, by Python's zlib.crc32.
    const std::string crc = sizeof(Real) == 4 ? "2967e6e2" : "eef222a4";
    const std::string bytes = with(crc).bytes();
    CHECK_EQUAL(load<Real>(bytes).n_layers(), 2u);
    for (const char* other : {"", "00000000", "CRC"}) rejected(with(other), "it is damaged, take another copy");
    std::string changed = bytes;
    changed.back() = static_cast<char>(changed.back() ^ 1);
    CHECK_THROWS(load<Real>(changed), std::invalid_argument, "it is damaged, take another copy");
    changed = bytes;
    changed.replace(changed.find("1e-01"), 5, "1e-02");
    CHECK_THROWS(load<Real>(changed), std::invalid_argument, "it is damaged, take another copy");
}

TEST_EACH_REAL(a_header_has_a_limit) {
    const std::string start = Model<Real>().bytes();
    const auto padded = [&](std::size_t length) {
        const std::size_t before = start.size() - Model<Real>().arrays().size() - 8;
        return file(start.substr(8, before) + std::string(length - before, ' '), Model<Real>().arrays());
    };
    CHECK_EQUAL(load<Real>(padded(1 << 20)).n_layers(), 2u);
    CHECK_THROWS(load<Real>(padded((1 << 20) + 1)), std::invalid_argument,
                 "its header has 1048577 bytes, the limit is 1048576");
}

TEST(the_check_value_of_crc32_is_that_of_its_catalogue) {
    const auto of = [](const char* text, std::uint32_t before = 0) {
        return detail::crc32(reinterpret_cast<const unsigned char*>(text), std::string(text).size(), before);
    };
    CHECK_EQUAL(of("123456789"), 0xcbf43926u);
    CHECK_EQUAL(of("6789", of("12345")), 0xcbf43926u);
    CHECK_EQUAL(of(""), 0u);
}
