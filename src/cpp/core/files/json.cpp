#include "files/json.h"

#include <cstdint>
#include <limits>
#include <set>

#include "common/check.h"

namespace rcspike::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::uint32_t code, std::string& to) {
    if (code < 0x80) return to.push_back(static_cast<char>(code));
    const int rest = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes of six bits that follow the first
    const std::uint32_t lead = rest == 1 ? 0xc0 : rest == 2 ? 0xe0 : 0xf0;
    to.push_back(static_cast<char>(lead | code >> 6 * rest));
    for (int i = rest - 1; i >= 0; --i) to.push_back(static_cast<char>(0x80 | (code >> 6 * i & 0x3f)));
}

}  // namespace

void JsonReader::object(const char* name, const std::function<void(const std::string& name)>& read) {
    if (!take('{')) reject(name, " in its header is not an object");
    if (take('}')) return;
    std::set<std::string> names;  // a set and not a hash table, which a hostile file could make quadratic
    do {
        if (!take('"')) fail("a name expected");
        const auto [member, is_new] = names.insert(rest_of_string());
        if (!is_new) fail("a name that was there before");
        if (!take(':')) fail("':' expected");
        read(*member);
    } while (take(','));
    if (!take('}')) fail("',' or '}' expected");
}

void JsonReader::object(const char* name, const std::vector<Member>& needed, const std::vector<Member>& optional) {
    std::set<std::string> missing;
    for (const Member& member : needed) missing.insert(member.name);
    object(name, [&](const std::string& found) {
        for (const std::vector<Member>* members : {&needed, &optional}) {
            for (const Member& member : *members) {
                if (found != member.name) continue;
                missing.erase(found);
                return member.read(member.name);
            }
        }
        reject(name, " in its header has a part that is not known here");
    });
    if (!missing.empty()) reject("its header has no ", *missing.begin());
}

void JsonReader::array(const char* name, const std::function<void()>& read) {
    if (!take('[')) reject(name, " in its header is not a list");
    if (take(']')) return;
    do read();
    while (take(','));
    if (!take(']')) fail("',' or ']' expected");
}

std::string JsonReader::string(const char* name) {
    if (!take('"')) reject(name, " in its header is not text");
    return rest_of_string();
}

std::size_t JsonReader::size(const char* name) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    const std::string_view text = number(name);
    std::size_t n = 0;
    for (const char c : text) {
        const auto digit = static_cast<std::size_t>(c - '0');
        if (!is_digit(c) || n > (most - digit) / 10) reject(name, " in its header is not a size: ", text);
        n = 10 * n + digit;
    }
    return n;
}

std::string_view JsonReader::number(const char* name) {
    skip_space();
    if (peek() != '-' && !is_digit(peek())) reject(name, " in its header is not a number");
    const std::size_t first = at_;
    if (peek() == '-') ++at_;
    peek() == '0' ? void(++at_) : digits();
    if (peek() == '.') ++at_, digits();
    if (peek() == 'e' || peek() == 'E') {
        ++at_;
        if (peek() == '+' || peek() == '-') ++at_;
        digits();
    }
    return text_.substr(first, at_ - first);
}

void JsonReader::end() {
    skip_space();
    if (at_ != text_.size()) fail("more than one value");
}

void JsonReader::fail(const char* why) const { reject("invalid JSON at character ", at_, ": ", why); }

void JsonReader::skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
}

bool JsonReader::take(char wanted) {
    skip_space();
    if (peek() != wanted) return false;
    ++at_;
    return true;
}

void JsonReader::digits() {
    if (!is_digit(peek())) fail("a digit expected");
    while (is_digit(peek())) ++at_;
}

std::string JsonReader::rest_of_string() {
    std::string read;
    for (;;) {
        if (at_ == text_.size()) fail("a string without end");
        const char c = text_[at_++];
        if (c == '"') return read;
        if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
        c == '\\' ? escape(read) : read.push_back(c);
    }
}

void JsonReader::escape(std::string& to) {
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

std::uint32_t JsonReader::hex4() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        const char c = peek(), lower = static_cast<char>(c | 0x20);
        if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) fail("four hexadecimal digits expected");
        code = 16 * code + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    return code;
}

}  // namespace rcspike::detail
