#include "formats/pliant/file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "formats/safetensors/safetensors.h"
#include "graph/builder.h"
#include "graph/random_graph.h"
#include "graph/text/text.h"

namespace pliant {
namespace {

struct TemporaryPath {
  std::string path = testing::TempDir() + "/pliant_file_test.pliant";
  ~TemporaryPath() { std::remove(path.c_str()); }
};

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.problem();
  }
  return "accepted";
}

TEST(PliantFile, RandomModelsReadBackEqual) {
  TemporaryPath file;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Rng rng(seed);
    Graph g = random_graph(rng, {.rows = seed % 2 ? 4 : 0, .opaque = true});
    WeightStore weights = random_weight_store(g, rng);
    write_model(file.path, g, weights);
    Model back = read_model(file.path);
    ASSERT_EQ(hash(back.graph), hash(g));
    ASSERT_EQ(back.weights.size(), weights.size());
    weights.for_each([&](const std::string& name, const Stored& stored) {
      const Stored& other = back.weights.at(name);
      ASSERT_EQ(other.type, stored.type);
      ASSERT_TRUE(std::equal(stored.bytes.begin(), stored.bytes.end(), other.bytes.begin(),
                             other.bytes.end()));
      // mapped where it lies
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(other.bytes.data()) % 64, 0u);
    });
  }
}

Graph linear_graph() {
  Builder b;
  ValueId x = b.input("x", {DType::f32, {2, 3}}), w = b.weight("w", {DType::f32, {4, 3}});
  Tensor big({DType::f32, {100}});
  fill_uniform(big.view(), *std::make_unique<Rng>(1), 0, 1);
  b.output(b.einsum("ri,oi->ro", {x, w}));
  b.output(b.constant(std::move(big), "big"));
  return b.finish();
}

TEST(PliantFile, WeightsKeepTheirEncoding) {
  TemporaryPath file;
  for (int i = 1; i < encoding_count; ++i) {
    const auto encoding = static_cast<Encoding>(i);
    Builder b;
    const TensorType type{DType::f32, {3, 256}};
    b.output(b.einsum("ri,oi->ro", {b.input("x", {DType::f32, {2, 256}}), b.weight("w", type)}));
    const Graph graph = b.finish();
    Tensor values(type);
    Rng rng(7);
    fill_normal(values.view(), rng, 1);
    const auto bytes =
        std::make_shared<const std::vector<std::byte>>(encode(values.view(), encoding, "w"));
    WeightStore weights;
    weights.add("w", {type, encoding, *bytes}, bytes);
    write_model(file.path, graph, weights);
    const Model back = read_model(file.path);
    EXPECT_EQ(back.weights.at("w").type, type);
    EXPECT_EQ(back.weights.at("w").encoding, encoding);
    EXPECT_TRUE(std::ranges::equal(back.weights.at("w").bytes, *bytes)) << name(encoding);
  }
}

TEST(PliantFile, RefusesScalesThatAreNotFinite) {
  TemporaryPath file;
  Builder b;
  const TensorType type{DType::f32, {2, 32}};
  b.output(b.einsum("ri,oi->ro", {b.input("x", type), b.weight("w", type)}));
  std::string blocks(68, '\0');
  blocks[35] = '\x7c';  // infinity as the scale of the second block
  WeightStore weights;
  weights.add("w", {type, Encoding::q8_0, std::as_bytes(std::span(blocks))}, nullptr);
  write_model(file.path, b.finish(), weights);
  EXPECT_EQ(refusal([&] { read_model(file.path); }),
            "Q8_0 block 1 has a scale that is no finite number");
}

TEST(PliantFile, LargeConstantsAreTensors) {
  TemporaryPath file;
  Graph g = linear_graph();
  WeightStore weights;
  weights.add("w", Tensor({DType::f32, {4, 3}}));
  weights.add("not in the graph", Tensor({DType::f32, {4, 3}}));
  write_model(file.path, g, weights);
  MappedFile mapped(file.path);
  EXPECT_EQ(mapped.text().find("constant:big") != std::string_view::npos, true);
  Model back = read_model(file.path);
  EXPECT_EQ(hash(back.graph), hash(g));
  EXPECT_EQ(back.weights.size(), 1u);
}

TEST(PliantFile, RefusesWhatDoesNotFit) {
  TemporaryPath file;
  Graph g = linear_graph();
  WeightStore none, wrong;
  EXPECT_EQ(refusal([&] { write_model(file.path, g, none); }), "no tensor for the weight 'w'");
  wrong.add("w", Tensor({DType::f32, {3, 4}}));
  EXPECT_EQ(refusal([&] { write_model(file.path, g, wrong); }),
            "the weight 'w' is f32[3,4], the graph wants f32[4,3]");
  write_safetensors(file.path, {});
  EXPECT_EQ(refusal([&] { read_model(file.path); }), "a safetensors file without a graph");
  write_safetensors(file.path,
                    {{{"pliant.graph", "pliant graph 1\nweight w: f32[2]\noutput w"}}, {}});
  EXPECT_EQ(refusal([&] { read_model(file.path); }), "no tensor for the weight 'w'");
  write_safetensors(file.path, {{{"pliant.graph", "pliant graph 1\nrubbish"}}, {}});
  EXPECT_NE(refusal([&] { read_model(file.path); }), "accepted");
  for (const char* bad : {"{", "[1]", R"({"w":{"encoding":"none"}})", R"({"w":{"encoding":7}})"}) {
    write_safetensors(file.path, {{{"pliant.graph", "pliant graph 1\ninput x: f32[2]\noutput x"},
                                   {"pliant.encodings", bad}},
                                  {}});
    EXPECT_NE(refusal([&] { read_model(file.path); }), "accepted") << bad;
  }
}

}  // namespace
}  // namespace pliant
