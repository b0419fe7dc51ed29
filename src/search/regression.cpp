#include "search/regression.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace pliant::search {
namespace {

constexpr int sweeps = 20'000;

double product(const Amounts& a, const Amounts& b) {
  double sum = 0;
  for (std::size_t i = 0; i < kinds_of_work; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

// Non-negative least squares by coordinate descent on the normal equations, every kind of work
// scaled to unit norm.
Prices fit(const elasticvit::Space& space, std::span<const Timed> timed) {
  std::array<Amounts, kinds_of_work> normal{};
  Amounts right{}, scale{};
  std::vector<Amounts> rows;
  for (const Timed& each : timed) {
    if (!(each.milliseconds > 0))
      throw Error(ErrorKind::invalid, "fit",
                  fmt::format("{} ms is no time a subnet takes", each.milliseconds));
    rows.push_back(work(space, each.architecture));
    for (std::size_t i = 0; i < kinds_of_work; ++i) {
      rows.back()[i] /= each.milliseconds;
      scale[i] += rows.back()[i] * rows.back()[i];
    }
  }
  for (double& each : scale) each = each > 0 ? 1 / std::sqrt(each) : 0;
  for (Amounts& row : rows)
    for (std::size_t i = 0; i < kinds_of_work; ++i) {
      row[i] *= scale[i];
      right[i] += row[i];
    }
  for (const Amounts& row : rows)
    for (std::size_t i = 0; i < kinds_of_work; ++i)
      for (std::size_t k = 0; k < kinds_of_work; ++k) normal[i][k] += row[i] * row[k];
  Amounts x{};
  for (int sweep = 0; sweep < sweeps; ++sweep)
    for (std::size_t i = 0; i < kinds_of_work; ++i)
      if (normal[i][i] > 0)
        x[i] = std::max(0.0, x[i] + (right[i] - product(normal[i], x)) / normal[i][i]);
  Prices prices;
  for (std::size_t i = 0; i < kinds_of_work; ++i) prices.milliseconds[i] = x[i] * scale[i];
  return prices;
}

double PricedWork::stage(std::int64_t resolution, std::size_t stage, std::int64_t input_width,
                         const elasticvit::StageChoice& choice) const {
  return product(prices_.milliseconds, stage_work(space(), resolution, stage, input_width, choice));
}

double PricedWork::head(std::int64_t resolution, std::int64_t width) const {
  return product(prices_.milliseconds, head_work(space(), resolution, width));
}

double mean_error(const Predictor& predictor, std::span<const Timed> timed) {
  double sum = 0;
  for (const Timed& each : timed)
    sum += std::abs(predictor.predict(each.architecture) / each.milliseconds - 1);
  return sum / static_cast<double>(timed.size());
}

Prices prices_from_json(std::string_view text, std::string_view place) {
  const nlohmann::json document = parse_json(text, place);
  const JsonNode node = JsonNode(document, place).object("milliseconds_per");
  Prices prices;
  for (std::size_t i = 0; i < kinds_of_work; ++i) {
    const std::string key(name(static_cast<Work>(i)));
    prices.milliseconds[i] = node.number(key);
    if (prices.milliseconds[i] < 0)
      node.fail(key, fmt::format("{} is negative", prices.milliseconds[i]));
  }
  return prices;
}

bool has_prices(std::string_view text) {
  return text.find("\"milliseconds_per\"") != std::string_view::npos;
}

}  // namespace pliant::search
