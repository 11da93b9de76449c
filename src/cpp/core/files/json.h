// JSON as the headers of model files have it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rcspike::detail {

/// Reads a text value by value. Each call says which kind of value must come next, so that nothing is kept but what the
/// caller keeps, and values are nested no deeper than the calls are. All throw std::invalid_argument, which calls the
/// value by the name given here, if another kind comes, the text is not valid JSON, or a name comes twice in an object.
class JsonReader {
public:
    struct Member {
        const char* name;
        std::function<void(const char* name)> read;
    };

    explicit JsonReader(std::string_view text) : text_(text) {}

    /// Calls a function with each name, which reads the value that belongs to it.
    void object(const char* name, const std::function<void(const std::string& name)>& read);

    /// An object that has each of the needed members, perhaps optional ones, and no other, in any order.
    void object(const char* name, const std::vector<Member>& needed, const std::vector<Member>& optional = {});

    /// Calls a function for each item, which reads it.
    void array(const char* name, const std::function<void()>& read);

    std::string string(const char* name);       ///< without its escapes
    std::size_t size(const char* name);         ///< a number that counts something
    std::string_view number(const char* name);  ///< as it stands
    void end();                                 ///< of the text

private:
    [[noreturn]] void fail(const char* why) const;
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_space();
    bool take(char wanted);
    void digits();
    std::string rest_of_string();
    void escape(std::string& to);
    std::uint32_t hex4();

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace rcspike::detail
