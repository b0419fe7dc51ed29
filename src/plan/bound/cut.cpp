#include "plan/bound/cut.h"

#include <algorithm>
#include <numeric>

namespace pliant::plan {
namespace {

constexpr std::int64_t endless = std::int64_t{1} << 62;

// Dinic's maximum flow on a graph of a few hundred arcs.
class Flow {
 public:
  explicit Flow(std::size_t nodes) : first_(nodes, -1) {}
  std::int32_t add_node() {
    first_.push_back(-1);
    return first_.size() - 1;
  }
  void add_arc(std::int32_t from, std::int32_t to, std::int64_t capacity) {
    arcs_.push_back({to, first_[from], capacity});
    first_[from] = arcs_.size() - 1;
    arcs_.push_back({from, first_[to], 0});
    first_[to] = arcs_.size() - 1;
  }

  std::int64_t run(std::int32_t source, std::int32_t sink) {
    std::int64_t total = 0;
    while (level(source, sink)) {
      next_ = first_;
      while (const std::int64_t pushed = augment(source, sink)) total += pushed;
    }
    return total;
  }

  // After run(): the nodes from which the sink can still be reached. All others are on the source's
  // side of a minimum cut, the largest there is.
  std::vector<bool> find_sink_side(std::int32_t sink) const {
    std::vector<bool> side(first_.size(), false);
    std::vector<std::int32_t> queue{sink};
    side[sink] = true;
    for (std::size_t i = 0; i < queue.size(); ++i)
      for (std::int32_t a = first_[queue[i]]; a >= 0; a = arcs_[a].next)
        if (arcs_[a ^ 1].capacity > 0 && !side[arcs_[a].to]) {
          side[arcs_[a].to] = true;
          queue.push_back(arcs_[a].to);
        }
    return side;
  }

 private:
  struct Arc {
    std::int32_t to = 0, next = -1;
    std::int64_t capacity = 0;
  };

  bool level(std::int32_t source, std::int32_t sink) {
    level_.assign(first_.size(), -1);
    queue_.assign(1, source);
    level_[source] = 0;
    for (std::size_t i = 0; i < queue_.size(); ++i)
      for (std::int32_t a = first_[queue_[i]]; a >= 0; a = arcs_[a].next)
        if (arcs_[a].capacity > 0 && level_[arcs_[a].to] < 0) {
          level_[arcs_[a].to] = level_[queue_[i]] + 1;
          queue_.push_back(arcs_[a].to);
        }
    return level_[sink] >= 0;
  }

  // One path of the level graph, walked without recursion.
  std::int64_t augment(std::int32_t source, std::int32_t sink) {
    path_.clear();
    for (std::int32_t at = source; at != sink;) {
      std::int32_t& a = next_[at];
      while (a >= 0 && (arcs_[a].capacity == 0 || level_[arcs_[a].to] != level_[at] + 1))
        a = arcs_[a].next;
      if (a >= 0) {
        path_.push_back(a);
        at = arcs_[a].to;
        continue;
      }
      if (path_.empty()) return 0;
      at = arcs_[path_.back() ^ 1].to;  // dead end: the arc that led here is spent
      next_[at] = arcs_[path_.back()].next;
      path_.pop_back();
    }
    std::int64_t pushed = endless;
    for (const std::int32_t a : path_) pushed = std::min(pushed, arcs_[a].capacity);
    for (const std::int32_t a : path_) {
      arcs_[a].capacity -= pushed;
      arcs_[a ^ 1].capacity += pushed;
    }
    return pushed;
  }

  std::vector<Arc> arcs_;
  std::vector<std::int32_t> first_, next_, level_, queue_, path_;
};

Bitset find_ancestors(const ScheduleModel& model, std::size_t words) {
  Bitset ancestors(model.operators.size() * words, 0);
  for (std::size_t op = 0; op < model.operators.size(); ++op) {
    for (const OperatorId b : model.operators[op].before) {
      for (std::size_t w = 0; w < words; ++w) ancestors[op * words + w] |= ancestors[b * words + w];
      put(&ancestors[op * words], b);
    }
  }
  return ancestors;
}

bool contains(const std::vector<std::int32_t>& sorted, std::int32_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

}  // namespace

CutFinder::CutFinder(const ScheduleModel& model)
    : model_(model), words_(words_for(model.operators.size())) {
  ancestors_ = find_ancestors(model, words_);
  units_.assign(model.operators.size(), 0);
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const OperatorId op = i;
    for (const Tracked& t : model.tracked) {
      if (t.producer == op || (t.producer >= 0 && before(op, t.producer))) continue;
      const bool over = std::all_of(t.consumers.begin(), t.consumers.end(),
                                    [&](OperatorId c) { return before(c, op); });
      if (!over) units_[i] = std::gcd(units_[i], t.bytes);
    }
  }
}

Cut CutFinder::find(const Bitset& done, OperatorId op) const {
  constexpr std::int32_t source = 0, sink = 1;
  Cut cut{0, done};
  const std::uint64_t* mine = &ancestors_[op * words_];
  for (std::size_t w = 0; w < words_; ++w) cut.executed[w] |= mine[w];
  Flow flow(2);
  std::vector<std::int32_t> node(model_.operators.size(), source);
  for (std::size_t i = 0; i < node.size(); ++i) {
    const OperatorId other = i;
    if (has(cut.executed, i)) continue;
    node[i] = other == op || before(op, other) ? sink : flow.add_node();
    if (node[i] == sink) continue;
    for (const OperatorId b : model_.operators[i].before)
      if (node[b] != source) flow.add_arc(node[i], node[b], endless);
  }
  const ModelOperator& asked = model_.operators[op];
  std::vector<std::int32_t> ends;
  for (std::size_t x = 0; x < model_.tracked.size(); ++x) {
    const Tracked& t = model_.tracked[x];
    if (contains(asked.inputs, x) || (t.producer >= 0 && node[t.producer] == sink)) continue;
    ends.clear();
    bool touched = t.producer >= 0 && node[t.producer] == source, last = false;
    for (const OperatorId c : t.consumers) {
      if (node[c] == source) touched = touched || t.producer < 0;
      else if (node[c] == sink) last = true;
      else ends.push_back(node[c]);
    }
    if (!last && ends.empty()) continue;
    std::int32_t from = source;
    if (!touched && t.producer >= 0) from = node[t.producer];
    if (!touched && t.producer < 0) {
      if (ends.empty()) continue;  // only used afterwards
      from = flow.add_node();
      for (const std::int32_t end : ends) flow.add_arc(end, from, endless);
    }
    std::int32_t to = sink;
    if (!last) {
      to = flow.add_node();
      for (const std::int32_t end : ends) flow.add_arc(to, end, endless);
    }
    flow.add_arc(from, to, t.bytes);
  }
  cut.alive = flow.run(source, sink);
  const std::vector<bool> later = flow.find_sink_side(sink);
  for (std::size_t i = 0; i < node.size(); ++i)
    if (!later[node[i]]) put(cut.executed, i);
  return cut;
}

}  // namespace pliant::plan
