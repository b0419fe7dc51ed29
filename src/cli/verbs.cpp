#include "cli/verb.h"

namespace pliant::cli {

std::vector<Verb> all_verbs() {
  return {generate_verb(),
          chat_verb(),
          logits_verb(),
          perplexity_verb(),
          tokenize_verb(),
          detokenize_verb(),
          tokenizer_train_verb(),
          convert_verb(),
          quantize_verb(),
          inspect_verb(),
          plan_verb(),
          plan_check_verb(),
          run_verb(),
          doctor_verb(),
          man_verb(),
          completion_verb()};
}

Pool& Context::pool() const {
  if (!pool_) pool_ = std::make_unique<Pool>(common.threads > 0 ? static_cast<int>(common.threads) : default_threads());
  return *pool_;
}

}  // namespace pliant::cli
