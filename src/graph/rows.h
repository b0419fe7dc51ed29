// The proof that a row axis may run short.
#pragma once

#include "graph/graph.h"

namespace pliant {

// Per value: does axis 0 carry rows? Row inputs (Value::rows) do, and so does every result that
// depends on one. Throws Error{invalid} naming the first operator that mixes rows, moves the row
// axis or lets it meet a value that does not run short with it. Attention alone lets rows meet: it
// knows padding by seq.
ById<ValueId, bool> prove_rows(const Graph& graph);

}  // namespace pliant
