// The JSON of model files: what is read, and what is an error.
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "files/json.h"
#include "fixture.h"

using namespace rcspike;
using namespace rcspike::test;

TEST(json_is_read_with_its_escapes) {
    detail::JsonReader json(R"( {"a": [1, [], 18446744073709551615], "b\n": "\u00e9\ud83d\ude00\"\\\/\t"} )");
    std::vector<std::string> read;
    std::vector<std::size_t> sizes;
    json.object("all", [&](const std::string& name) {
        read.push_back(name);
        if (name != "a") return read.push_back(json.string("text"));
        std::size_t n = 0;
        json.array("list", [&] {
            if (++n == 2) return json.array("inner", [] {});
            sizes.push_back(json.size("size"));
        });
    });
    json.end();
    CHECK(read == std::vector<std::string>({"a", "b\n", "\xc3\xa9\xf0\x9f\x98\x80\"\\/\t"}));
    CHECK(sizes == std::vector<std::size_t>({1, std::numeric_limits<std::size_t>::max()}));
    CHECK_THROWS(detail::JsonReader("18446744073709551616").size("n"), std::invalid_argument,
                 "n in its header is not a size");
    CHECK_EQUAL(std::string(detail::JsonReader(" -2.5e+3,").number("x")), std::string("-2.5e+3"));
}

namespace {

/// Reads the kind of value that the text begins with.
void read_value(detail::JsonReader& json, const std::string& text) {
    const char first = text.find_first_not_of(' ') == text.npos ? ' ' : text[text.find_first_not_of(' ')];
    if (first == '{') {
        json.object("x", [&](const std::string&) { json.number("x"); });
    } else if (first == '[') {
        json.array("x", [&] { json.number("x"); });
    } else if (first == '"') {
        json.string("x");
    } else {
        json.number("x");
    }
    json.end();
}

}  // namespace

TEST(text_that_is_not_json_is_rejected) {
    for (const std::string text : {"",
                                   " ",
                                   "{",
                                   "[",
                                   "[1,]",
                                   "[1 2]",
                                   "{\"a\"}",
                                   "{\"a\":}",
                                   "{\"a\":1,}",
                                   "{a:1}",
                                   "\"",
                                   "\"\\",
                                   "\"\\x\"",
                                   "\"\\u12\"",
                                   "\"\\u12g4\"",
                                   "\"\\ud800\"",
                                   "\"\\ud800\\u0041\"",
                                   "\"\\udc00\"",
                                   "\"\n\"",
                                   "01",
                                   "-",
                                   "1.",
                                   "1e",
                                   "1e+",
                                   ".5",
                                   "+1",
                                   "tru",
                                   "nil",
                                   "1 2",
                                   "]",
                                   "{\"a\":1,\"a\":2}"}) {
        detail::JsonReader json(text);
        CHECK_THROWS(read_value(json, text), std::invalid_argument, "");
    }
    detail::JsonReader deep(std::string_view("[[[[["));
    CHECK_THROWS(deep.array("sizes", [&] { deep.size("sizes"); }), std::invalid_argument,
                 "sizes in its header is not a number");
}
