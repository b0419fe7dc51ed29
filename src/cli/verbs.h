// The verbs of pliant. One file per verb.
#pragma once

#include <vector>

#include "command/verb.h"

namespace pliant::cli {

std::vector<Verb> all_verbs();
Verb bench_lm_verb();
Verb chat_verb();
Verb convert_verb();
Verb data_check_verb();
Verb data_pack_verb();
Verb data_scenes_verb();
Verb decrypt_verb();
Verb detokenize_verb();
Verb doctor_verb();
Verb einsum_verb();
Verb encrypt_verb();
Verb eval_verb();
Verb generate_verb();
Verb inspect_verb();
Verb keys_new_verb();
Verb logits_verb();
Verb perplexity_verb();
Verb plan_check_verb();
Verb plan_verb();
Verb quantize_verb();
Verb run_verb();
Verb search_export_verb();
Verb search_find_verb();
Verb search_measure_verb();
Verb search_profile_verb();
Verb search_sample_verb();
Verb tokenize_verb();
Verb tokenizer_train_verb();

}  // namespace pliant::cli
