// Programs on the engine: the right tensor within the stated error.
#include "machine/encrypted/einsum/engine/engine.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "machine/encrypted/einsum/benchmarks.h"
#include "machine/encrypted/einsum/must_pass.h"
#include "machine/encrypted/einsum/tensors.h"

namespace pliant::einsum {
namespace {

Engine small() {
  return Engine({.log_n = 10, .levels = 6, .insecure_for_tests = true}, 512,
                {.seed_of_test = ckks::Seed{1}});
}

void expect_within_bound(const Case& c, unsigned secret, Engine& engine) {
  std::vector<EinsumOperand> operands;
  for (std::size_t i = 0; i < c.shapes.size(); ++i)
    operands.push_back({c.shapes[i], (secret >> i & 1) != 0});
  const std::vector<Tensor> tensors = random_tensors(c.shapes, 1);
  const Plan plan = einsum::plan(c.expression, operands, {.slots = engine.slots()});
  const Decrypted result = run(plan, engine, views(tensors));
  const double error = difference(result.outputs[0], reference(c.expression, views(tensors)));
  EXPECT_LE(error, result.error_bound) << c.expression << "\n" << explain(plan);
  EXPECT_LT(result.error_bound, 1e-4) << c.expression;
}

TEST(Engine, GivesTheRightTensorWithinTheStatedError) {
  Engine engine = small();
  for (const Case& c : kMustPass)
    for (const unsigned secret : {(1u << c.shapes.size()) - 1, 1u, 2u})
      if (secret < 1u << c.shapes.size()) expect_within_bound(c, secret, engine);
}

TEST(Engine, RunsOverSeveralCiphertexts) {
  Engine engine = small();
  for (const auto& [expression, shapes] : std::vector<std::pair<std::string, std::vector<Shape>>>{
           {"ij,ij->", {{64, 32}, {64, 32}}}, {"ik,kj->ij", {{8, 16}, {16, 8}}}}) {
    const Plan plan =
        einsum::plan(expression, all_secret(shapes), {.slots = 512, .canonical = true});
    const std::vector<Tensor> tensors = random_tensors(shapes, 1);
    const Decrypted result = run(plan, engine, views(tensors));
    EXPECT_LE(difference(result.outputs[0], reference(expression, views(tensors))),
              result.error_bound);
  }
}

TEST(Engine, ChoosesSecureParameters) {
  const std::vector<Shape> shapes{{300}, {300}};
  const Plan plan = einsum::plan("i,i->", all_secret(shapes), {.slots = 512});
  const ckks::Params params = choose_parameters(plan);
  EXPECT_EQ(params.log_n, 13);  // its slots repeat ours eight times
  EXPECT_EQ(params.levels, plan.levels());
  EXPECT_FALSE(params.insecure_for_tests);
  Engine engine(params, 512, {.seed_of_test = ckks::Seed{2}});
  const std::vector<Tensor> tensors = random_tensors(shapes, 1);
  const Decrypted result = run(plan, engine, views(tensors));
  EXPECT_LE(difference(result.outputs[0], reference("i,i->", views(tensors))), result.error_bound);
  EXPECT_LT(result.error_bound, 1e-5);
  EXPECT_GT(engine.key_bytes(), 0u);
}

TEST(Engine, Refuses) {
  const auto says = [](const Error& error, ErrorKind kind, const char* part) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  };
  Engine engine = small();
  Simulator simulator({.slots = 512});
  const std::vector<double> values(512, .5);
  const auto own = engine.encrypt(values, 1, 1), foreign = simulator.encrypt(values, 1, 1);
  says(thrown_by([&] { engine.add(own, foreign); }), ErrorKind::invalid, "another back end");
  says(thrown_by([&] { engine.multiply_plain(own, simulator.encode(values, 1, 1)); }),
       ErrorKind::invalid, "another back end");
  says(thrown_by([&] { engine.rotate(own, 3); }), ErrorKind::not_found, "rotation by 3");
  says(thrown_by([&] { engine.add(own, engine.encrypt(values, 2, 1)); }), ErrorKind::invalid,
       "levels 1 and 2");
  says(thrown_by([&] { engine.add(own, engine.multiply(own, own)); }), ErrorKind::invalid,
       "scales");
  says(thrown_by([] { Engine({.log_n = 10, .levels = 1, .insecure_for_tests = true}, 1024); }),
       ErrorKind::usage, "1024 slots");
  const std::vector<EinsumOperand> operands(4, EinsumOperand{{8}});
  const Plan deep = plan("i,i,i,i->", operands, {.slots = 512});
  says(thrown_by([&] { choose_parameters(deep, 49, 50, 300); }), ErrorKind::usage, "security");
  Program endless;
  endless.values = ById<CipherId, State>(1, State{.level = 60});
  endless.steps.push_back({Input{}, {CipherId{0}}});
  says(thrown_by([&] { choose_parameters({.program = endless}, 49, 50, 256); }),
       ErrorKind::unsupported, "60 levels");
}

}  // namespace
}  // namespace pliant::einsum
