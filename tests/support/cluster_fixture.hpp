// For tests of clusters: a data directory of one's own, and other processes that work on it.
#pragma once

#include "support/database.hpp"

#include "narthex/db/cluster.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace narthex::test {

// Whether `condition` comes true within half a minute.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

// The process exists and isn't a zombie.
[[nodiscard]] bool is_alive(pid_t pid);

// The process that the pid file names; 0 if there is none.
[[nodiscard]] pid_t postmaster_of(const std::filesystem::path& data_dir);

// For good; the groups too.
void become_user(const char* name);
void become_user(uid_t user, gid_t group);

// A forked process. What it throws is printed and makes it exit with 1.
class OtherProcess {
  public:
    // `body` is called with a function to call once the work is under way, which returns when the
    // process may end; what `body` returns is awaited as success.
    using Body = std::function<void(const std::function<void()>& ready_then_wait)>;
    explicit OtherProcess(const Body& body);
    ~OtherProcess();
    OtherProcess(const OtherProcess&) = delete;
    OtherProcess& operator=(const OtherProcess&) = delete;

    [[nodiscard]] bool is_ready(std::chrono::milliseconds limit = std::chrono::seconds(60)) const;
    [[nodiscard]] bool finish();  // lets it end; true if it ended well
    void kill();                  // kill -9
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_;
    int ready_;
    int end_;
    int end_reader_;  // kept open: a write to a process that has ended is no SIGPIPE
};

class ClusterTest : public testing::Test {
  protected:
    ClusterTest();
    ~ClusterTest() override;

    [[nodiscard]] std::unique_ptr<db::Cluster> open() const { return db::Cluster::open(data_dir_); }

    // The message of the ClusterError that open() throws.
    [[nodiscard]] std::string refusal() const;

    // A process that has a share in the cluster.
    [[nodiscard]] std::unique_ptr<OtherProcess> sharer() const;

    [[nodiscard]] pid_t postmaster() const { return postmaster_of(data_dir_); }

    std::filesystem::path directory_;  // 0755, removed at the end
    std::filesystem::path data_dir_;   // in it; not there yet
};

}  // namespace narthex::test
