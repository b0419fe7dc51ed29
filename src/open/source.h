// What a path names: a file, told by its content and mapped once for all that read it, a folder, or
// a network of the zoo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/files.h"

namespace pliant {

enum class FileKind : std::uint8_t {
  onnx,
  pliant,  // any safetensors file: the graph may be missing
  ncnn,
  zoo,     // no file: "zoo:NAME"
  folder,  // of a language model
  gguf,
  llama2c,
  mingpt,
  torch,  // a PyTorch checkpoint of CoreNet's
  problem,
  plan,
  placement,
  array,
  image,
  unknown
};

// By content. What says nothing is taken for the network that its name promises (.onnx, .pliant,
// .pt): a damaged one.
FileKind kind_of(std::span<const std::byte> bytes, std::string_view path);

bool is_network(FileKind kind);
bool is_language_model(FileKind kind);
std::string_view describe(FileKind kind);  // "ONNX network", "planner's problem", ...

// Copies share the mapping.
class Source {
 public:
  // Throws Error{not_found} or Error{io} for a file that cannot be read.
  Source(std::string path);  // NOLINT(google-explicit-constructor): a path is enough wherever a
                             // source is asked for
  Source(const char* path) : Source(std::string(path)) {}  // NOLINT(google-explicit-constructor)

  const std::string& path() const { return path_; }
  FileKind kind() const { return kind_; }
  // null for a folder and the zoo
  const std::shared_ptr<const MappedFile>& file() const { return file_; }
  std::span<const std::byte> bytes() const;  // empty for these
  std::string_view text() const;

 private:
  std::string path_;
  std::shared_ptr<const MappedFile> file_;
  FileKind kind_ = FileKind::unknown;
};

}  // namespace pliant
