// gzip with its checksums, which libarchive does not look at.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "data/corpus/stream.h"

namespace pliant::data {

bool is_gzip(std::string_view beginning);

class GzipStream : public ByteStream {
 public:
  // `first`: a piece of `in` that was read already. Both must outlive it.
  GzipStream(ByteStream& in, std::string_view first, std::string place);
  ~GzipStream() override;
  // Throws Error{format} for what is cut, damaged, or followed by other bytes than gzip's or zeros.
  std::string_view more() override;

 private:
  struct State;
  bool next_part();
  [[noreturn]] void fail(const std::string& problem) const;

  ByteStream& in_;
  std::string_view rest_;
  std::string place_;
  std::unique_ptr<State> state_;
};

}  // namespace pliant::data
