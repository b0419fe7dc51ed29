#include "command/descriptor.h"

#include <unistd.h>

#include <cerrno>

namespace pliant {

DescriptorBuffer::DescriptorBuffer(int descriptor, bool buffered)
    : descriptor_(descriptor), buffered_(buffered) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

bool DescriptorBuffer::write_all(const char* text, std::streamsize size) const {
  while (size > 0) {
    const ssize_t count = ::write(descriptor_, text, static_cast<std::size_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text += count;
    size -= count;
  }
  return true;
}

int DescriptorBuffer::sync() {
  const std::streamsize waiting = pptr() - pbase();
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return write_all(buffer_.data(), waiting) ? 0 : -1;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type letter) {
  if (sync() != 0) return traits_type::eof();
  if (traits_type::eq_int_type(letter, traits_type::eof())) return traits_type::not_eof(letter);
  const char one = traits_type::to_char_type(letter);
  return xsputn(&one, 1) == 1 ? letter : traits_type::eof();
}

std::streamsize DescriptorBuffer::xsputn(const char* text, std::streamsize size) {
  if (size > epptr() - pptr() && sync() != 0) return 0;
  if (size > epptr() - pptr()) return write_all(text, size) ? size : 0;
  traits_type::copy(pptr(), text, static_cast<std::size_t>(size));
  pbump(static_cast<int>(size));
  return buffered_ || sync() == 0 ? size : 0;
}

SteadyOutput::SteadyOutput()
    : out_(STDOUT_FILENO),
      error_(STDERR_FILENO, false),
      old_out_(std::cout.rdbuf(&out_)),
      old_error_(std::cerr.rdbuf(&error_)) {}

SteadyOutput::~SteadyOutput() {
  std::cout.flush();
  std::cout.rdbuf(old_out_);
  std::cerr.rdbuf(old_error_);
}

}  // namespace pliant
