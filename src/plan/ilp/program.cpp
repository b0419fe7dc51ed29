#include "plan/ilp/program.h"

#include <coin/Cbc_C_Interface.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "core/error.h"
#include "core/time/deadline.h"

namespace pliant::plan {
namespace {

constexpr std::size_t most_entries = std::size_t{1} << 27;

}  // namespace

int IntegerProgram::integer(double lower, double upper, double cost) {
  lower_.push_back(lower);
  upper_.push_back(upper);
  cost_.push_back(cost);
  return columns() - 1;
}

void IntegerProgram::row(const Terms& terms, double lower, double upper) {
  if (entries_.size() + terms.size() > most_entries)
    throw Error(ErrorKind::capacity, "integer program", "has more than 2^27 entries",
                "use the exact search");
  for (const auto& [column, value] : terms) entries_.push_back({column, rows(), value});
  row_lower_.push_back(lower);
  row_upper_.push_back(upper);
}

IntegerProgram::Solution IntegerProgram::minimise(double seconds) const {
  std::vector<Entry> sorted = entries_;
  std::sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.column, a.row) < std::tie(b.column, b.row);
  });
  std::vector<int> starts(columns() + 1, 0), indices;
  std::vector<double> values;
  for (const Entry& entry : sorted) {
    ++starts[entry.column + 1];
    indices.push_back(entry.row);
    values.push_back(entry.value);
  }
  for (std::size_t c = 0; c + 1 < starts.size(); ++c) starts[c + 1] += starts[c];
  const std::unique_ptr<Cbc_Model, void (*)(Cbc_Model*)> model(Cbc_newModel(), Cbc_deleteModel);
  Cbc_setLogLevel(model.get(), 0);
  Cbc_loadProblem(model.get(), columns(), rows(), starts.data(), indices.data(), values.data(),
                  lower_.data(), upper_.data(), cost_.data(), row_lower_.data(), row_upper_.data());
  for (int c = 0; c < columns(); ++c) Cbc_setInteger(model.get(), c);
  Cbc_setParameter(model.get(), "timeMode", "elapsed");
  Cbc_setParameter(model.get(), "seconds", fmt::format("{:.3f}", std::min(seconds, 1e7)).c_str());
  Cbc_setParameter(model.get(), "integerTolerance", "1e-9");
  const Deadline clock;
  Cbc_solve(model.get());
  Solution solution;
  solution.optimal = Cbc_isProvenOptimal(model.get()) != 0;
  // A first relaxation that its time cut off is called infeasible too; CBC stops somewhat early.
  const bool cut_off =
      clock.seconds() > 0.8 * seconds || Cbc_isSecondsLimitReached(model.get()) != 0;
  const bool infeasible = Cbc_isProvenInfeasible(model.get()) != 0;
  solution.infeasible = infeasible && !cut_off;
  solution.bound = infeasible ? -1e30 : Cbc_getBestPossibleObjValue(model.get());
  if (const double* best = Cbc_bestSolution(model.get()); best != nullptr && !infeasible)
    solution.values.assign(best, best + columns());
  return solution;
}

}  // namespace pliant::plan
