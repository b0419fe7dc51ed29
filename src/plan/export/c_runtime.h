// What stands in every exported header besides the tables: @p is the prefix, @P the same in
// capitals.
#pragma once

namespace pliant::plan {

// After the sizes, before the tables.
inline constexpr const char* c_types = R"(
/* An operator: reads its inputs, writes its outputs, both in the problem's order, all in the scratchpad; an output that
 * may be written in place can be the same bytes as its input, and inputs that are adjacent follow each other. workspace is null where the operator has none. Anything
 * but 0 ends the run. */
typedef int (*@p_kernel)(const void *const *inputs, void *const *outputs, void *workspace, void *context);

/* Memory that the firmware gives. The scratchpad and the spill region begin at multiples of @P_ALIGNMENT. */
typedef struct {
  unsigned char *scratchpad;    /* @P_SCRATCHPAD_BYTES */
  unsigned char *spill;         /* @P_SPILL_BYTES, off chip; may be null when that is 0 */
  const unsigned char *given[@P_GIVEN > 0 ? @P_GIVEN : 1];    /* inputs and weights, off chip, by @p_given_NAME */
  unsigned char *results[@P_RESULTS > 0 ? @P_RESULTS : 1];  /* outputs, off chip, by @p_result_NAME */
} @p_memory;
)";

// After the tables.
inline constexpr const char* c_functions = R"(
#ifndef @P_NO_RUNTIME

/* Copies between the scratchpad and off-chip memory; define it before this header is included to use another engine.
 * It must be done when it returns. */
#ifndef @P_COPY
#include <string.h>
#define @P_COPY(to, from, bytes) memcpy((to), (from), (size_t)(bytes))
#endif

#ifndef @P_MOVE
#include <string.h>
#define @P_MOVE(to, from, bytes) memmove((to), (from), (size_t)(bytes)) /* the ranges may overlap */
#endif

static inline void @p_load(const @p_memory *memory, const @p_copy *copy) {
  const @p_tensor *tensor = &@p_tensors[copy->tensor];
  const unsigned char *from = tensor->role == @P_ROLE_ACTIVATION ? memory->spill + tensor->where
                              : tensor->role == @P_ROLE_OUTPUT   ? memory->results[tensor->where]
                                                                   : memory->given[tensor->where];
  @P_COPY(memory->scratchpad + copy->address, from, tensor->bytes);
}

static inline void @p_store(const @p_memory *memory, const @p_copy *copy) {
  const @p_tensor *tensor = &@p_tensors[copy->tensor];
  unsigned char *to =
      tensor->role == @P_ROLE_OUTPUT ? memory->results[tensor->where] : memory->spill + tensor->where;
  @P_COPY(to, memory->scratchpad + copy->address, tensor->bytes);
}

/* One step: copies, its operator, copies. Returns what the kernel returned; 0 when all is well. */
static inline int @p_run_step(const @p_memory *memory, const @p_kernel *kernels, void *context, uint32_t step) {
  const @p_step *now = &@p_steps[step];
  const void *inputs[@P_MOST_INPUTS > 0 ? @P_MOST_INPUTS : 1] = {0};
  void *outputs[@P_MOST_OUTPUTS > 0 ? @P_MOST_OUTPUTS : 1] = {0};
  void *workspace = 0;
  uint32_t copy = now->first_copy, operand = now->first_operand, i;
  int status;
  for (i = 0; i < now->moves; ++i) {
    const @p_move *move = &@p_moves[now->first_move + i];
    @P_MOVE(memory->scratchpad + move->to, memory->scratchpad + move->from, @p_tensors[move->tensor].bytes);
  }
  for (i = 0; i < now->loads; ++i) @p_load(memory, &@p_copies[copy++]);
  for (i = 0; i < now->inputs; ++i) inputs[i] = memory->scratchpad + @p_operands[operand++];
  for (i = 0; i < now->outputs; ++i) outputs[i] = memory->scratchpad + @p_operands[operand++];
  if (now->workspace != @P_NO_WORKSPACE) workspace = memory->scratchpad + now->workspace;
  status = kernels[now->op](inputs, outputs, workspace, context);
  if (status != 0) return status;
  for (i = 0; i < now->stores; ++i) @p_store(memory, &@p_copies[copy++]);
  return 0;
}

/* The whole network. kernels[@p_op_NAME] runs the operator NAME. */
static inline int @p_run(const @p_memory *memory, const @p_kernel *kernels, void *context) {
  uint32_t step;
  for (step = 0; step < @P_STEPS; ++step) {
    const int status = @p_run_step(memory, kernels, context, step);
    if (status != 0) return status;
  }
  return 0;
}

#endif
)";

// Where weights are pinned.
inline constexpr const char* c_start = R"(
#ifndef @P_NO_RUNTIME

/* Once, before the first run: loads the weights that stay in the scratchpad. */
static inline void @p_start(const @p_memory *memory) {
  uint32_t i;
  for (i = 0; i < @P_PINNED; ++i) @p_load(memory, &@p_pinned[i]);
}

#endif
)";

}  // namespace pliant::plan
