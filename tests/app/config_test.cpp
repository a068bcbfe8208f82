#include "narthex/app/config.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace narthex::app {
namespace {

class LoadConfig : public ::testing::Test {
  protected:
    LoadConfig() {
        std::string pattern = std::filesystem::temp_directory_path() / "narthex-config-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        sources_.environment = [this](const char* name) -> const char* {
            const auto it = environment_.find(name);
            return it == environment_.end() ? nullptr : it->second.c_str();
        };
    }
    ~LoadConfig() override { std::filesystem::remove_all(directory_); }

    void write_file(const std::string& text) {
        sources_.file = (directory_ / "narthex.toml").string();
        std::ofstream(*sources_.file) << text;
    }

    void expect_error(const std::string& part) {
        const auto loaded = load_config(sources_);
        ASSERT_FALSE(loaded);
        EXPECT_NE(loaded.error().message.find(part), std::string::npos) << loaded.error().message;
    }

    std::filesystem::path directory_;
    std::map<std::string, std::string> environment_;
    ConfigSources sources_;
};

TEST_F(LoadConfig, has_defaults) {
    const auto loaded = load_config(sources_);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.server.address, "127.0.0.1");
    EXPECT_EQ(loaded->config.server.port, 8080);
    EXPECT_EQ(loaded->origins.at("listen"), "default");
}

TEST_F(LoadConfig, prefers_flags_to_the_environment_to_the_file) {
    write_file(
        "listen = \"[::1]:1\"\nmax-connections = 1\nunavailable = \"404\"\naccess-log = true\n"
    );
    environment_ = {{"NARTHEX_LISTEN", "127.0.0.1:2"}, {"NARTHEX_MAX_CONNECTIONS", "2"}};
    sources_.flags = {{"listen", "127.0.0.1:3"}};
    const auto loaded = load_config(sources_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->config.server.port, 3);
    EXPECT_EQ(loaded->config.server.connections, 2U);
    EXPECT_EQ(loaded->config.handler.unavailable, http::UnavailablePolicy::always_404);
    EXPECT_TRUE(loaded->config.server.access_log);
    EXPECT_EQ(loaded->origins.at("listen"), "--listen");
    EXPECT_EQ(loaded->origins.at("max-connections"), "NARTHEX_MAX_CONNECTIONS");
    EXPECT_EQ(loaded->origins.at("unavailable"), *sources_.file + ":3");
}

TEST_F(LoadConfig, refuses_unknown_keys_with_their_line) {
    write_file("listen = \"127.0.0.1:1\"\nlisten-port = 1\n");
    expect_error("narthex.toml:2: there is no key listen-port");
}

TEST_F(LoadConfig, refuses_what_is_no_toml) {
    write_file("listen = \n");
    expect_error("narthex.toml:1:");
}

TEST_F(LoadConfig, refuses_a_file_that_is_not_there) {
    sources_.file = (directory_ / "absent").string();
    expect_error("absent");
}

TEST_F(LoadConfig, refuses_bad_values_and_says_where_they_come_from) {
    struct Case {
        const char* key;
        const char* value;
    };
    for (const auto& [key, value] : {
             Case{"listen", "8080"},
             Case{"listen", "127.0.0.1:65536"},
             Case{"listen", ":1"},
             Case{"unavailable", "500"},
             Case{"network-threads", "0"},
             Case{"network-threads", "two"},
             Case{"idle-timeout-seconds", "-1"},
             Case{"idle-timeout-seconds", "1.5"},
             Case{"log-level", "loud"},
             Case{"access-log", "yes"},
             Case{"public-url", "cache.example.org"},
         }) {
        sources_.flags = {{key, value}};
        const auto loaded = load_config(sources_);
        ASSERT_FALSE(loaded) << key << " " << value;
        EXPECT_EQ(loaded.error().message.rfind(setting(key).flag() + ": ", 0), 0U)
            << loaded.error().message;
    }
}

TEST_F(LoadConfig, reads_lists_and_shows_them_as_such) {
    write_file("signing-key = [\"/etc/a\", \"/etc/b c\"]\n");
    const auto key = SecretKey::generate("key-1").public_key().to_string();
    sources_.flags = {{"trusted-key", key + "\n" + key}};
    const auto loaded = load_config(sources_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->config.signing_key_files, (std::vector<std::string>{"/etc/a", "/etc/b c"}));
    EXPECT_EQ(loaded->config.trusted_keys.size(), 2U);
    const auto text = render_config(*loaded);
    EXPECT_NE(text.find("signing-key = [\"/etc/a\", \"/etc/b c\"]"), std::string::npos) << text;

    write_file("signing-key = [1]\n");
    expect_error("signing-key is not a text");
    write_file("");
    sources_.flags = {{"trusted-key", key + "\nnonsense"}};
    expect_error("--trusted-key: ");
}

TEST_F(LoadConfig, shows_what_is_in_force_without_the_password) {
    sources_.flags = {{"database", "postgresql://me:hunter2@db.example.org/narthex"}};
    const auto loaded = load_config(sources_);
    ASSERT_TRUE(loaded);
    const auto text = render_config(*loaded);
    EXPECT_NE(
        text.find("database = \"db.example.org:5432 (database narthex)\""), std::string::npos
    );
    EXPECT_NE(text.find("# --database\n"), std::string::npos);
    EXPECT_EQ(text.find("hunter2"), std::string::npos);
    for (const auto& each : settings()) {
        EXPECT_NE(text.find(std::string(each.key) + " = "), std::string::npos) << each.key;
    }
}

TEST(Settings, read_back_what_they_show) {
    const auto loaded = load_config({{}, {}, [](const char*) -> const char* { return nullptr; }});
    ASSERT_TRUE(loaded);
    std::set<std::string> keys;
    for (const auto& each : settings()) {
        EXPECT_TRUE(keys.insert(each.key).second) << each.key;
        if (std::string_view(each.key) == "database") continue;
        auto copy = loaded->config;
        const auto shown = each.show(copy);
        EXPECT_TRUE(each.set(copy, shown)) << each.key;
        EXPECT_EQ(each.show(copy), shown) << each.key;
    }
}

}  // namespace
}  // namespace narthex::app
