// A model that learns from another one's predictions as well (arXiv 1503.02531).
#pragma once

#include <cstdint>
#include <string_view>

#include "models/language/language.h"

namespace pliant {

struct Distillation {
  double weight = 0.5;     // of the teacher's predictions; the text's own next tokens have the rest
  double temperature = 1;  // that divides both models' logits
};

// The weights of the teacher have this before their canonical names.
inline constexpr std::string_view teacher_prefix = "teacher.";

// As loss_graph(), with the teacher in the same graph, on the same rows. loss = (1 - weight) * nll
// + weight * temperature^2 * divergence + z_loss * z; a fourth output, divergence: KL(teacher ||
// model) at the temperature, summed over the rows that have a target, in nats. The teacher gets no
// gradient. Both models' logits exist as a whole: 2 * rows * vocabulary floats. Throws
// Error{invalid} for vocabularies that differ or numbers out of range, and as loss_graph().
Graph distill_graph(const LanguageConfig& config, const LanguageConfig& teacher, std::int64_t rows,
                    double z_loss, const Distillation& how);

}  // namespace pliant
