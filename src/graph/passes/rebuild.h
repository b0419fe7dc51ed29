// How passes make a new graph from an old one: values in their old order, through a Builder.
#pragma once

#include <functional>
#include <vector>

#include "graph/builder.h"

namespace pliant {

class Rebuild {
 public:
  // keep_rows = false: row inputs become plain inputs, so that rows may meet.
  explicit Rebuild(const Graph& from, bool keep_rows = true);

  // Visits the values in order. Leaves are copied; `replace` sees every operator first and returns
  // true if it has called set() for its results; else the operator is copied.
  void values(const std::function<bool(const Op&)>& replace);
  void outputs();  // outputs and carries, as they were

  void set(ValueId old, ValueId now) { now_[old] = now; }
  ValueId now(ValueId old) const { return now_[old]; }
  std::vector<ValueId> now(const std::vector<ValueId>& old) const;
  std::vector<std::string> names(const std::vector<ValueId>& old) const;

  Builder builder;

 private:
  void leaf(ValueId id);
  void copy(const Op& op);
  const Graph& from_;
  bool keep_rows_;
  ById<ValueId, ValueId> now_;  // none: not made
};

}  // namespace pliant
