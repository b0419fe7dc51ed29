#include "planner/ilp.h"

#include <chrono>

#include "plan/ilp/ilp.h"
#include "plan/random_problem.h"
#include "plan/solve.h"

namespace pliant::bench {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

const bool has_ilp = true;

IlpEnd ilp_end(const plan::Problem& problem, std::int64_t bytes, double seconds) {
  const auto start = std::chrono::steady_clock::now();
  const plan::Status status =
      plan::solve_by_ilp(problem, bytes, {.limits = {.seconds = seconds}}).plan.status;
  const bool ended = status == plan::Status::optimal || status == plan::Status::infeasible;
  return {std::string(ended ? plan::name(status) : "undecided"), seconds_since(start)};
}

std::vector<IlpRow> compare_with_ilp(int decided, double ilp_seconds, ThreadPool& pool,
                                     const std::function<void(const IlpRow&)>& done) {
  std::vector<IlpRow> rows;
  int so_far = 0;
  for (std::uint64_t seed = 0; so_far < decided; ++seed) {
    Rng rng(seed, 81);
    const int operators = 3 + static_cast<int>(rows.size() % 10);
    const plan::Problem problem = plan::random_problem(rng, {operators, operators, 8});
    IlpRow row{
        .seed = seed, .operators = problem.operators.size(), .bytes = plan::most_required(problem)};
    auto start = std::chrono::steady_clock::now();
    const plan::Plan ours = plan::solve(problem, row.bytes, {}, pool);
    row.seconds = seconds_since(start);
    if (ours.status != plan::Status::optimal || ours.traffic_bytes == 0) continue;
    row.traffic = ours.traffic_bytes;
    start = std::chrono::steady_clock::now();
    const plan::IlpAnswer theirs =
        plan::solve_by_ilp(problem, row.bytes, {.limits = {.seconds = ilp_seconds}});
    row.ilp_seconds = seconds_since(start);
    row.columns = theirs.columns;
    row.rows = theirs.rows;
    row.decided = theirs.plan.status == plan::Status::optimal ||
                  theirs.plan.status == plan::Status::infeasible;
    row.agrees =
        theirs.plan.status == plan::Status::optimal && theirs.plan.traffic_bytes == row.traffic;
    so_far += row.decided;
    done(row);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace pliant::bench
