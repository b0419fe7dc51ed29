#include "compress/rounding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "core/files.h"
#include "core/files/input_guard.h"
#include "core/rng.h"
#include "formats/pliant/file.h"
#include "formats/safetensors/safetensors.h"
#include "graph/builder.h"
#include "graph/text/text.h"

namespace pliant {
namespace {

struct TemporaryPath {
  std::string path;
  explicit TemporaryPath(const std::string& name)
      : path(testing::TempDir() + "/pliant_rounding_" + name) {}
  ~TemporaryPath() { std::remove(path.c_str()); }
};

Tensor normal(Shape shape, std::uint64_t seed, DType dtype = DType::f32) {
  Tensor result({dtype, std::move(shape)});
  Rng rng(seed);
  fill_normal(result.view(), rng, 0.02);
  return result;
}

// A file like a small language model's; the tensors it names live as long as it does.
struct SmallModel {
  Tensor embedding = normal({40, 256}, 1), query = normal({256, 256}, 2),
         down = normal({256, 96}, 3), odd = normal({4, 33}, 4), norm = normal({256}, 5),
         half = normal({64, 256}, 6, DType::f16), position = normal({8, 256}, 7);
  Gguf file;

  SmallModel() {
    file.metadata = {{"general.architecture", std::string("small")},
                     {"general.file_type", std::uint32_t{0}}};
    add("token_embd.weight", embedding);
    add("blk.0.attn_q.weight", query);
    add("blk.0.ffn_down.weight", down);
    add("blk.0.odd.weight", odd);
    add("blk.0.attn_norm.weight", norm);
    add("blk.1.attn_q.weight", half);
    add("position_embd.weight", position);
  }
  void add(const std::string& name, const Tensor& tensor) {
    file.tensors.push_back({name, {tensor.type(), Encoding::plain, tensor.raw()}});
  }
};

std::string names(const std::vector<std::optional<Encoding>>& encodings) {
  std::string result;
  for (const auto& each : encodings) result += (each ? std::string(name(*each)) : "-") + " ";
  return result;
}

TEST(Rounding, ChoosesMatricesThatFit) {
  const SmallModel model;
  const auto chosen = [&](const RoundingOptions& options) {
    return names(choose_encodings(model.file.tensors, options));
  };
  EXPECT_EQ(chosen({Encoding::q8_0, {}, {}}), "Q8_0 Q8_0 Q8_0 - - Q8_0 - ");
  // 96 is no multiple of 256
  EXPECT_EQ(chosen({Encoding::q4_k, {}, {}}), "Q6_K Q4_K Q5_0 - - Q4_K - ");
  EXPECT_EQ(chosen({Encoding::q4_k, Encoding::f16, {}}), "F16 Q4_K Q5_0 - - Q4_K - ");
  EXPECT_EQ(chosen({Encoding::q2_k, {}, {"blk.?.attn*", "token*"}}), "- - IQ4_NL - - - - ");
  EXPECT_EQ(chosen({Encoding::plain, {}, {}}), "plain plain plain plain - plain - ");
}

TEST(Rounding, AHeadOfItsOwnSparesTheEmbedding) {
  SmallModel model;
  model.add("output.weight", model.query);
  EXPECT_EQ(names(choose_encodings(model.file.tensors, {Encoding::q4_0, {}, {}})),
            "Q4_0 Q4_0 Q4_0 - - Q4_0 - Q6_K ");
}

TEST(Rounding, ErrorIsThatOfTheDecodedValues) {
  ThreadPool pool(2);
  const Tensor values = normal({300, 256}, 9);
  const Rounded rounded =
      round_weight({values.type(), Encoding::plain, values.raw()}, Encoding::q4_0, "w", pool);
  const Tensor decoded = decode({values.type(), Encoding::q4_0, rounded.bytes});
  double error = 0, size = 0;
  for (std::size_t i = 0; i < values.span<float>().size(); ++i) {
    const double x = values.span<float>()[i],
                 rest = x - static_cast<double>(decoded.span<float>()[i]);
    error += rest * rest;
    size += x * x;
  }
  EXPECT_NEAR(rounded.error, error, 1e-9 * error);
  EXPECT_NEAR(rounded.size, size, 1e-9 * size);
  EXPECT_NEAR(relative_error(rounded.error, rounded.size), 0.087, 0.005);
  EXPECT_EQ(relative_error(0, 0), 0);
}

RoundingReport round(const std::string& in, const std::string& out, const RoundingOptions& options,
                     bool dry = false) {
  ThreadPool pool(2);
  return round_file(in, out, options, pool, dry, [](std::size_t, const RoundingReport&) {});
}

ErrorKind refusal(const std::string& in, const std::string& out, const RoundingOptions& options) {
  try {
    round(in, out, options);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::cancelled;
}

TEST(RoundFile, Gguf) {
  const TemporaryPath in("in.gguf"), out("out.gguf"), again("again.gguf");
  const SmallModel model;
  write_gguf(in.path, model.file);
  const RoundingReport report = round(in.path, out.path, {Encoding::q4_0, {}, {}});
  const MappedFile mapped(out.path);
  const Gguf file = read_gguf(mapped.bytes(), out.path);
  EXPECT_EQ(file.text("general.architecture"), "small");
  EXPECT_EQ(file.integer("general.file_type"), 2);
  EXPECT_EQ(file.integer("general.quantization_version"), 2);
  ASSERT_EQ(file.tensors.size(), model.file.tensors.size());
  EXPECT_EQ(file.tensors[0].stored.encoding, Encoding::q6_k);
  EXPECT_EQ(file.tensors[5].stored.encoding, Encoding::q4_0);  // from f16
  EXPECT_TRUE(std::ranges::equal(file.tensors[1].stored.bytes,
                                 encode(model.query.view(), Encoding::q4_0, "w")));
  EXPECT_TRUE(std::ranges::equal(file.tensors[3].stored.bytes, model.odd.raw()));
  EXPECT_EQ(report.tensors[1].to, "Q4_0");
  EXPECT_EQ(report.bytes_after(),
            40 * 210 + 256 * 8 * 18 + 256 * 3 * 18 + 4 * 33 * 4 + 256 * 4 + 64 * 8 * 18 + 8 * 1024);
  EXPECT_LT(report.bytes_after(), report.bytes_before());
  EXPECT_EQ(report.parameters(),
            40 * 256 + 256 * 256 + 256 * 96 + 4 * 33 + 256 + 64 * 256 + 8 * 256);

  round(out.path, again.path, {Encoding::q4_0, {}, {}});  // nothing is left to round
  EXPECT_EQ(read_file(out.path), read_file(again.path));
}

TEST(RoundFile, DryRunsReportTheSameSizesAndWriteNothing) {
  const TemporaryPath in("dry_in.gguf"), out("dry_out.gguf");
  const SmallModel model;
  write_gguf(in.path, model.file);
  const RoundingReport report = round(in.path, out.path, {Encoding::q4_k, {}, {}}, true);
  EXPECT_THROW(read_file(out.path), Error);
  EXPECT_EQ(report.bytes_after(), round(in.path, out.path, {Encoding::q4_k, {}, {}}).bytes_after());
}

TEST(RoundFile, SafetensorsBecomeGgufWithVectorsInF32) {
  const TemporaryPath in("in.safetensors"), out("st.gguf");
  const Tensor matrix = normal({4, 256}, 1, DType::bf16), vector = normal({5}, 2, DType::bf16);
  write_safetensors(in.path,
                    {{}, {{"m", matrix.type(), matrix.raw()}, {"v", vector.type(), vector.raw()}}});
  round(in.path, out.path, {Encoding::q8_0, {}, {}});
  const MappedFile mapped(out.path);
  const Gguf file = read_gguf(mapped.bytes(), out.path);
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].stored.encoding, Encoding::q8_0);
  EXPECT_EQ(file.tensors[1].stored.type, (TensorType{DType::f32, {5}}));
  EXPECT_EQ(get(decode(file.tensors[1].stored).view(), 3), get(vector.view(), 3));
}

// The tensors of a small model, each in a part of its own.
std::vector<TemporaryPath> write_parts(const SmallModel& model) {
  std::vector<TemporaryPath> parts;
  const std::size_t count = model.file.tensors.size();
  parts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    parts.emplace_back("split-0000" + std::to_string(i + 1) + "-of-0000" + std::to_string(count) +
                       ".gguf");
    Gguf part{3, {}, {model.file.tensors[i]}};
    if (i == 0) part.metadata = model.file.metadata;
    part.metadata.emplace_back("split.no", static_cast<std::uint16_t>(i));
    part.metadata.emplace_back("split.count", static_cast<std::uint16_t>(count));
    part.metadata.emplace_back("split.tensors.count", static_cast<std::int32_t>(count));
    write_gguf(parts.back().path, part);
  }
  return parts;
}

TEST(RoundFile, APartOfASplitFileStandsForTheWhole) {
  const TemporaryPath in("not_split.gguf"), whole("whole.gguf"), out("from_part.gguf");
  const SmallModel model;
  write_gguf(in.path, model.file);
  round(in.path, whole.path, {Encoding::q4_0, {}, {}});
  const std::vector<TemporaryPath> parts = write_parts(model);
  for (const TemporaryPath& part : parts) {
    round(part.path, out.path, {Encoding::q4_0, {}, {}});
    EXPECT_EQ(read_file(out.path), read_file(whole.path));
  }
  const InputGuard guard;
  EXPECT_EQ(refusal(parts[0].path, parts[3].path, {}), ErrorKind::usage);
  std::remove(parts[3].path.c_str());
  EXPECT_EQ(refusal(parts[0].path, out.path, {}), ErrorKind::not_found);
}

TEST(RoundFile, AShardStandsForTheWhole) {
  const TemporaryPath one("m-00001-of-00002.safetensors"), two("m-00002-of-00002.safetensors"),
      index("m.safetensors.index.json"), out("from_shard.gguf");
  const Tensor a = normal({4, 256}, 1), b = normal({4, 256}, 2);
  write_safetensors(one.path, {{}, {{"a", a.type(), a.raw()}}});
  write_safetensors(two.path, {{}, {{"b", b.type(), b.raw()}}});
  EXPECT_EQ(refusal(one.path, out.path, {}), ErrorKind::not_found);
  write_file(index.path, R"({"weight_map": {"a": ")" + file_name(one.path) + R"(", "b": ")" +
                             file_name(two.path) + R"("}})");
  EXPECT_EQ(round(two.path, out.path, {Encoding::q8_0, {}, {}}).tensors.size(), 2u);
  const MappedFile mapped(out.path);
  EXPECT_EQ(read_gguf(mapped.bytes(), out.path).tensors.size(), 2u);
}

TEST(RoundFile, APliantFileStaysOne) {
  const TemporaryPath in("in.pliant"), out("out.pliant");
  Builder b;
  const ValueId x = b.input("x", {DType::f32, {2, 256}});
  b.output(b.einsum("ri,oi->ro", {x, b.weight("w", {DType::f32, {3, 256}})}));
  b.output(b.map(argument(0) + argument(1), {x, b.weight("shift", {DType::f32, {256}})}));
  const Graph graph = b.finish();
  WeightStore weights;
  weights.add("w", normal({3, 256}, 1));
  weights.add("shift", normal({256}, 2));
  write_model(in.path, graph, weights);
  round(in.path, out.path, {Encoding::q5_k, {}, {}});
  const Model model = read_model(out.path);
  EXPECT_EQ(hash(model.graph), hash(graph));
  EXPECT_EQ(model.weights.at("w").encoding, Encoding::q5_k);
  EXPECT_EQ(model.weights.at("shift").encoding, Encoding::plain);
}

TEST(RoundFile, Refuses) {
  const TemporaryPath in("refused.gguf"), other("refused.pliant"), broken("broken.gguf");
  SmallModel model;
  write_gguf(in.path, model.file);
  const std::string before = read_file(in.path);
  {
    const InputGuard guard;
    EXPECT_EQ(refusal(in.path, in.path, {}), ErrorKind::usage);
  }
  EXPECT_EQ(refusal(in.path, other.path, {}), ErrorKind::usage);
  EXPECT_EQ(refusal(in.path + ".absent", other.path, {}), ErrorKind::not_found);
  write_file(broken.path, "no model");
  EXPECT_EQ(refusal(broken.path, in.path, {}), ErrorKind::format);
  model.query.span<float>()[7] = std::nanf("");
  write_gguf(broken.path, model.file);
  EXPECT_EQ(refusal(broken.path, in.path, {}), ErrorKind::invalid);
  EXPECT_EQ(read_file(in.path), before);
}

}  // namespace
}  // namespace pliant
