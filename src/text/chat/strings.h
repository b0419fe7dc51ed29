// What filters and methods of strings share; each as Python's str method of its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pliant::chat {

enum class Ends { both, left, right };
// null: white space
std::string strip(std::string_view text, Ends ends, const std::string* characters);
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);  // the method: words begin after what is no letter
// the filter: words begin after spaces and opening brackets
std::string title_words(std::string_view text);
std::string replace(std::string_view text, std::string_view old, std::string_view fresh,
                    std::int64_t count);
std::vector<std::string> split(std::string_view text, const std::string* separator,
                               std::int64_t most);
std::vector<std::string> split_right(std::string_view text, const std::string* separator,
                                     std::int64_t most);
std::vector<std::string> split_lines(std::string_view text);
std::size_t code_count(std::string_view text);

}  // namespace pliant::chat
