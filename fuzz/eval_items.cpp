// Any bytes as a set of questions: the right choice of every item that is read is one of its
// trials.
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "eval/items.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pliant;
  try {
    const eval::ItemSet set =
        eval::items_from_json_lines({reinterpret_cast<const char*>(data), size}, "fuzz.jsonl",
                                    {.prompt = "Q: {context}", .shots = size % 3 == 2 ? 1 : 0});
    for (const eval::Item& item : set.items) {
      if (item.label < 0 || item.label >= std::ssize(item.trials)) std::abort();
      if (!item.lengths.empty() && item.lengths.size() != item.trials.size()) std::abort();
    }
  } catch (const Error&) {
  }
  return 0;
}
