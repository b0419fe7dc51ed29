// Programs on the engine: the right tensor within the stated error.
#include "machine/encrypted/einsum/engine/engine.h"

#include <gtest/gtest.h>

#include "errors.h"
#include "machine/encrypted/ckks/file.h"
#include "machine/encrypted/einsum/backend/watched.h"
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

// The transpose has 31 diagonals.
TEST(Engine, KeepsPreparedDiagonalsWithinABudget) {
  const Plan plan =
      einsum::plan("ij->ji", all_secret({{16, 16}}), {.slots = 256, .canonical = true});
  const ckks::Params params{.log_n = 9, .levels = 2, .insecure_for_tests = true};
  const std::size_t limb = 512 * sizeof(ckks::u64);
  const auto diagonals = static_cast<std::size_t>(counts(plan.program).diagonals);
  const std::vector<Tensor> tensors = random_tensors({{16, 16}}, 1);
  for (const std::size_t budget : {std::size_t{0}, 40 * limb, ckks::kExpandedBytes}) {
    Engine engine(params, 256, {.seed_of_test = ckks::Seed{3}, .expanded_bytes = budget});
    engine.make_keys(keys(plan.program));
    const auto inputs = encrypt(plan, engine, views(tensors));
    const Prepared prepared = prepare(plan, engine, views(tensors));
    EXPECT_LE(plaintext_bytes(engine.context(), plan.program), diagonals * limb);
    EXPECT_LE(prepared.bytes(), diagonals * limb + budget);
    if (budget == 0) {
      EXPECT_LE(prepared.bytes(), plaintext_bytes(engine.context(), plan.program));
    }
    const Prepared again = prepare(plan, engine, views(tensors));
    EXPECT_LE(again.bytes() + prepared.bytes(), 2 * diagonals * limb + budget);
    const auto outputs = evaluate(plan, engine, inputs, prepared),
               single = evaluate(plan, engine, inputs, views(tensors));
    EXPECT_EQ(Engine::look(outputs[0]).part[0], Engine::look(single[0]).part[0]);
    const Decrypted result = decrypt(plan, engine, outputs);
    EXPECT_LE(difference(result.outputs[0], reference("ij->ji", views(tensors))),
              result.error_bound);
  }
}

// Encrypted zeros times the largest operands that there may be.
std::vector<Backend::Cipher> rehearse(const Plan& plan, Engine& engine) {
  engine.make_keys(keys(plan.program));
  std::vector<Tensor> tensors;
  for (const PlannedInput& input : plan.inputs) {
    tensors.emplace_back(TensorType{DType::f64, input.shape});
    for (double& value : tensors.back().span<double>()) value = input.secret ? 0 : 1;
  }
  return evaluate(plan, engine, encrypt(plan, engine, views(tensors)), views(tensors));
}

TEST(Engine, RehearsalBoundsWhateverIsInTheClear) {
  const ckks::Params params{.log_n = 10, .levels = 3, .insecure_for_tests = true};
  Engine engine(params, 512), rehearsal(params, 512, {.rehearsal = true});
  for (const char* expression : {"ik,k->i", "ik,k->ik"}) {
    const Plan plan = einsum::plan(expression, std::vector<EinsumOperand>{{{16, 8}, false}, {{8}}},
                                   {.slots = 512});
    const auto expected = rehearse(plan, rehearsal);
    engine.make_keys(keys(plan.program));
    for (const int kind : {0, 1, 2, 3}) {
      const std::vector<Tensor> tensors = random_tensors({{16, 8}, {8}}, 1);
      const auto weights = tensors[0].span<double>();
      for (std::size_t i = 0; i < weights.size() && kind > 0; ++i)
        weights[i] = kind == 1 ? i == 3 : kind == 2 ? i % 2 : .49 * 512 / 0x1p40;
      const auto outputs =
          evaluate(plan, engine, encrypt(plan, engine, views(tensors)), views(tensors));
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        EXPECT_LE(Engine::look(outputs[i]).noise, Engine::look(expected[i]).noise) << kind;
        EXPECT_LE(Engine::look(outputs[i]).magnitude, Engine::look(expected[i]).magnitude) << kind;
        EXPECT_LE(engine.error(outputs[i]), engine.error(expected[i])) << kind;
        EXPECT_LT(engine.error(expected[i]), 100 * engine.error(outputs[i])) << kind;
      }
    }
  }
}

// Of every must-pass expression: never more keys at once than was counted before, none in the end.
TEST(Engine, HoldsKeysFromFirstToLastUse) {
  std::size_t fewer = 0, count = 0;
  for (const Case& each : kMustPass) {
    const Plan plan =
        einsum::plan(each.expression, all_secret(each.shapes), {.slots = 512, .canonical = true});
    const ckks::Params params{
        .log_n = 10, .levels = std::max(3, plan.levels()), .insecure_for_tests = true};
    Engine engine(params, 512, {.keys_on_use = true});
    const std::vector<Tensor> tensors = random_tensors(each.shapes, 1);
    const Decrypted result = run(plan, engine, views(tensors));
    EXPECT_LE(difference(result.outputs[0], reference(each.expression, views(tensors))),
              result.error_bound)
        << each.expression;
    const std::size_t together = key_bytes(engine.context(), keys(plan.program));
    EXPECT_EQ(engine.most_key_bytes(), resident_key_bytes(engine.context(), plan.program))
        << each.expression;
    EXPECT_LE(engine.most_key_bytes(), together);
    EXPECT_EQ(engine.key_bytes(), 0u);
    fewer += engine.most_key_bytes() < together;
    ++count;
  }
  EXPECT_GT(2 * fewer, count);
}

TEST(Engine, WithoutTheSecretKeyEvaluatesOnly) {
  Engine client = small();
  const std::vector<Tensor> tensors = random_tensors({{16, 8}, {8}}, 1);
  const Plan plan = einsum::plan("ik,k->i", all_secret({{16, 8}, {8}}), {.slots = 512});
  client.make_keys(keys(plan.program));
  const auto context = std::make_shared<ckks::Context>(client.context().params());
  ckks::KeySet evaluation;
  for (const auto& [galois, key] : client.evaluation_keys().all())
    evaluation.add(ckks::parse_switch_key(*context, ckks::serialize(key)));
  Engine server(context, 512, {.evaluation = std::move(evaluation)});
  server.make_keys(keys(plan.program));  // has them
  auto inputs = encrypt(plan, client, views(tensors));
  for (auto& each : inputs)
    for (auto& cipher : each) cipher = server.hold(Engine::look(cipher).copy());
  const auto outputs = evaluate(plan, server, inputs, views(tensors));
  const Decrypted result = decrypt(plan, client, outputs);
  EXPECT_LE(difference(result.outputs[0], reference("ik,k->i", views(tensors))),
            result.error_bound);
  for (const Error& error : {thrown_by([&] { server.decrypt(outputs[0]); }), thrown_by([&] {
                               server.encrypt(std::vector<double>(512, .5), 1, 1);
                             })}) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_NE(std::string(error.what()).find("no secret key"), std::string::npos) << error.what();
  }
  const Error missing = thrown_by([&] { server.make_keys({.rotations = {{.steps = 77}}}); });
  EXPECT_EQ(missing.kind(), ErrorKind::not_found);
  EXPECT_NE(std::string(missing.what()).find("rotation by 77"), std::string::npos);
  const auto other = std::make_shared<ckks::Context>(
      ckks::Params{.log_n = 10, .levels = 2, .insecure_for_tests = true});
  ckks::KeySet foreign;
  foreign.add(ckks::parse_switch_key(
      *context, ckks::serialize(server.evaluation_keys().all().begin()->second)));
  EXPECT_EQ(thrown_by([&] { Engine(other, 512, {.evaluation = std::move(foreign)}); }).kind(),
            ErrorKind::invalid);
  Engine stranger(other, 512, {});
  EXPECT_EQ(thrown_by([&] { stranger.hold(Engine::look(outputs[0]).copy()); }).kind(),
            ErrorKind::invalid);
}

// Encoded once for many inputs; one division per output, so a permutation's bound is near its
// error.
TEST(Engine, RunsWhatWasPreparedAhead) {
  Engine engine = small();
  const std::vector<Shape> shapes{{16, 32}};
  const Plan plan = einsum::plan("ij->ji", all_secret(shapes), {.slots = 512, .canonical = true});
  const std::vector<Tensor> tensors = random_tensors(shapes, 1);
  engine.make_keys(keys(plan.program));
  const auto inputs = encrypt(plan, engine, views(tensors));
  const Prepared prepared = prepare(plan, engine, views(tensors));
  EXPECT_GT(prepared.bytes(), 10'000u);
  const Decrypted ahead = decrypt(plan, engine, evaluate(plan, engine, inputs, prepared));
  const Decrypted now = decrypt(plan, engine, evaluate(plan, engine, inputs, views(tensors)));
  EXPECT_LE(difference(ahead.outputs[0], now.outputs[0]), ahead.error_bound + now.error_bound);
  const double error = difference(ahead.outputs[0], reference("ij->ji", views(tensors)));
  EXPECT_LE(error, ahead.error_bound);
  EXPECT_LE(ahead.error_bound, 30 * error);
  // For another plan, or by another back end.
  const auto says = [](const Error& error, const char* part) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  };
  says(thrown_by([&] { evaluate(plan, engine, inputs, Prepared{}); }), "prepare this plan");
  Simulator simulator({.slots = 512});
  const Prepared other = prepare(plan, simulator, views(tensors));
  says(thrown_by([&] { evaluate(plan, engine, inputs, other); }), "another back end");
  simulator.make_keys(keys(plan.program));
  const auto simulated = encrypt(plan, simulator, views(tensors));
  says(thrown_by([&] { evaluate(plan, simulator, simulated, prepared); }), "another back end");
  EXPECT_LE(
      difference(decrypt(plan, simulator, evaluate(plan, simulator, simulated, other)).outputs[0],
                 ahead.outputs[0]),
      1e-4);
}

TEST(Engine, RefusesTransformsOfOtherResultsInAPreparedPlan) {
  Engine engine = small();
  const std::vector<Shape> shapes{{16, 32}};
  const Plan plan = einsum::plan("ij->ji", all_secret(shapes), {.slots = 512, .canonical = true});
  const std::vector<Tensor> tensors = random_tensors(shapes, 1);
  engine.make_keys(keys(plan.program));
  const auto inputs = encrypt(plan, engine, views(tensors));
  Prepared prepared = prepare(plan, engine, views(tensors));
  const std::vector<double> ones(512, 1);
  for (std::size_t i = 0; i < plan.program.steps.size(); ++i)
    if (const auto* how = std::get_if<Transform>(&plan.program.steps[i].action)) {
      Transform more = *how;
      more.terms.push_back({1, 0, 0, 0, more.terms[0].plain});
      prepared.steps[i] = engine.prepare(
          more, [&](std::size_t) { return std::span<const double>(ones); },
          plan.program.values[how->of[0]].level);
    }
  const Error error = thrown_by([&] { evaluate(plan, engine, inputs, prepared); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(std::string(error.what()).find("a transform of 2 results"), std::string::npos)
      << error.what();
}

TEST(Engine, StopsWithinATransform) {
  Engine engine = small();
  int left = -1;
  Watched watched(engine, [&] {
    if (left-- == 0) throw Error(ErrorKind::cancelled, "test", "stopped");
  });
  const std::vector<Shape> shapes{{16, 32}};
  const Plan plan = einsum::plan("ij->ji", all_secret(shapes), {.slots = 512, .canonical = true});
  const std::vector<Tensor> tensors = random_tensors(shapes, 1);
  watched.make_keys(keys(plan.program));
  const auto inputs = encrypt(plan, watched, views(tensors));
  const Prepared prepared = prepare(plan, watched, views(tensors));
  left = 5;
  EXPECT_EQ(thrown_by([&] { evaluate(plan, watched, inputs, prepared); }).kind(),
            ErrorKind::cancelled);
  EXPECT_LT(left, 0);
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
