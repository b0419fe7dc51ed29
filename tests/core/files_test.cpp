#include "core/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/error.h"
#include "core/files/input_guard.h"

namespace pliant {
namespace {

namespace fs = std::filesystem;

std::string scratch(const std::string& name) { return testing::TempDir() + "pliant_files_" + name; }

TEST(Files, WriteThenRead) {
  const std::string path = scratch("a");
  write_file(path, "hello");
  EXPECT_EQ(read_file(path), "hello");
  write_file(path, "");
  EXPECT_EQ(read_file(path), "");
}

TEST(Files, AFailedWriteLeavesTheOldFile) {
  const std::string path = scratch("b");
  write_file(path, "old");
  EXPECT_THROW(write_file(path,
                          [](std::ostream& out) {
                            out << "half";
                            throw Error(ErrorKind::io, "test", "stopped");
                          }),
               Error);
  EXPECT_EQ(read_file(path), "old");
  for (const auto& entry : std::filesystem::directory_iterator(testing::TempDir()))
    EXPECT_EQ(entry.path().string().find("pliant_files_b.partial"), std::string::npos);
}

TEST(Files, ALinkPlantedAtAGuessedNameIsNotFollowed) {
  const std::string path = scratch("target"), victim = scratch("victim");
  const std::string guessed = path + ".partial." + std::to_string(::getpid());
  write_file(victim, "mine");
  for (const std::string& old : {path, guessed}) fs::remove(old);
  fs::create_symlink(victim, guessed);
  write_file(path, "new");
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(read_file(victim), "mine");
  fs::remove(guessed);
}

// Two processes in two containers may have one number.
TEST(Files, TwoWritersOfOneFileDoNotMix) {
  const std::string path = scratch("shared");
  write_file(path, [&](std::ostream& outer) {
    outer << "first half, ";
    outer.flush();
    write_file(path, "whole");
    EXPECT_EQ(read_file(path), "whole");
    outer << "second half";
  });
  EXPECT_EQ(read_file(path), "first half, second half");
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(Files, KeepsTheModeOfAFileAndGivesANewOneWhatTheUmaskLeaves) {
  const std::string path = scratch("mode");
  fs::remove(path);
  const mode_t before = ::umask(027);
  write_file(path, "a");
  EXPECT_EQ(mode_of(path), 0640u);
  ASSERT_EQ(::chmod(path.c_str(), 0606), 0);
  write_file(path, "b");
  ::umask(before);
  EXPECT_EQ(mode_of(path), 0606u);
  EXPECT_EQ(read_file(path), "b");
}

TEST(Files, ALinkStaysOneAndWhatItLeadsToIsWritten) {
  const std::string folder = scratch("links");
  fs::remove_all(folder);
  fs::create_directories(folder + "/far");
  write_file(folder + "/far/file", "old");
  fs::create_symlink("far/file", folder + "/near");
  fs::create_symlink("near", folder + "/nearer");
  write_file(folder + "/nearer", "new");
  EXPECT_TRUE(fs::is_symlink(folder + "/nearer"));
  EXPECT_TRUE(fs::is_symlink(folder + "/near"));
  EXPECT_FALSE(fs::is_symlink(folder + "/far/file"));
  EXPECT_EQ(read_file(folder + "/far/file"), "new");
  fs::create_symlink("far/made", folder + "/dangling");
  write_file(folder + "/dangling", "made");
  EXPECT_EQ(read_file(folder + "/far/made"), "made");
  fs::create_symlink("loop", folder + "/loop");
  EXPECT_THROW(write_file(folder + "/loop", "x"), Error);
}

TEST(Files, NamesMayBeAsLongAsTheSystemAllows) {
  const std::string folder = scratch("long");
  fs::create_directories(folder);
  const std::string path = folder + "/" + std::string(255, 'n');
  write_file(path, "long");
  EXPECT_EQ(read_file(path), "long");
  EXPECT_THROW(write_file(path + "n", [](std::ostream&) { ADD_FAILURE() << "all work in vain"; }),
               Error);
}

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Files, AHandlerOfSignalsCanRemoveWhatIsNotWhole) {
  const std::string folder = scratch("signal");
  fs::remove_all(folder);
  fs::create_directories(folder);
  EXPECT_THROW(write_file(folder + "/a",
                          [&](std::ostream& out) {
                            out << "half";
                            EXPECT_EQ(entries(folder), 1u);
                            remove_partial_files();
                            EXPECT_EQ(entries(folder), 0u);
                          }),
               Error);
  write_file(folder + "/a", "whole");
  remove_partial_files();
  EXPECT_EQ(entries(folder), 1u);
}

std::string write_refusal(const std::string& path) {
  try {
    write_file(path, "x");
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(Files, RefuseToBeWrittenNamingWhy) {
  EXPECT_EQ(write_refusal("/dev/full"), "/dev/full: cannot write: No space left on device");
  EXPECT_EQ(write_refusal("/dev/null"), "none");
  EXPECT_EQ(write_refusal("/no/such/a"), "/no/such/a: cannot write: No such file or directory");
  EXPECT_EQ(write_refusal(testing::TempDir()),
            testing::TempDir() + ": cannot write: Is a directory");
  EXPECT_EQ(write_refusal(scratch("none/")), scratch("none/") + ": cannot write: Is a directory");
}

TEST(Files, OfSecretsAreNewAndForTheirOwnerAlone) {
  const std::string folder = scratch("secret");
  fs::remove_all(folder);
  fs::create_directories(folder);
  const mode_t mask = ::umask(0);
  write_secret_file(folder + "/a", "key");
  ::umask(mask);
  EXPECT_EQ(read_file(folder + "/a"), "key");
  EXPECT_EQ(fs::status(folder + "/a").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("nowhere", folder + "/link");
  for (const char* name : {"/a", "/link", "/."}) {
    try {
      write_secret_file(folder + name, "other");
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
    }
  }
  EXPECT_EQ(read_file(folder + "/a"), "key");
  EXPECT_THROW(write_secret_file(folder + "/none/a", "key"), Error);
  EXPECT_EQ(entries(folder), 2u);
}

TEST(InputGuard, NothingThatWasReadIsWrittenOver) {
  const std::string folder = scratch("guard");
  fs::remove_all(folder);
  fs::create_directories(folder);
  write_file(folder + "/in", "precious");
  write_file(folder + "/later", "precious");
  fs::create_symlink("in", folder + "/link");
  fs::create_hard_link(folder + "/in", folder + "/twin");
  {
    const InputGuard guard;
    InputGuard::note(folder + "/later");
    InputGuard::note(folder + "/missing");
    read_file(folder + "/in");
    const std::string why = ": would be written over the input '";
    for (const std::string name : {"/in", "/link", "/twin", "/./../pliant_files_guard/in"})
      EXPECT_EQ(write_refusal(folder + name),
                folder + name + why + folder + "/in' (write to another place)");
    EXPECT_NE(write_refusal(folder + "/later").find(why), std::string::npos);
    EXPECT_EQ(write_refusal(folder + "/missing"), "none");
    EXPECT_EQ(write_refusal(folder + "/other"), "none");
    EXPECT_EQ(read_file(folder + "/in"), "precious");
  }
  EXPECT_EQ(write_refusal(folder + "/in"), "none");
}

// As a run that goes on from a checkpoint, removes it when it is old, and writes its page.
TEST(InputGuard, AFileWithTheNumberOfARemovedOneMayBeWritten) {
  const std::string folder = scratch("reused");
  fs::remove_all(folder);
  fs::create_directories(folder);
  write_file(folder + "/old", "read, then removed");
  const InputGuard guard;
  read_file(folder + "/old");
  fs::rename(folder + "/old", folder + "/page");  // what has its number now
  EXPECT_EQ(write_refusal(folder + "/page"), "none");
}

TEST(Files, NamesWhatIsMissing) {
  try {
    read_file("/no/such/file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_EQ(error.place(), "/no/such/file");
  }
  EXPECT_THROW(read_file("/"), Error);
}

TEST(Files, Names) {
  EXPECT_EQ(extension("/a.b/c.ONNX"), ".onnx");
  EXPECT_EQ(extension("/a.b/c"), "");
  EXPECT_EQ(extension(".hidden"), "");
  EXPECT_EQ(file_name("/a/b.c"), "b.c");
}

}  // namespace
}  // namespace pliant
