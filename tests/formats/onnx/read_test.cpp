// What the reader makes of small models, and how it refuses broken ones.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
#include "formats/onnx/cases.h"
#include "formats/onnx/file/model.h"
#include "formats/onnx/onnx.h"
#include "graph/passes/passes.h"
#include "graph/reference/reference.h"

namespace pliant {
namespace {

using onnx::ModelDef;
using onnx::Node;
using onnx::NodeAttribute;

NodeAttribute integer(std::int64_t value) {
  NodeAttribute a;
  a.type = NodeAttribute::Type::integer, a.integer = value;
  return a;
}

NodeAttribute integers(std::vector<std::int64_t> values) {
  NodeAttribute a;
  a.type = NodeAttribute::Type::integers, a.integers = std::move(values);
  return a;
}

onnx::ValueInfo info(const std::string& name, const std::vector<onnx::Dim>& dims,
                     DType dtype = DType::f32) {
  return {name, dtype, dims};
}

ModelDef model_of(std::vector<Node> nodes, std::vector<onnx::ValueInfo> inputs,
                  std::vector<std::string> outputs) {
  ModelDef model;
  model.opsets[""] = 17;
  model.graph.name = "test";
  model.graph.nodes = std::move(nodes);
  model.graph.inputs = std::move(inputs);
  for (auto& each : outputs) model.graph.outputs.push_back({each, DType::f32, {}});
  return model;
}

void add_tensor(ModelDef& model, const std::string& name, Tensor tensor) {
  const TensorType type = tensor.type();
  model.graph.initializers.push_back(
      {name, type, std::make_shared<const Tensor>(std::move(tensor)), "", false});
}

OnnxModel read(const ModelDef& model, const OnnxOptions& options = {}) {
  return parse_onnx(onnx::serialize_model(model), options, "test.onnx");
}

// Expects an Error of this kind whose message holds every part.
void expect_error(const std::function<void()>& act, ErrorKind kind,
                  const std::vector<std::string>& parts) {
  try {
    act();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    for (const auto& part : parts)
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

// It once came in with its windows in memory, six times its operand, which spoiled every plan.
TEST(ReadOnnx, LocalResponseNormalizationIsOneKernel) {
  const OnnxModel model = read(model_of({{"", "LRN", "lrn", {"x"}, {"y"}, {{"size", integer(5)}}}},
                                        {info("x", {{1, ""}, {16, ""}, {4, ""}, {4, ""}})}, {"y"}));
  const Storage places = storage(model.graph, groups(model.graph));
  EXPECT_EQ(std::count(places.is_view.begin(), places.is_view.end(), false), 1);
}

TEST(ReadOnnx, KeepsTheNamesOfValuesAndNodes) {
  ModelDef model = model_of({{"", "Gemm", "dense", {"x", "w", "b"}, {"hidden"}, {}},
                             {"", "Relu", "hidden", {"hidden"}, {"y"}, {}}},
                            {info("x", {{2, ""}, {3, ""}})}, {"y"});
  add_tensor(model, "w", Tensor::of(DType::f32, {3, 2}, {1, 2, 3, 4, 5, 6}));
  add_tensor(model, "b", Tensor::of(DType::f32, {2}, {1, -1}));
  const OnnxModel back = read(model);
  const Graph& graph = back.graph;
  EXPECT_TRUE(graph.find("hidden") && graph.find("y") && graph.find("w"));
  EXPECT_EQ(graph.value(*graph.find("w")).role, Role::weight);
  EXPECT_EQ(graph.op(graph.value(*graph.find("hidden")).producer).name, "dense");
  EXPECT_EQ(back.weights.size(), 2U);
}

TEST(ReadOnnx, FoldsShapeArithmetic) {
  // y = reshape(x, concat(shape(x)[0:1], [-1])), as exporters write a flatten
  ModelDef model = model_of({{"", "Shape", "", {"x"}, {"s"}, {}},
                             {"", "Gather", "", {"s", "zero"}, {"n"}, {}},
                             {"", "Unsqueeze", "", {"n", "axes"}, {"n1"}, {}},
                             {"", "Concat", "", {"n1", "rest"}, {"to"}, {{"axis", integer(0)}}},
                             {"", "Reshape", "", {"x", "to"}, {"y"}, {}}},
                            {info("x", {{2, ""}, {3, ""}, {4, ""}})}, {"y"});
  add_tensor(model, "zero", Tensor::of(DType::i64, {}, {0}));
  add_tensor(model, "axes", Tensor::of(DType::i64, {1}, {0}));
  add_tensor(model, "rest", Tensor::of(DType::i64, {1}, {-1}));
  const Graph graph = read(model).graph;
  ASSERT_EQ(graph.ops().size(), 1U);
  EXPECT_EQ(graph.value(graph.outputs()[0]).type.shape, (Shape{2, 12}));
}

TEST(ReadOnnx, SortsNodesThatStandInAnyOrder) {
  const ModelDef model =
      model_of({{"", "Relu", "", {"a"}, {"y"}, {}}, {"", "Neg", "", {"x"}, {"a"}, {}}},
               {info("x", {{2, ""}})}, {"y"});
  EXPECT_EQ(read(model).graph.ops().size(), 2U);
}

TEST(ReadOnnx, TakesTheBranchOfAKnownCondition) {
  auto branch = std::make_shared<onnx::GraphDef>();
  branch->nodes = {{"", "Neg", "", {"x"}, {"inner"}, {}}};
  branch->outputs = {{"inner", DType::f32, {}}};
  NodeAttribute then_branch, else_branch;
  then_branch.type = else_branch.type = NodeAttribute::Type::graph;
  then_branch.graph = branch, else_branch.graph = std::make_shared<onnx::GraphDef>();
  ModelDef model = model_of(
      {{"", "If", "", {"c"}, {"y"}, {{"then_branch", then_branch}, {"else_branch", else_branch}}}},
      {info("x", {{2, ""}})}, {"y"});
  add_tensor(model, "c", Tensor::of(DType::boolean, {}, {1}));
  EXPECT_EQ(read(model).graph.ops().size(), 1U);
}

TEST(ReadOnnx, SymbolicSizesAreGivenByInputOrSymbol) {
  const ModelDef model =
      model_of({{"", "Relu", "", {"x"}, {"y"}, {}}}, {info("x", {{-1, "batch"}, {3, ""}})}, {"y"});
  expect_error([&] { read(model); }, ErrorKind::invalid, {"'x'", "[batch,3]", "--shape x=1x3"});
  OnnxOptions by_symbol, by_input, wrong_rank, unknown;
  by_symbol.shapes["batch"] = {5}, by_input.shapes["x"] = {7, 3}, wrong_rank.shapes["x"] = {7},
  unknown.shapes["z"] = {1};
  EXPECT_EQ(read(model, by_symbol).graph.value(ValueId{0}).type.shape, (Shape{5, 3}));
  EXPECT_EQ(read(model, by_input).graph.value(ValueId{0}).type.shape, (Shape{7, 3}));
  expect_error([&] { read(model, wrong_rank); }, ErrorKind::usage, {"'x'", "[7]"});
  expect_error([&] { read(model, unknown); }, ErrorKind::usage, {"'z'", "inputs: x"});
}

TEST(ReadOnnx, FixedInputsBecomeConstants) {
  const ModelDef model = model_of({{"", "Add", "", {"x", "k"}, {"y"}, {}}},
                                  {info("x", {{2, ""}}), info("k", {})}, {"y"});
  OnnxOptions options;
  options.fixed["k"] = std::make_shared<const Tensor>(Tensor::of(DType::f32, {}, {3}));
  EXPECT_EQ(read(model, options).graph.inputs().size(), 1U);
  options.fixed["k"] = std::make_shared<const Tensor>(Tensor::of(DType::i64, {}, {3}));
  expect_error([&] { read(model, options); }, ErrorKind::usage, {"'k'", "i64"});
  OnnxOptions unknown;
  unknown.fixed["z"] = options.fixed["k"];
  expect_error([&] { read(model, unknown); }, ErrorKind::usage, {"'z'"});
}

TEST(ReadOnnx, ExpandsTheModelsOwnFunctions) {
  ModelDef model =
      model_of({{"own", "Twice", "t", {"x"}, {"y"}, {}}}, {info("x", {{2, ""}})}, {"y"});
  std::string bytes = onnx::serialize_model(model);
  // ModelProto.functions (25): FunctionProto{name, input, output, node, domain}
  const auto field = [](int number, const std::string& content) {
    const int tag = number << 3 | 2;
    std::string out;
    if (tag < 128) out += static_cast<char>(tag);
    else out += {static_cast<char>((tag & 127) | 128), static_cast<char>(tag >> 7)};
    return out + static_cast<char>(content.size()) + content;
  };
  const auto node = [&](const std::string& type, const std::string& in, const std::string& out) {
    return field(7, field(1, in) + field(2, out) + field(4, type));
  };
  const std::string body = node("Neg", "a", "m") + node("Relu", "m", "b");
  bytes += field(25, field(1, "Twice") + field(4, "a") + field(5, "b") + body + field(10, "own"));
  EXPECT_EQ(parse_onnx(bytes, {}, "test.onnx").graph.ops().size(), 2U);
  const std::string itself =
      field(7, field(1, "a") + field(2, "b") + field(4, "Twice") + field(7, "own"));
  const std::string endless =
      onnx::serialize_model(model) +
      field(25, field(1, "Twice") + field(4, "a") + field(5, "b") + itself + field(10, "own"));
  expect_error([&] { parse_onnx(endless, {}, "test.onnx"); }, ErrorKind::invalid,
               {"functions call one another"});
}

TEST(ReadOnnx, UnknownOperatorsStayOpaqueWhenTheFileSaysTheirTypes) {
  ModelDef model =
      model_of({{"com.test", "Odd", "n", {"x"}, {"y"}, {}}}, {info("x", {{2, ""}})}, {"y"});
  expect_error([&] { read(model); }, ErrorKind::unsupported,
               {"'n'", "com.test.Odd", "'y'", "shape inference"});
  model.graph.outputs[0].dims = {{4, ""}};
  const OnnxModel back = read(model);
  EXPECT_EQ(back.graph.value(back.graph.outputs()[0]).type, (TensorType{DType::f32, {4}}));
  EXPECT_EQ(back.opaque.size(), 1U);
}

TEST(ReadOnnx, RefusesGraphsThatBreakTheRules) {
  const auto x = info("x", {{2, ""}});
  const auto refuse = [&](std::vector<Node> nodes, std::vector<std::string> outputs, ErrorKind kind,
                          std::vector<std::string> parts) {
    expect_error([&] { read(model_of(std::move(nodes), {x}, std::move(outputs))); }, kind, parts);
  };
  refuse({{"", "Relu", "r", {"nobody"}, {"y"}, {}}}, {"y"}, ErrorKind::invalid,
         {"'r'", "'nobody'"});
  refuse({{"", "Add", "p", {"x", "b"}, {"a"}, {}}, {"", "Neg", "q", {"a"}, {"b"}, {}}}, {"b"},
         ErrorKind::invalid, {"itself", "'p'", "'q'"});
  refuse({{"", "Neg", "p", {"x"}, {"a"}, {}}, {"", "Neg", "q", {"x"}, {"a"}, {}}}, {"a"},
         ErrorKind::invalid, {"'q'", "'a'"});
  refuse({{"", "Neg", "p", {"x"}, {"x"}, {}}}, {"x"}, ErrorKind::invalid, {"'p'", "'x'"});
  refuse({{"", "Neg", "p", {"x"}, {"a"}, {}}}, {"other"}, ErrorKind::invalid, {"'other'"});
  refuse({{"", "Neg", "p", {}, {"a"}, {}}}, {"a"}, ErrorKind::invalid, {"'p'", "operand 0"});
  refuse({{"", "Concat", "p", {"x", "x"}, {"a"}, {{"axis", integer(4)}}}}, {"a"},
         ErrorKind::invalid, {"'p'", "axis 4"});
  refuse({{"", "Transpose", "p", {"x"}, {"a"}, {{"perm", integer(0)}}}}, {"a"}, ErrorKind::invalid,
         {"'p'", "perm"});
  refuse({{"", "Split", "p", {"x"}, {"a", "b"}, {{"split", integers({1})}}}}, {"a"},
         ErrorKind::invalid, {"'p'"});
}

TEST(ReadOnnx, RefusesConstantsBeyondTheLimit) {
  ModelDef model = model_of({{"", "ConstantOfShape", "big", {"s"}, {"y"}, {}}}, {}, {"y"});
  add_tensor(model, "s", Tensor::of(DType::i64, {2}, {1e6, 1e6}));
  expect_error([&] { read(model); }, ErrorKind::capacity, {"'big'", "4000000000000"});
  model.graph.initializers[0].tensor =
      std::make_shared<const Tensor>(Tensor::of(DType::i64, {2}, {1e18, 1e18}));
  expect_error([&] { read(model); }, ErrorKind::invalid, {"'big'"});
}

TEST(ReadOnnx, RefusesOldOpsets) {
  ModelDef model = model_of({{"", "Relu", "", {"x"}, {"y"}, {}}}, {info("x", {{2, ""}})}, {"y"});
  model.opsets[""] = 6;
  expect_error([&] { read(model); }, ErrorKind::unsupported, {"opset 6"});
}

TEST(ReadOnnx, RefusesTensorsOfTheWrongSize) {
  ModelDef model =
      model_of({{"", "Add", "", {"x", "w"}, {"y"}, {}}}, {info("x", {{2, ""}})}, {"y"});
  add_tensor(model, "w", Tensor::of(DType::f32, {2}, {1, 2}));
  std::string bytes = onnx::serialize_model(model);
  // TensorProto begins with dims (field 1): "w" declares 2 elements; claim 3
  const auto at = bytes.find(std::string("\x08\x02\x10\x01", 4));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 1] = 3;
  expect_error([&] { parse_onnx(bytes, {}, "t"); }, ErrorKind::format, {"'w'", "f32[3]", "8"});
}

TEST(ReadOnnx, StrippedTensorsBecomeWeightsWithoutDataOnRequest) {
  ModelDef model =
      model_of({{"", "Add", "", {"x", "w"}, {"y"}, {}}}, {info("x", {{2, ""}})}, {"y"});
  add_tensor(model, "w", Tensor::of(DType::f32, {2}, {1, 2}));
  std::string bytes = onnx::serialize_model(model);
  // raw_data (field 9): becomes the unknown field 15
  const auto raw = bytes.find(std::string("\x4a\x08", 2));
  ASSERT_NE(raw, std::string::npos);
  bytes[raw] = 0x7a;
  expect_error([&] { parse_onnx(bytes, {}, "t"); }, ErrorKind::not_found, {"'w'", "no data"});
  OnnxOptions without;
  without.missing_weights = true;
  EXPECT_EQ(parse_onnx(bytes, without, "t").missing, std::vector<std::string>{"w"});
}

TEST(ReadOnnx, RefusesDamagedBytesWithAnErrorOnly) {
  ModelDef model = model_of(
      {{"", "Gemm", "dense", {"x", "w"}, {"h"}, {}}, {"", "Softmax", "", {"h"}, {"y"}, {}}},
      {info("x", {{2, ""}, {3, ""}})}, {"y"});
  add_tensor(model, "w", Tensor::of(DType::f32, {3, 2}, {1, 2, 3, 4, 5, 6}));
  const std::string whole = onnx::serialize_model(model);
  OnnxOptions small;
  small.constant_bytes = 1 << 20;
  int refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    try {
      parse_onnx(bytes, small, "damaged");
    } catch (const Error&) {
      ++refused;
    }
  };
  for (std::size_t n = 0; n < whole.size(); ++n) attempt(whole.substr(0, n));
  Rng rng(3);
  for (int k = 0; k < 3000; ++k) {
    std::string bytes = whole;
    for (int i = 0; i < 3; ++i)
      bytes[rng.below(static_cast<std::int64_t>(bytes.size()))] = static_cast<char>(rng.below(256));
    attempt(bytes);
  }
  EXPECT_GT(refused, 1000);
}

TEST(ReadOnnx, ExternalDataMayNotLeaveTheFolder) {
  ModelDef model =
      model_of({{"", "Add", "", {"x", "w"}, {"y"}, {}}}, {info("x", {{2, ""}})}, {"y"});
  add_tensor(model, "w", Tensor::of(DType::f32, {2}, {1, 2}));
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("pliant-onnx-external-{}", ::getpid());
  std::filesystem::create_directories(folder / "inside");
  std::string data;
  for (const char* location : {"../w.data", "/etc/hostname", "inside/../../w.data"}) {
    const std::string bytes = onnx::serialize_model(model, &(data = ""), location);
    write_file((folder / "w.data").string(), data);
    expect_error([&] { parse_onnx(bytes, {}, "t", (folder / "inside").string()); },
                 ErrorKind::format, {"'w'", location});
    expect_error([&] { parse_onnx(bytes, {}, "t"); }, ErrorKind::format, {"'w'", location});
  }
  std::filesystem::create_symlink(folder / "w.data", folder / "inside" / "link");
  const std::string bytes = onnx::serialize_model(model, &(data = ""), "link");
  expect_error([&] { parse_onnx(bytes, {}, "t", (folder / "inside").string()); }, ErrorKind::format,
               {"leaves"});
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pliant
