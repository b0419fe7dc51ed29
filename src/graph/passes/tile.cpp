#include "graph/passes/tile.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "graph/passes/fixed.h"
#include "graph/passes/rebuild.h"

namespace pliant {
namespace {

constexpr int row_axis = 2;
constexpr std::size_t rows_at = row_axis;

struct Band {
  std::int64_t first = 0, last = 0;  // rows [first, last)
  std::int64_t size() const { return last - first; }
};

// What a band of a result reads of operand 0, and the padding that remains.
struct Reach {
  Band rows;
  std::int64_t low = 0, high = 0;
};

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Windows along the rows. out = (in + low + high - reach) / stride, reach = dilation * (size - 1).
struct Windows {
  std::int64_t stride, low, reach;

  Reach of(const Band& band, std::int64_t rows) const {
    const std::int64_t first = band.first * stride - low,
                       last = (band.last - 1) * stride - low + reach + 1;
    const Band inside{std::max<std::int64_t>(first, 0), std::min(last, rows)};
    return {inside, inside.first - first, last - inside.last};
  }

  // The other way round: row i adds to the results from i * stride - low to that + reach.
  Reach transposed(const Band& band, std::int64_t rows) const {
    const std::int64_t lowest =
        std::max<std::int64_t>(0, -floor_divide(reach - low - band.first, stride));
    const std::int64_t first = std::min(lowest, floor_divide(band.first + low, stride));
    const std::int64_t last = std::min(rows, floor_divide(band.last - 1 + low, stride) + 1);
    const std::int64_t cut = band.first + low - first * stride;
    return {{first, last}, cut, (last - first - 1) * stride + reach + 1 - cut - band.size()};
  }
};

class Tiler {
 public:
  Tiler(const Graph& graph, const TileRules& rules)
      : graph_(graph),
        rules_(rules),
        rebuild_(graph),
        fixed_(fixed_values(graph)),
        tiled_(graph.values().size(), false),
        bands_(graph.values().size()) {}

  Graph run() {
    choose();
    rebuild_.values([&](const Op& op) { return replace(op); });
    for (const ValueId id : graph_.outputs()) whole(id);
    rebuild_.outputs();
    return rebuild_.builder.finish();
  }

 private:
  const Shape& shape(ValueId id) const { return graph_.value(id).type.shape; }
  std::int64_t rows(ValueId id) const { return shape(id)[rows_at]; }
  Band band(ValueId id, std::int64_t i) const {
    return {rows(id) * i / rules_.bands, rows(id) * (i + 1) / rules_.bands};
  }

  // ---- which operators ----

  std::int64_t step_bytes(const Op& op) const {
    std::int64_t sum = bytes(graph_.value(op.out[0]).type);
    for (std::size_t i = 0; i < op.in.size(); ++i)
      if (!fixed_[op.in[i]] &&
          std::find(op.in.begin(), op.in.begin() + i, op.in[i]) == op.in.begin() + i)
        sum += bytes(graph_.value(op.in[i]).type);
    return sum;
  }

  void choose() {
    std::int64_t least = rules_.least_bytes, most = 0;
    for (const Op& op : graph_.ops())
      if (windows_of(op)) most = std::max(most, step_bytes(op));
    if (least < 0) least = most / rules_.bands;
    bool any = false;
    for (const Op& op : graph_.ops()) {
      const bool follows =
          std::any_of(op.in.begin(), op.in.end(), [&](ValueId id) { return tiled_[id]; });
      const bool by_size =
          windows_of(op) || (std::holds_alternative<kind::Map>(op.kind) && reads_inputs_alone(op));
      if (!is_cuttable(op) || !(by_size ? step_bytes(op) >= least : follows)) continue;
      tiled_[op.out[0]] = any = true;
    }
    if (!any)
      throw Error(ErrorKind::invalid, "tiles",
                  fmt::format("no operator of the network works row by row on {} rows or more",
                              rules_.bands),
                  "ask for fewer, or none");
  }

  bool reads_inputs_alone(const Op& op) const {
    return std::all_of(op.in.begin(), op.in.end(), [&](ValueId id) {
      return fixed_[id] || graph_.value(id).role == Role::input;
    });
  }

  static std::optional<Windows> windows_of(const Op& op, const Graph& graph) {
    if (const auto* pool = std::get_if<kind::Pool>(&op.kind))
      return Windows{pool->stride[0], pool->low[0], pool->dilation[0] * (pool->size[0] - 1)};
    const auto* convolve = std::get_if<kind::Convolve>(&op.kind);
    if (convolve == nullptr) return {};
    const std::int64_t size = graph.value(op.in[kind::Convolve::w]).type.shape[2];
    return Windows{convolve->stride[0], convolve->low[0], convolve->dilation[0] * (size - 1)};
  }
  std::optional<Windows> windows_of(const Op& op) const { return windows_of(op, graph_); }

  Reach reach_of(const Op& op, const Band& band) const {
    const auto* convolve = std::get_if<kind::Convolve>(&op.kind);
    const bool transposed = convolve != nullptr && convolve->transposed;
    return transposed ? windows_of(op)->transposed(band, rows(op.in[0]))
                      : windows_of(op)->of(band, rows(op.in[0]));
  }

  bool is_cuttable(const Op& op) const {
    const Value& result = graph_.value(op.out[0]);
    if (op.out.size() != 1 || fixed_[op.out[0]] || result.rows ||
        shape(op.out[0]).size() <= rows_at || rows(op.out[0]) < rules_.bands)
      return false;
    if (windows_of(op)) return meets_rows(op);
    if (std::holds_alternative<kind::Map>(op.kind))
      return std::all_of(op.in.begin(), op.in.end(),
                         [&](ValueId id) { return !row_axis_of(id, op) || !fixed_[id]; });
    if (const auto* concat = std::get_if<kind::Concat>(&op.kind)) return concat->axis != row_axis;
    const auto* slice = std::get_if<kind::Slice>(&op.kind);
    return slice != nullptr && slice->size[rows_at] == rows(op.in[0]) && slice->step[rows_at] == 1;
  }

  // No band lies in the padding alone.
  bool meets_rows(const Op& op) const {
    for (std::int64_t i = 0; i < rules_.bands; ++i)
      if (const Band rows = reach_of(op, band(op.out[0], i)).rows; rows.first >= rows.last)
        return false;
    return true;
  }

  // The axis of a Map's operand that stands at the result's rows; nothing where it is broadcast
  // along them.
  std::optional<int> row_axis_of(ValueId id, const Op& map) const {
    const std::size_t lacks = shape(map.out[0]).size() - shape(id).size();
    if (lacks > rows_at || shape(id)[rows_at - lacks] == 1) return {};
    return static_cast<int>(rows_at - lacks);
  }

  // ---- the new graph ----

  bool replace(const Op& op) {
    if (!tiled_[op.out[0]]) {
      for (const ValueId id : op.in) whole(id);
      return false;
    }
    for (std::int64_t i = 0; i < rules_.bands; ++i)
      bands_[op.out[0]].push_back(
          add_band(op, band(op.out[0], i), fmt::format("{}.band{}", op.name, i)));
    return true;
  }

  // The value in one piece.
  ValueId whole(ValueId id) {
    if (tiled_[id] && rebuild_.now(id) == ValueId::none) {
      const std::string& name = graph_.value(id).name;
      rebuild_.set(id,
                   rebuild_.builder.add(kind::Concat{row_axis}, bands_[id], name, 1, {name})[0]);
    }
    return rebuild_.now(id);
  }

  // Those rows of the value: the bands that they meet, joined and cut where they are not just one
  // band.
  ValueId rows_of(ValueId id, int axis, const Band& wanted, const std::string& name) {
    std::vector<ValueId> parts;
    Band held;
    if (axis == row_axis && tiled_[id]) {
      for (std::int64_t i = 0; i < rules_.bands; ++i) {
        const Band each = band(id, i);
        if (each.last <= wanted.first || wanted.last <= each.first) continue;
        if (parts.empty()) held.first = each.first;
        held.last = each.last;
        parts.push_back(bands_[id][i]);
      }
    } else {
      parts.push_back(whole(id));
      held.last = shape(id)[axis];
    }
    Builder& b = rebuild_.builder;
    const ValueId joined = parts.size() == 1 ? parts[0] : b.concat(parts, axis, name + ".joined");
    if (held.first == wanted.first && held.last == wanted.last) return joined;
    return b.slice(joined, axis, wanted.first - held.first, wanted.size(), name + ".rows");
  }

  ValueId add_band(const Op& op, const Band& band, const std::string& name) {
    Kind kind = op.kind;
    std::vector<ValueId> operands;
    if (windows_of(op)) {
      const Reach reach = reach_of(op, band);
      pad(kind, reach);
      operands.push_back(rows_of(op.in[0], row_axis, reach.rows, name));
      for (std::size_t i = 1; i < op.in.size(); ++i) operands.push_back(whole(op.in[i]));
    } else {
      if (auto* slice = std::get_if<kind::Slice>(&kind)) slice->size[rows_at] = band.size();
      for (const ValueId id : op.in) operands.push_back(same_rows(id, op, band, name));
    }
    return rebuild_.builder.add(std::move(kind), std::move(operands), name)[0];
  }

  ValueId same_rows(ValueId id, const Op& op, const Band& band, const std::string& name) {
    std::optional<int> axis = row_axis;
    if (std::holds_alternative<kind::Map>(op.kind)) axis = row_axis_of(id, op);
    return axis ? rows_of(id, *axis, band, name) : whole(id);
  }

  static void pad(Kind& kind, const Reach& reach) {
    if (auto* pool = std::get_if<kind::Pool>(&kind)) {
      pool->low[0] = reach.low;
      pool->high[0] = reach.high;
    } else if (auto* convolve = std::get_if<kind::Convolve>(&kind)) {
      convolve->low[0] = reach.low;
      convolve->high[0] = reach.high;
    }
  }

  const Graph& graph_;
  const TileRules& rules_;
  Rebuild rebuild_;
  ById<ValueId, bool> fixed_;  // from weights and constants alone
  ById<ValueId, bool> tiled_;
  ById<ValueId, std::vector<ValueId>> bands_;  // of tiled values, in the new graph
};

}  // namespace

Graph tile(const Graph& graph, const TileRules& rules) {
  if (rules.bands < 2)
    throw Error(ErrorKind::usage, "tiles", fmt::format("{} is fewer than two bands", rules.bands),
                "ask for 2 or more");
  return Tiler(graph, rules).run();
}

}  // namespace pliant
