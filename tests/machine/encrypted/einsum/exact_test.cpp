// The exact search over chains, held to every plan of the layouts that are considered.
#include "machine/encrypted/einsum/plan/exact.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "machine/encrypted/einsum/plan/search.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

struct Chain {
  std::vector<EinsumOperand> operands;
  std::vector<Stage> stages;
};

std::string labels_of(const std::string& of, std::size_t least, std::size_t most, Rng& rng) {
  std::string result = of;
  std::shuffle(result.begin(), result.end(), rng);
  return result.substr(0, rng.between(std::int64_t(least), std::int64_t(most)));
}

// Two to four products, sums or transposes of tiny tensors over three labels; every one reads an
// input or an earlier result, and another one of either.
Chain draw_chain(Rng& rng) {
  Chain chain;
  const std::string pool = "abc";
  std::map<char, std::int64_t> sizes;
  for (const char label : pool) sizes[label] = rng.between(1, 5);
  const auto count = static_cast<int>(rng.between(2, 4));
  std::vector<std::string> inputs, results;
  const auto input = [&](bool secret) {
    inputs.push_back(labels_of(pool, 1, 2, rng));
    Shape shape;
    for (const char label : inputs.back()) shape.push_back(sizes[label]);
    chain.operands.push_back({shape, secret});
    return static_cast<int>(inputs.size()) - 1;
  };
  // operands first, then results: numbers of results are known once all inputs are drawn
  std::vector<std::array<std::pair<bool, int>, 2>> reads;  // whether a result, and which
  for (int s = 0; s < count; ++s) {
    std::array<std::pair<bool, int>, 2> own;
    own[0] = s > 0 && rng.below(4) > 0 ? std::pair(true, s - 1) : std::pair(false, input(true));
    const std::uint64_t kind = rng.below(4);
    if (kind == 0) own[1] = {false, -1};  // alone
    else if (kind == 1 && s > 0) own[1] = {true, static_cast<int>(rng.below(s))};
    else own[1] = {false, input(kind == 2)};
    std::string all;
    for (const auto& [is_result, number] : own)
      if (number >= 0) all += is_result ? results[number] : inputs[number];
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    results.push_back(labels_of(all, 0, std::min<std::size_t>(2, all.size()), rng));
    reads.push_back(own);
  }
  for (int s = 0; s < count; ++s) {
    Stage stage;
    for (const auto& [is_result, number] : reads[s]) {
      if (number < 0) continue;
      stage.expression +=
          (stage.operands.empty() ? "" : ",") + (is_result ? results[number] : inputs[number]);
      stage.operands.push_back(is_result ? static_cast<int>(inputs.size()) + number : number);
    }
    stage.expression += "->" + results[s];
    chain.stages.push_back(stage);
  }
  return chain;
}

// Every way to compute every node, one after the other: no bounds, nothing left out.
class Everything {
 public:
  Everything(const EinsumProblem& problem, const PlanOptions& options)
      : problem_(problem), extending_(problem, options) {}

  double best() {
    walk(extending_.begin(), 0);
    return best_;
  }
  std::int64_t plans() const { return plans_; }

 private:
  void walk(const Partial& partial, std::size_t node) {
    if (plans_ > 20000) return;
    if (node == problem_.nodes.size()) {
      ++plans_;
      best_ = std::min(best_, extending_.weight(partial));
      return;
    }
    for (const Candidate& candidate : extending_.candidates(partial, problem_.nodes[node])) {
      const Partial next = extending_.extended(partial, problem_.nodes[node], candidate);
      EXPECT_GE(extending_.weight(next), candidate.bound - 1e-9);
      walk(next, node + 1);
    }
    const std::size_t together = joint_count(problem_.nodes, node);
    const bool begins = node == 0 || joint_count(problem_.nodes, node - 1) == 1;
    if (together > 1 && begins)
      for (const Partial& next :
           extending_.jointly(partial, std::span(problem_.nodes).subspan(node, together)))
        walk(next, node + together);
  }

  const EinsumProblem& problem_;
  Extending extending_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t plans_ = 0;
};

PlanOptions options_for(std::uint64_t seed) {
  PlanOptions options{.slots = std::int64_t{16} << seed % 2,
                      .canonical = seed % 3 == 0,
                      .clean = seed % 5 == 0,
                      .free_inputs = seed % 4 == 0};
  if (seed % 7 == 0) options.costs.level = 0.1;
  options.width = 1;
  return options;
}

TEST(Exact, EqualsTheBestOfAllPlans) {
  int chains = 0, improved = 0;
  for (std::uint64_t seed = 0; chains < 60 && seed < 400 && !HasFailure(); ++seed) {
    Rng rng(seed);
    const Chain chain = draw_chain(rng);
    PlanOptions options = options_for(seed);
    const EinsumProblem problem = read_problem(chain.stages, chain.operands);
    Everything everything(problem, options);
    const double best = everything.best();
    if (everything.plans() > 20000) continue;
    ++chains;
    options.exact_effort = 100000;
    const Choice exact = search(problem, options);
    EXPECT_TRUE(exact.exact) << "seed " << seed;
    EXPECT_NEAR(exact.weight, best, 1e-9) << "seed " << seed;
    options.exact_effort = 0;
    const Choice beam = search(problem, options);
    EXPECT_FALSE(beam.exact);
    improved += beam.weight > best + 1e-9;
  }
  EXPECT_EQ(chains, 60);
  EXPECT_GT(improved, 3);  // a beam of one misses some
}

TEST(Exact, PlansAgreeWithTheReferenceAndSaySo) {
  const std::vector<Stage> stages{{"ij,jk->ik", {0, 1}}, {"ik,kl->il", {3, 2}}};
  const std::vector<EinsumOperand> operands{{{4, 8}}, {{8, 4}}, {{4, 2}}};
  PlanOptions options{.slots = 256, .canonical = true};
  options.width = 1;
  const Plan plan = einsum::plan(stages, operands, options);
  EXPECT_TRUE(plan.exact);
  EXPECT_NE(explain(plan).find("exact: of all layouts considered, none costs less"),
            std::string::npos);
  const std::vector<Tensor> tensors = random_tensors({{4, 8}, {8, 4}, {4, 2}}, 3);
  Simulator simulator({.slots = 256, .levels = plan.levels()});
  const Decrypted result = run(plan, simulator, views(tensors));
  EXPECT_LT(difference(result.outputs[0], reference("ij,jk,kl->il", views(tensors))), 1e-9);
}

// Longer chains, and those that take more effort than is allowed, keep the beam's plan.
TEST(Exact, LeavesTheBeamsPlanWhereThereIsTooMuch) {
  std::vector<Stage> stages{{"ij,ij->ij", {0, 0}}};
  for (int s = 1; s < 7; ++s) stages.push_back({"ij,ij->ij", {s, 0}});
  const std::vector<EinsumOperand> operands{{{4, 4}}};
  EXPECT_FALSE(einsum::plan(stages, operands, {.slots = 16}).exact);
  stages.pop_back();
  EXPECT_TRUE(einsum::plan(stages, operands, {.slots = 16}).exact);
  PlanOptions little{.slots = 64};
  little.exact_effort = 1;
  const std::vector<EinsumOperand> pair{{{4, 8}}, {{8, 4}}};
  const Plan plan = einsum::plan("ij,jk->ik", pair, little);
  little.exact_effort = 0;
  EXPECT_FALSE(plan.exact);
  EXPECT_EQ(explain(plan), explain(einsum::plan("ij,jk->ik", pair, little)));
}

TEST(Exact, StopsWhereItIsWatched) {
  const std::vector<EinsumOperand> pair{{{4, 8}}, {{8, 4}}};
  PlanOptions options{.slots = 64};
  int calls = 0;
  options.watch = [&] { ++calls; };
  EXPECT_NO_THROW(einsum::plan("ij,jk->ik", pair, options));
  ASSERT_GT(calls, 2);
  for (const int last : {1, calls}) {
    int left = last;
    options.watch = [&] {
      if (--left == 0) throw Error(ErrorKind::cancelled, "plan", "stopped");
    };
    EXPECT_THROW(einsum::plan("ij,jk->ik", pair, options), Error);
  }
}

}  // namespace
}  // namespace pliant::einsum
