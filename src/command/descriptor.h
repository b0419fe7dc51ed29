// A stream buffer over a file descriptor that a signal does not cut: where standard streams give up
// for ever when a write is interrupted (a full terminal and Ctrl-C), this one goes on.
#pragma once

#include <array>
#include <iostream>
#include <streambuf>

namespace pliant {

// Does not own the descriptor. A write that fails for another reason makes the stream bad.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor, bool buffered = true);
  ~DescriptorBuffer() override { DescriptorBuffer::sync(); }
  DescriptorBuffer(const DescriptorBuffer&) = delete;
  DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;

 protected:
  int_type overflow(int_type letter) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool write_all(const char* text, std::streamsize size) const;

  int descriptor_;
  bool buffered_;
  std::array<char, 8192> buffer_;
};

// While one exists, std::cout and std::cerr write through such buffers.
class SteadyOutput {
 public:
  SteadyOutput();
  ~SteadyOutput();
  SteadyOutput(const SteadyOutput&) = delete;
  SteadyOutput& operator=(const SteadyOutput&) = delete;

 private:
  DescriptorBuffer out_, error_;
  std::streambuf *old_out_, *old_error_;
};

}  // namespace pliant
