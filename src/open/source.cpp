#include "open/source.h"

#include <algorithm>
#include <filesystem>

#include "formats/gguf/gguf.h"
#include "formats/ncnn/ncnn.h"
#include "formats/npy/npy.h"
#include "formats/torch/torch.h"
#include "image/image.h"
#include "models/language/files/llama2c.h"
#include "models/language/files/mingpt.h"

namespace pliant {
namespace {

bool is_placement(std::string_view text) {
  const std::string_view header = text.substr(0, std::min<std::size_t>(text.find('\n'), 4096));
  const auto has = [&](std::string_view word) {
    return header.find(word) != std::string_view::npos;
  };
  return has("lower") && has("upper") && has("size") && has(",");
}

// The first bytes of a ModelProto: the tag of one of its fields, low numbers first as every writer
// does.
bool is_protobuf(std::string_view text) {
  constexpr std::string_view tags = "\x08\x12\x1a\x22\x28\x32\x3a\x42\x72";
  return !text.empty() && tags.find(text[0]) != std::string_view::npos;
}

// The length of a JSON header, then the header. A Pliant file has the graph in it.
bool is_safetensors(std::string_view text) {
  return text.size() > 9 && text[8] == '{' && text.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

bool is_json_object(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

FileKind kind_by_name(std::string_view path) {
  const std::string ending = extension(path);
  if (ending == ".onnx") return FileKind::onnx;
  if (ending == ".pt") return FileKind::torch;
  return ending == ".pliant" ? FileKind::pliant : FileKind::unknown;
}

}  // namespace

FileKind kind_of(std::span<const std::byte> bytes, std::string_view path) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (looks_like_npy(bytes)) return FileKind::array;
  if (looks_like_image(bytes)) return FileKind::image;
  if (is_gguf(bytes)) return FileKind::gguf;
  if (is_torch(bytes)) return FileKind::torch;
  if (is_mingpt(text)) return FileKind::mingpt;
  if (is_json_object(text))
    return text.find("\"residencies\"") != std::string_view::npos ? FileKind::plan
                                                                  : FileKind::problem;
  if (is_llama2c(bytes)) return FileKind::llama2c;
  if (looks_like_ncnn(text)) return FileKind::ncnn;
  if (is_placement(text)) return FileKind::placement;
  if (is_safetensors(text)) return FileKind::pliant;
  return is_protobuf(text) ? FileKind::onnx : kind_by_name(path);
}

bool is_network(FileKind kind) {
  return kind == FileKind::onnx || kind == FileKind::pliant || kind == FileKind::ncnn ||
         kind == FileKind::zoo;
}

bool is_language_model(FileKind kind) {
  return kind == FileKind::folder || kind == FileKind::gguf || kind == FileKind::llama2c ||
         kind == FileKind::mingpt || kind == FileKind::torch;
}

std::string_view describe(FileKind kind) {
  switch (kind) {
    case FileKind::onnx: return "ONNX network";
    case FileKind::pliant: return "Pliant file";
    case FileKind::ncnn: return "ncnn network";
    case FileKind::zoo: return "generated network";
    case FileKind::folder:
    case FileKind::llama2c:
    case FileKind::mingpt: return "language model";
    case FileKind::gguf: return "GGUF file";
    case FileKind::torch: return "PyTorch checkpoint";
    case FileKind::problem: return "planner's problem";
    case FileKind::plan: return "plan";
    case FileKind::placement: return "placement instance";
    case FileKind::array: return "NumPy array";
    case FileKind::image: return "image";
    case FileKind::unknown: return "file of no known kind";
  }
  return "";
}

Source::Source(std::string path) : path_(std::move(path)) {
  if (path_.starts_with("zoo:")) {
    kind_ = FileKind::zoo;
  } else if (std::filesystem::is_directory(path_)) {
    kind_ = FileKind::folder;
  } else {
    file_ = std::make_shared<const MappedFile>(path_);
    kind_ = kind_of(file_->bytes(), path_);
  }
}

std::span<const std::byte> Source::bytes() const {
  return file_ ? file_->bytes() : std::span<const std::byte>();
}

std::string_view Source::text() const { return file_ ? file_->text() : std::string_view(); }

}  // namespace pliant
