#include "json.h"

#include <cstdint>
#include <limits>

#include "check.h"

namespace rcspike::detail {
namespace {

constexpr int deepest = 64;  // a header has 3; a hostile one must not use up the stack

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Json whole() {
        Json json = value(0);
        skip_space();
        if (at_ != text_.size()) fail("more than one value");
        return json;
    }

private:
    [[noreturn]] void fail(const char* why) const { refuse("invalid JSON at character ", at_, ": ", why); }

    void skip_space() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char wanted) {
        skip_space();
        if (peek() != wanted) return false;
        ++at_;
        return true;
    }
    void expect(char wanted, const char* why) {
        if (!take(wanted)) fail(why);
    }

    Json value(int depth) {
        if (depth > deepest) fail("nested too deeply");
        Json json;
        if (take('{')) {
            json.kind = Json::Kind::object;
            if (take('}')) return json;
            do {
                expect('"', "a name expected");
                std::string name = string();
                if (json.find(name)) fail("a name that was there before");
                expect(':', "':' expected");
                json.members.emplace_back(std::move(name), value(depth + 1));
            } while (take(','));
            expect('}', "',' or '}' expected");
        } else if (take('[')) {
            json.kind = Json::Kind::array;
            if (take(']')) return json;
            do json.items.push_back(value(depth + 1));
            while (take(','));
            expect(']', "',' or ']' expected");
        } else if (take('"')) {
            json.kind = Json::Kind::string;
            json.text = string();
        } else if (peek() == '-' || is_digit(peek())) {
            json.kind = Json::Kind::number;
            json.text = number();
        } else {
            literal();
        }
        return json;
    }

    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    void digits() {
        if (!is_digit(peek())) fail("a digit expected");
        while (is_digit(peek())) ++at_;
    }

    std::string number() {
        const std::size_t first = at_;
        if (peek() == '-') ++at_;
        peek() == '0' ? void(++at_) : digits();
        if (peek() == '.') ++at_, digits();
        if (peek() == 'e' || peek() == 'E') {
            ++at_;
            if (peek() == '+' || peek() == '-') ++at_;
            digits();
        }
        return std::string(text_.substr(first, at_ - first));
    }

    void literal() {
        for (const std::string_view word : {"true", "false", "null"}) {
            if (text_.substr(at_, word.size()) == word) return void(at_ += word.size());
        }
        fail("a value expected");
    }

    std::string string() {
        std::string read;
        for (;;) {
            if (at_ == text_.size()) fail("a string without end");
            const char c = text_[at_++];
            if (c == '"') return read;
            if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
            c == '\\' ? escape(read) : read.push_back(c);
        }
    }

    void escape(std::string& to) {
        constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        const char c = peek();
        const std::size_t which = c == '\0' ? names.npos : names.find(c);
        ++at_;
        if (which != names.npos) return to.push_back(meanings[which]);
        if (c != 'u') fail("an unknown escape");
        std::uint32_t code = hex4();
        if (code >= 0xd800 && code < 0xdc00) {  // the first half of what UTF-16 needs two for
            if (text_.substr(at_, 2) != "\\u") fail("half a character");
            at_ += 2;
            const std::uint32_t low = hex4();
            if (low < 0xdc00 || low > 0xdfff) fail("half a character");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xdc00 && code < 0xe000) {
            fail("half a character");
        }
        append_utf8(code, to);
    }

    std::uint32_t hex4() {
        std::uint32_t code = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = peek(), lower = static_cast<char>(c | 0x20);
            if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) fail("four hexadecimal digits expected");
            code = 16 * code + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
        }
        return code;
    }

    static void append_utf8(std::uint32_t code, std::string& to) {
        if (code < 0x80) return to.push_back(static_cast<char>(code));
        const int rest = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes of six bits that follow the first
        const std::uint32_t lead = rest == 1 ? 0xc0 : rest == 2 ? 0xe0 : 0xf0;
        to.push_back(static_cast<char>(lead | code >> 6 * rest));
        for (int i = rest - 1; i >= 0; --i) to.push_back(static_cast<char>(0x80 | (code >> 6 * i & 0x3f)));
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text) { return Parser(text).whole(); }

const Json* Json::find(std::string_view name) const {
    for (const auto& member : members) {
        if (member.first == name) return &member.second;
    }
    return nullptr;
}

const Json& Json::member(const char* name) const {
    const Json* found = find(name);
    if (!found) refuse("its header has no ", name);
    return *found;
}

const std::string& Json::string(const char* name) const {
    if (kind != Kind::string) refuse(name, " in its header is not text");
    return text;
}

const std::vector<Json>& Json::array(const char* name) const {
    if (kind != Kind::array) refuse(name, " in its header is not a list");
    return items;
}

std::size_t Json::size(const char* name) const {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    std::size_t n = 0;
    bool whole = kind == Kind::number;
    for (const char c : text) {
        const auto digit = static_cast<std::size_t>(c - '0');
        whole = whole && c >= '0' && c <= '9' && n <= (most - digit) / 10;
        if (whole) n = 10 * n + digit;
    }
    if (!whole) refuse(name, " in its header is not a size: ", kind == Kind::number ? text : "no number");
    return n;
}

}  // namespace rcspike::detail
