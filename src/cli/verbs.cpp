#include "cli/verbs.h"

#include "cli/train/hand_over.h"
#include "command/manual_verbs.h"

namespace pliant::cli {

std::vector<Verb> all_verbs() {
  return {generate_verb(),
          chat_verb(),
          logits_verb(),
          perplexity_verb(),
          eval_verb(),
          tokenize_verb(),
          detokenize_verb(),
          tokenizer_train_verb(),
          data_pack_verb(),
          data_check_verb(),
          data_scenes_verb(),
          convert_verb(),
          quantize_verb(),
          inspect_verb(),
          plan_verb(),
          plan_check_verb(),
          run_verb(),
          search_measure_verb(),
          search_sample_verb(),
          search_profile_verb(),
          absent_search_train_verb(),
          search_find_verb(),
          search_export_verb(),
          einsum_verb(),
          keys_new_verb(),
          encrypt_verb(),
          decrypt_verb(),
          bench_lm_verb(),
          absent_train_verb(),
          doctor_verb(),
          man_verb("pliant"),
          completion_verb("pliant")};
}

}  // namespace pliant::cli
