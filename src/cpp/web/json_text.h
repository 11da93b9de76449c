// Text of JSON, as the page takes small results.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>
#include <string>

namespace rcspike::web {

/// Numbers have all their digits, and infinite ones are text.
class Json {
public:
    Json() { text_.precision(std::numeric_limits<double>::max_digits10); }
    Json& operator<<(const char* text) { return text_ << text, *this; }
    Json& operator<<(std::size_t n) { return text_ << n, *this; }
    Json& operator<<(double x) {
        if (std::isfinite(x)) return text_ << x, *this;
        return text_ << (x > 0 ? "\"inf\"" : "\"-inf\""), *this;
    }
    /// A list, each item as `write` writes it.
    template <class Items, class Write>
    Json& list(const Items& items, const Write& write) {
        text_ << '[';
        const char* comma = "";
        for (const auto& item : items) {
            text_ << comma;
            write(item);
            comma = ",";
        }
        return text_ << ']', *this;
    }
    std::string str() const { return text_.str(); }

private:
    std::ostringstream text_;
};

}  // namespace rcspike::web
