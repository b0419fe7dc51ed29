#include "eval/suites.h"

namespace pliant::eval {
namespace {

constexpr std::string_view plain = "{context}", question = "Question: {context}\nAnswer:";

constexpr SuiteSet zero_shot[] = {
    {"arc-challenge", question}, {"arc-easy", question}, {"boolq", plain},     {"hellaswag", plain},
    {"piqa", question},          {"sciq", plain},        {"winogrande", plain}};

constexpr SuiteSet leaderboard[] = {{"arc-challenge", question, 25},
                                    {"hellaswag", plain, 10},
                                    {"mmlu", plain, 5},
                                    {"truthfulqa", plain},
                                    {"winogrande", plain, 5}};

constexpr SuiteSet llm360[] = {{"arc-challenge", question, 25},
                               {"crows-pairs", plain, 25},
                               {"hellaswag", plain, 10},
                               {"mmlu", plain, 5},
                               {"piqa", question},
                               {"race", plain},
                               {"truthfulqa", plain},
                               {"winogrande", plain, 5}};

constexpr Suite all[] = {
    {"zero-shot", zero_shot}, {"leaderboard", leaderboard}, {"llm360", llm360}};

}  // namespace

std::span<const Suite> suites() { return all; }

}  // namespace pliant::eval
