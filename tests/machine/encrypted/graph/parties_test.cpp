// Client and server of a graph, with nothing between them but files.
#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace pliant::encrypted
