#include <fmt/format.h>

#include "compress/rounding.h"
#include "core/error.h"
#include "core/files.h"
#include "core/ids.h"
#include "formats/gguf/open.h"
#include "formats/pliant/file.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/shards.h"
#include "models/language/files/convert.h"
#include "open/carry_tokenizer.h"
#include "open/language_model.h"
#include "quant/format_names.h"

namespace pliant {
namespace {

// A file's tensors and what becomes of them.
struct Job {
  std::vector<GgufTensor> tensors;
  std::vector<std::optional<Encoding>> to;
  const RoundingProgress& progress;
  RoundingReport report;
};

RoundedTensor plan_of(const GgufTensor& tensor, const std::optional<Encoding>& to) {
  const Stored& before = tensor.stored;
  const Stored after = to ? Stored{{DType::f32, before.type.shape}, *to, {}} : before;
  return {tensor.name,
          format_name(before),
          format_name(after),
          before.type.shape,
          encoded_bytes(before.type, before.encoding, tensor.name),
          encoded_bytes(after.type, after.encoding, tensor.name),
          0,
          0};
}

Job plan_job(std::vector<GgufTensor> tensors, const RoundingOptions& options, bool plain_vectors,
             const RoundingProgress& progress) {
  Job job{std::move(tensors), {}, progress, {}};
  job.to = choose_encodings(job.tensors, options);
  for (std::size_t i = 0; i < job.tensors.size(); ++i) {
    const Stored& stored = job.tensors[i].stored;
    if (plain_vectors && stored.type.shape.size() < 2 && is_float(stored.type.dtype))
      job.to[i] = Encoding::plain;
    const bool same =
        job.to[i] &&
        format_name(stored) == format_name({{DType::f32, stored.type.shape}, *job.to[i], {}});
    if (same) job.to[i].reset();
    job.report.tensors.push_back(plan_of(job.tensors[i], job.to[i]));
  }
  return job;
}

// The bytes of one tensor, rounded or as they are.
void round_into(Job& job, std::size_t index, ThreadPool& pool, std::string_view place,
                const std::function<void(std::span<const std::byte>)>& put) {
  const GgufTensor& tensor = job.tensors[index];
  job.progress(index, job.report);
  if (!job.to[index]) return put(tensor.stored.bytes);
  const Rounded rounded =
      round_weight(tensor.stored, *job.to[index], fmt::format("{}: {}", place, tensor.name), pool);
  job.report.tensors[index].error = rounded.error;
  job.report.tensors[index].size = rounded.size;
  put(rounded.bytes);
}

void set_value(Gguf& file, const std::string& key, std::uint32_t value) {
  for (auto& [name, old] : file.metadata)
    if (name == key) {
      old = value;
      return;
    }
  file.metadata.emplace_back(key, value);
}

RoundingReport write_gguf_job(Job job, Gguf file, const std::string& in, const std::string& out,
                              ThreadPool& pool) {
  for (std::size_t i = 0; i < job.tensors.size(); ++i) {
    const Stored& stored = job.tensors[i].stored;
    file.tensors.push_back({job.tensors[i].name, stored});
    if (job.to[i]) file.tensors.back().stored = {{DType::f32, stored.type.shape}, *job.to[i], {}};
  }
  set_value(file, "general.quantization_version", 2);
  set_value(file, "general.file_type", gguf_file_type(file.tensors));
  write_gguf(out, file,
             [&](std::size_t index, const GgufPut& put) { round_into(job, index, pool, in, put); });
  return std::move(job.report);
}

RoundingReport write_pliant_job(Job job, const Model& model, const std::string& in,
                                const std::string& out, ThreadPool& pool) {
  WeightStore weights;
  for (std::size_t i = 0; i < job.tensors.size(); ++i)
    round_into(job, i, pool, in, [&](std::span<const std::byte> bytes) {
      const GgufTensor& tensor = job.tensors[i];
      if (!job.to[i])
        return weights.add(tensor.name, tensor.stored, model.weights.owner(tensor.name));
      const auto owner = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
      weights.add(tensor.name, {tensor.stored.type, *job.to[i], *owner}, owner);
    });
  write_model(out, model.graph, weights);
  return std::move(job.report);
}

void check_out(const std::string& out, bool graph) {
  const std::string ending = extension(out);
  const bool fits = graph ? ending == ".pliant" || ending == ".safetensors" : ending == ".gguf";
  if (!fits)
    throw Error(ErrorKind::usage, "--out",
                fmt::format("'{}': {}", out,
                            graph ? "a Pliant file stays one" : "the result is a GGUF file"),
                graph ? "end it in .pliant" : "end it in .gguf");
}

std::vector<GgufTensor> tensors_of(const WeightStore& weights) {
  std::vector<GgufTensor> tensors;
  weights.for_each([&](const std::string& name, const Stored& stored) {
    tensors.push_back({name, stored});
  });
  return tensors;
}

// The weights of a graph keep their logical type, so only f32 ones can be rounded.
RoundingReport round_model(const Model& model, const std::string& in, const std::string& out,
                           const RoundingOptions& options, ThreadPool& pool, bool dry,
                           const RoundingProgress& progress) {
  Job job = plan_job(tensors_of(model.weights), options, false, progress);
  for (std::size_t i = 0; i < job.tensors.size(); ++i)
    if (job.to[i] && job.tensors[i].stored.type.dtype != DType::f32) {
      job.to[i].reset();
      job.report.tensors[i] = plan_of(job.tensors[i], std::nullopt);
    }
  if (dry) return std::move(job.report);
  return write_pliant_job(std::move(job), model, in, out, pool);
}

GgufModel from_safetensors(const Source& in) {
  if (const auto index = index_beside(in.path())) {
    const auto whole = std::make_shared<const WeightStore>(load_shards(*index));
    return {{3, {}, tensors_of(*whole)}, {}, whole};
  }
  GgufModel result{{}, {}, in.file()};
  for (const SafeTensor& each : read_safetensors(in.bytes(), in.path()).tensors)
    if (!is_padding(each))
      result.contents.tensors.push_back({each.name, {each.type, Encoding::plain, each.bytes}});
  return result;
}

GgufModel as_gguf(const Source& in) {
  if (in.kind() == FileKind::gguf) return open_gguf(in.file(), in.path());
  if (!is_language_model(in.kind())) return from_safetensors(in);
  const LanguageModel model = load_language_model(in);
  return as_gguf(model, file_name(in.path()),
                 {.metadata = TokenizerSource(in, "", model.config.vocabulary).metadata()});
}

// The network of a Pliant file; none in what holds weights alone.
std::optional<Model> with_graph(const Source& in) {
  if (in.kind() != FileKind::pliant || index_beside(in.path())) return std::nullopt;
  if (!read_safetensors(in.bytes(), in.path()).metadata.contains("pliant.graph"))
    return std::nullopt;
  return read_model(in.bytes(), in.path(), in.file());
}

}  // namespace

std::int64_t RoundingReport::parameters() const {
  std::int64_t total = 0;
  for (const RoundedTensor& each : tensors) total += elements(each.shape);
  return total;
}

std::int64_t RoundingReport::bytes_before() const {
  std::int64_t total = 0;
  for (const RoundedTensor& each : tensors) total += each.bytes_before;
  return total;
}

std::int64_t RoundingReport::bytes_after() const {
  std::int64_t total = 0;
  for (const RoundedTensor& each : tensors) total += each.bytes_after;
  return total;
}

RoundingReport round_file(const Source& in, const std::string& out, const RoundingOptions& options,
                          ThreadPool& pool, bool dry, const RoundingProgress& progress) {
  if (const std::optional<Model> model = with_graph(in)) {
    check_out(out, true);
    return round_model(*model, in.path(), out, options, pool, dry, progress);
  }
  check_out(out, false);
  GgufModel whole = as_gguf(in);
  Job job = plan_job(std::exchange(whole.contents.tensors, {}), options, true, progress);
  if (dry) return std::move(job.report);
  return write_gguf_job(std::move(job), std::move(whole.contents), in.path(), out, pool);
}

}  // namespace pliant
