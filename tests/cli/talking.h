// A language model that tests of the commands talk with.
#pragma once

#include <filesystem>
#include <string>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {

inline const std::string tiny_model = PLIANT_SOURCE "/tests/golden/openelm/tiny_a";

// The tiny model with a tokenizer beside it.
inline const std::string& talking_model() {
  static const std::string folder = [] {
    const std::string path = temporary("talking");
    std::filesystem::create_directories(path);
    for (const char* name : {"config.json", "model.safetensors"})
      write_file(path + "/" + name, read_file(tiny_model + "/" + name));
    write_file(path + "/tokenizer.json",
               read_file(PLIANT_SOURCE "/tests/golden/text/gpt2.tokenizer.json"));
    return path;
  }();
  return folder;
}

}  // namespace pliant::test
