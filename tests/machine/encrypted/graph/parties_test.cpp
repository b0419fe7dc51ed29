// Client and server of a graph, with nothing between them but files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "errors.h"
#include "machine/encrypted/graph/compare.h"
#include "machine/encrypted/graph/parties/parties.h"

namespace pliant::encrypted {
namespace {

const einsum::PartyOptions kInsecure{.accept_insecure = true};

GraphQuestion question() {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4}}), y = b.input("y in clear", {DType::f32, {3}}),
                z = b.input("z", {DType::f32, {3}}), w = b.weight("w", {DType::f32, {3, 4}});
  const ValueId h = b.map(argument(0) + argument(1), {b.einsum("oi,i->o", {w, x}), y}, {}, "h");
  b.output(b.map(apply(Fn::tanh, {argument(0)}) * argument(1), {h, z}), "o");
  return {b.finish(), {"x", "z"}, {{"h", {-3, 3}}}, {.slots = 16, .approximation = .01}};
}

ckks::Params params(const GraphQuestion& question) {
  return {.log_n = 10, .levels = plan(question).plan.levels(), .insecure_for_tests = true};
}

WeightStore copy_of(const Sample& sample, const GraphQuestion& question) {
  WeightStore result;
  for (const Value& value : question.graph.values())
    if (value.role == Role::weight) result.add(value.name, decode(sample.weights.at(value.name)));
  return result;
}

TEST(GraphParties, AnswerThroughFiles) {
  const GraphQuestion asked = question();
  const Sample drawn = sample(asked.graph, 4);
  ThreadPool pool(1);
  GraphClient maker(asked, kInsecure, params(asked));
  GraphServer server(maker.server_file().get(), copy_of(drawn, asked), pool, kInsecure);
  GraphClient client(maker.secret_file().get(), kInsecure);
  EXPECT_EQ(client.error_bound(), maker.error_bound());
  const Request request = client.encrypt(std::vector{drawn.views[0], drawn.views[2]});
  const File answer = server.evaluate(request, drawn.views);
  const einsum::Decrypted got = client.decrypt(answer, request);
  const Tensor want = std::move(evaluate(asked.graph, drawn.weights, drawn.views, pool)[0]);
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(get(got.outputs[0].view(), i), get(want.view(), i), got.error_bound);
  EXPECT_LE(got.error_bound, client.error_bound());
  EXPECT_LT(client.error_bound(), .05);

  const Request other = client.encrypt(std::vector{drawn.views[0], drawn.views[2]});
  EXPECT_EQ(thrown_by([&] { client.decrypt(answer, other); }).kind(), ErrorKind::format);
  const Request swapped{request[1], request[0]};
  EXPECT_EQ(thrown_by([&] { server.evaluate(swapped, drawn.views); }).kind(), ErrorKind::format);
  EXPECT_EQ(thrown_by([&] { server.evaluate({request[0]}, drawn.views); }).kind(),
            ErrorKind::invalid);
  EXPECT_EQ(thrown_by([&] { client.encrypt(std::vector{drawn.views[0]}); }).kind(),
            ErrorKind::invalid);
}

TEST(GraphParties, ServerHasNoSecret) {
  const GraphQuestion asked = question();
  GraphClient client(asked, kInsecure, params(asked));
  const auto secret = client.secret_file(), keys = client.server_file();
  // the secret key's own bytes, the last in its file but for the hash
  const auto own = secret.get().subspan(secret.get().size() - 1024, 256);
  const auto all = keys.get();
  EXPECT_EQ(std::search(all.begin(), all.end(), own.begin(), own.end()), all.end());
  ThreadPool pool(1);
  EXPECT_EQ(thrown_by([&] { GraphServer(secret.get(), {}, pool, kInsecure); }).kind(),
            ErrorKind::format);
  EXPECT_EQ(thrown_by([&] { GraphClient(keys.get(), kInsecure); }).kind(), ErrorKind::format);
  EXPECT_EQ(thrown_by([&] { GraphServer(keys.get(), {}, pool, kInsecure); }).kind(),
            ErrorKind::not_found);  // no weights
}

TEST(GraphParties, QuestionsAreText) {
  const GraphQuestion asked = question();
  const std::string text = to_text(asked);
  EXPECT_EQ(to_text(question_from_text(text, "text")), text);
  const auto refused = [](const std::string& text) {
    const Error error = thrown_by([&] { question_from_text(text, "text"); });
    EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
    return std::string(error.what());
  };
  EXPECT_NE(refused("slots 16\ncolour 3\ngraph\n").find("line 2"), std::string::npos);
  EXPECT_NE(refused("slots 1x6\ngraph\n").find("'1x6' is no number"), std::string::npos);
  EXPECT_NE(refused("slots 16\n").find("no line \"graph\""), std::string::npos);
  EXPECT_NE(refused("range 1 x\ngraph\n").find("a word and a space"), std::string::npos);
}

// The root of x + y on [.5, 2], where less than the magnitudes of x and y would not do.
GraphQuestion one_sided() {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {4}}), y = b.input("y", {DType::f32, {4}}),
                sum = b.map(argument(0) + argument(1), {x, y}, {}, "sum");
  b.output(b.map(apply(Fn::sqrt, {argument(0)}), {sum}), "o");
  return {b.finish(), {"x"}, {{"x", {0, 1}}, {"y", {.5, 1}}}, {.slots = 16, .approximation = .01}};
}

TEST(GraphParties, RefuseElementsOutsideTheirRange) {
  const GraphQuestion asked = one_sided();
  ThreadPool pool(1);
  GraphClient client(asked, kInsecure, params(asked));
  GraphServer server(client.server_file().get(), {}, pool, kInsecure);
  const auto tensor = [](double last) {
    return Tensor::of(DType::f32, {4}, std::vector<double>{1, .75, .5, last});
  };
  const Tensor good = tensor(.5), ends = tensor(1);
  const Request request = client.encrypt(std::vector{ends.view()});
  EXPECT_NO_THROW(server.evaluate(request, std::vector{ends.view(), good.view()}));
  for (const double last : {-.45, 1.25, std::nan("")}) {
    const Tensor bad = tensor(last);
    const auto refused = [&](const auto& action, const char* name) {
      const Error error = thrown_by(action);
      EXPECT_EQ(error.kind(), ErrorKind::invalid) << last;
      EXPECT_EQ(error.place(), name);
    };
    refused([&] { client.encrypt(std::vector{bad.view()}); }, "value x");
    refused([&] { server.evaluate(request, std::vector{good.view(), bad.view()}); }, "value y");
    const GraphPlan planned = plan(asked);
    einsum::Simulator simulator({.slots = 16, .levels = planned.plan.levels()});
    refused(
        [&] {
          run(planned, simulator, {}, std::vector{bad.view(), good.view()}, pool);
        },
        "value x");
  }
}

TEST(GraphParties, DeepGraphsInTheClearAreEvaluatedWithoutTheStack) {
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {1}});
  ValueId w = b.weight("w", {DType::f32, {1}});
  constexpr int depth = 100'000;
  for (int i = 0; i < depth; ++i) w = b.map(apply(Fn::negate, {argument(0)}), {w});
  b.output(b.map(argument(0) + argument(1), {x, w}), "o");
  const Graph graph = b.finish();
  const GraphPlan planned = plan(graph, {"x"}, {}, {.slots = 16});
  const Sample drawn = sample(graph, 1);
  ThreadPool pool(1);
  const PlainTensors plain(planned, drawn.weights, drawn.views, pool);
  EXPECT_EQ(get(plain.views()[1], 0), get(decode(drawn.weights.at("w")).view(), 0));
}

}  // namespace
}  // namespace pliant::encrypted
