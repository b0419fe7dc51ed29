#include "models/language/files/vocabulary.h"

#include <fmt/format.h>

#include "core/error.h"
#include "models/language/files/assemble.h"

namespace pliant {

LanguageModel with_vocabulary(const LanguageModel& model, std::int64_t tokens,
                              std::string_view place) {
  if (tokens < 1 || tokens > model.config.vocabulary)
    throw Error(ErrorKind::invalid, std::string(place),
                fmt::format("a vocabulary of {} tokens in a table of {} rows", tokens,
                            model.config.vocabulary));
  const std::string embedding = weight_name(Part::embedding), head = weight_name(Part::head);
  auto weights = std::make_shared<WeightStore>();
  model.weights->for_each([&](const std::string& name, const Stored& stored) {
    const bool table = name == embedding || name == head;
    weights->add(name, table ? rows_of(stored, 0, tokens) : stored, model.weights->owner(name));
  });
  LanguageModel result{model.config, std::move(weights)};
  result.config.vocabulary = tokens;
  return result;
}

}  // namespace pliant
