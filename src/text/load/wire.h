// The protobuf wire format, read field by field. Unknown fields are skipped; whatever does not fit
// its bytes is an Error{format} that names the byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pliant::text {

class WireReader {
 public:
  // `offset`: where `bytes` begins in the file, for messages.
  WireReader(std::string_view bytes, std::string_view place, std::size_t offset = 0)
      : bytes_(bytes), place_(place), offset_(offset) {}

  // to the next field; false at the end. A field whose value is not asked for is skipped.
  bool next();
  std::uint32_t field() const { return field_; }

  std::uint64_t integer();  // wire type 0
  bool truth() { return integer() != 0; }
  float number();                                            // wire type 5
  std::string_view text();                                   // wire type 2
  WireReader message();                                      // wire type 2
  [[noreturn]] void fail(const std::string& problem) const;  // at the field's first byte

 private:
  std::uint64_t varint();
  std::string_view take(std::uint64_t size);
  void expect(std::uint32_t type);
  void skip();

  std::string_view bytes_, place_;
  std::size_t offset_, at_ = 0, start_ = 0;
  std::uint32_t field_ = 0, type_ = 0;
  bool pending_ = false;
};

}  // namespace pliant::text
