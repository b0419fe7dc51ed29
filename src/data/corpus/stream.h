// Bytes that come in pieces, so that a corpus takes no memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files/descriptor.h"

namespace pliant::data {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // The next piece, good until the next call; empty: the end. Throws Error.
  virtual std::string_view more() = 0;
};

// A file, or whatever else the system reads.
class FileStream : public ByteStream {
 public:
  explicit FileStream(const std::string& path);  // throws Error{not_found}, Error{io}
  std::string_view more() override;
  std::int64_t position() const { return position_; }  // bytes read so far

 private:
  std::string path_;
  Descriptor file_;
  std::vector<char> buffer_;
  std::int64_t position_ = 0;
};

// The lines of a stream, whose ends ("\n" or "\r\n") are left out.
class Lines {
 public:
  // Lines above `longest` bytes are passed over and thrown as Error{capacity}. `in` must outlive
  // it.
  Lines(ByteStream& in, std::int64_t longest, std::string place)
      : in_(in), longest_(longest), place_(std::move(place)) {}
  bool next(std::string& line);                    // false: there is none
  std::int64_t number() const { return number_; }  // of the last one, from 1

 private:
  ByteStream& in_;
  std::int64_t longest_, number_ = 0;
  std::string place_;
  std::string_view rest_;
};

}  // namespace pliant::data
