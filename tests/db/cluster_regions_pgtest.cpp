// A cluster that regions reach: by TCP and TLS, from one start on.
#include "support/cluster_fixture.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace narthex::test {
namespace {

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    if (!bound) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

std::string read(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Why a role can't connect by TCP; empty when it can.
std::string tcp_refusal(std::uint16_t port, const std::string& more) {
    const auto uri = "host=127.0.0.1 connect_timeout=5 port=" + std::to_string(port) + " " + more;
    const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(uri.c_str()), PQfinish);
    return PQerrorMessage(connection.get());
}

class ClusterForRegions : public ClusterTest {
  protected:
    std::unique_ptr<db::Cluster> listening(std::uint16_t port) const {
        return db::Cluster::open(data_dir_, db::RegionListener{"127.0.0.1", port, 128});
    }
    const std::uint16_t port_ = free_port();
};

TEST_F(ClusterForRegions, ListensWhoeverStartsItNext) {
    listening(port_).reset();
    const auto certificate = read(data_dir_ / "region-tls/certificate.pem");
    EXPECT_NE(certificate.find("BEGIN CERTIFICATE"), std::string::npos);
    const auto cluster = open();
    EXPECT_EQ(cluster->region_listener()->port, port_);
    EXPECT_EQ(query(cluster->uri(), "show max_slot_wal_keep_size"), "128MB");
    EXPECT_EQ(query(cluster->uri(), "show wal_level"), "logical");
    EXPECT_EQ(read(data_dir_ / "region-tls/certificate.pem"), certificate) << "made once";
}

TEST_F(ClusterForRegions, LetsInRolesOfRegionsByTlsAlone) {
    const auto cluster = listening(port_);
    execute(
        cluster->uri(),
        "create role narthex_regions; create role inside login password 'p' in role "
        "narthex_regions; "
        "create role outside login password 'p'"
    );
    const std::string inside = "user=inside password=p dbname=narthex ";
    EXPECT_EQ(tcp_refusal(port_, inside + "sslmode=require channel_binding=require"), "");
    EXPECT_NE(tcp_refusal(port_, inside + "sslmode=disable"), "");
    EXPECT_NE(tcp_refusal(port_, "user=inside password=p dbname=postgres sslmode=require"), "");
    EXPECT_NE(tcp_refusal(port_, "user=outside password=p dbname=narthex sslmode=require"), "");
    EXPECT_NE(tcp_refusal(port_, "user=narthex dbname=narthex sslmode=require"), "");
}

TEST_F(ClusterForRegions, SaysThatItRunsWithoutListening) {
    const auto cluster = open();
    EXPECT_FALSE(cluster->region_listener());
    std::string reason;
    try {
        listening(port_).reset();
    } catch (const db::ClusterError& error) {
        reason = error.what();
    }
    EXPECT_NE(reason.find("was started with another --region-listen or none"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(data_dir_ / "region-listen"));
}

}  // namespace
}  // namespace narthex::test
