// JSON as the headers of model files have it: read whole, refused unless it is valid.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rcspike::detail {

struct Json {
    enum class Kind { literal, number, string, array, object };

    Kind kind = Kind::literal;
    std::string text;                                   // of a string without its escapes, of a number as it stands
    std::vector<Json> items;                            // of an array
    std::vector<std::pair<std::string, Json>> members;  // of an object, in their order

    /// Throws std::invalid_argument, saying where, if the text is not one JSON value.
    static Json parse(std::string_view text);

    /// The member of this name, or nullptr.
    const Json* find(std::string_view name) const;

    // What it is, or std::invalid_argument, which calls it by the name given here.
    const Json& member(const char* name) const;
    const std::string& string(const char* name) const;
    const std::vector<Json>& array(const char* name) const;
    std::size_t size(const char* name) const;  ///< a number that counts something
};

}  // namespace rcspike::detail
