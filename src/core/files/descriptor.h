// An open file of the system's, closed at the end.
#pragma once

#include <unistd.h>

#include <utility>

namespace pliant {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}  // < 0: none
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

}  // namespace pliant
