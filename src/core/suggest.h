// "Did you mean": the nearest of a set of words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pliant {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `word`,
// ignoring case, or one that `word` begins; empty when none is near. The first of equals.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// "did you mean 'NAME'?", or `otherwise` when no candidate is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string otherwise = "");

}  // namespace pliant
