// Compressed streams and archives of members, whatever they are: told from their bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "data/corpus/stream.h"

namespace pliant::data {

// gzip, zstd, xz and bzip2, also several of them, around a tar archive or a bare stream; zip.
class Archive {
 public:
  // `in` must outlive it; `place` is for messages.
  Archive(ByteStream& in, std::string place);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // To the next member that is a file; what is left of the last one is passed over. A bare stream
  // is one member without a name, an empty one has none. Throws Error{format} for what is cut or
  // damaged; then nothing more can be read.
  bool next();
  bool failed() const;              // nothing more can be read
  bool is_bare() const;             // of the member
  const std::string& name() const;  // of the member, with its folders
  ByteStream& content();            // of the member, decompressed

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::data
