#include "command/descriptor.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

namespace pliant {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { EXPECT_EQ(pipe(ends), 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
};

// A write to a terminal that is full was cut by Ctrl-C, and the stream then silent for ever.
TEST(DescriptorBuffer, ASignalCutsNoWrite) {
  struct sigaction action {
  }, old{};
  action.sa_handler = [](int) {};  // as the program's own: system calls are not restarted
  sigaction(SIGUSR1, &action, &old);
  Pipe pipe;
  constexpr std::size_t much = 1 << 20;  // more than a pipe holds
  bool good = false;
  std::thread writer([&] {
    DescriptorBuffer buffer(pipe.ends[1]);
    std::ostream out(&buffer);
    for (std::size_t i = 0; i < much / 1024; ++i) out << std::string(1024, 'x') << std::flush;
    out << "end" << std::flush;
    good = out.good();
  });
  for (int i = 0; i < 50; ++i) {
    pthread_kill(writer.native_handle(), SIGUSR1);
    usleep(2000);
  }
  std::string read_text;
  char bytes[65536];
  while (!read_text.ends_with("end")) {
    const ssize_t count = read(pipe.ends[0], bytes, sizeof bytes);
    if (count > 0) read_text.append(bytes, static_cast<std::size_t>(count));
  }
  writer.join();
  sigaction(SIGUSR1, &old, nullptr);
  EXPECT_TRUE(good);
  EXPECT_EQ(read_text.size(), much + 3);
}

TEST(DescriptorBuffer, KeepsTheOrderAndSaysWhenItFails) {
  Pipe pipe;
  {
    DescriptorBuffer buffer(pipe.ends[1]);
    std::ostream out(&buffer);
    out << 'a' << 12 << std::string(10000, 'b') << 'c';
  }
  std::string read_text(10004, ' ');
  std::size_t done = 0;
  while (done < read_text.size())
    done += static_cast<std::size_t>(
        read(pipe.ends[0], read_text.data() + done, read_text.size() - done));
  EXPECT_EQ(read_text, "a12" + std::string(10000, 'b') + "c");
  DescriptorBuffer closed(-1);
  std::ostream out(&closed);
  out << "lost" << std::flush;
  EXPECT_FALSE(out.good());
}

}  // namespace
}  // namespace pliant
