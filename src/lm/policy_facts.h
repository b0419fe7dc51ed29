// What policies of the cache must know of a language model.
#pragma once

#include "core/pool.h"
#include "machine/native/kv/choice/expected.h"
#include "machine/native/kv/choice/quadratic.h"
#include "models/language/language.h"

namespace pliant::lm {

// [layer][query head]: |W_o x|^2 of the columns of W_o that the head's values meet.
kv::OutputForms output_forms(const LanguageModel& model, ThreadPool& pool);

// How its queries are turned, and scaled.
kv::Expectation expectation(const LanguageConfig& config);

}  // namespace pliant::lm
