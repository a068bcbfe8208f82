#include "narthex/http/api_route.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <set>

namespace narthex::http {
namespace {

using Lines = std::set<std::string>;

std::string name_of(Method method) {
    if (method == Method::get) return "get";
    if (method == Method::put) return "put";
    return method == Method::post ? "post" : "delete";
}

// "put /api/v1/roots/{name} roots, parameters: cache" for each call that the server knows.
Lines served() {
    Lines lines;
    for (const auto& row : api_table()) {
        auto line = name_of(row.method) + " /api/v1/" + std::string(row.path);
        for (const auto scope : row.scopes) line += " " + std::string(to_string(scope));
        std::set<std::string> parameters;
        for (std::size_t at = 1; at < row.parameters.size();) {
            const auto end = row.parameters.find(' ', at);
            parameters.emplace(row.parameters.substr(at, end - at));
            at = end + 1;
        }
        line += ", parameters:";
        for (const auto& parameter : parameters) line += " " + parameter;
        lines.insert(line);
    }
    return lines;
}

Lines described() {
    const auto document =
        nlohmann::json::parse(std::ifstream(std::string(NARTHEX_SOURCE_DIR) + "/docs/openapi.json")
        );
    Lines lines;
    for (const auto& [path, operations] : document["paths"].items()) {
        for (const auto& [method, operation] : operations.items()) {
            if (method == "parameters") continue;
            auto line = method + " " + path;
            for (const auto& way : operation["security"]) {
                if (way.contains("bearer")) line += " " + way["bearer"][0].get<std::string>();
            }
            std::set<std::string> parameters{"cache"};
            for (const auto& each : operation["parameters"]) {
                if (each.contains("name")) parameters.insert(each["name"]);
            }
            line += ", parameters:";
            for (const auto& parameter : parameters) line += " " + parameter;
            lines.insert(line);
        }
    }
    return lines;
}

TEST(ApiTable, is_what_openapi_describes) {
    EXPECT_EQ(served(), described());
}

TEST(ApiRoute, is_found_by_method_and_path) {
    const auto put = api_route(Method::put, "/api/v1/roots/a%2Fb@1").value();
    EXPECT_EQ(put.call, ApiCall::put_root);
    EXPECT_EQ(put.name, "a/b@1");
    EXPECT_EQ(api_route(Method::head, "/api/v1/roots")->call, ApiCall::list_roots);
    EXPECT_EQ(api_route(Method::post, "/api/v1/channels/x/bumps")->call, ApiCall::add_bump);
    const auto other = api_route(Method::post, "/api/v1/roots/a").value();
    EXPECT_FALSE(other.call);
    EXPECT_EQ(other.allowed, "GET, HEAD, PUT, DELETE");
    EXPECT_EQ(api_route(Method::other, "/api/v1/changes")->allowed, "GET, HEAD");
    for (const std::string path :
         {"/api/v1",
          "/api/v1/",
          "/api/v2/roots",
          "/api/v1/nothing",
          "/api/v1/roots/",
          "/api/v1/roots/a/b",
          "/api/v1/roots/%",
          "/api/v1/roots/%00",
          "/api/v1/roots/{name}/x",
          "/api/v1/channels//bumps",
          "/api/v1/channels/x/bumps/y",
          "/api/v1/changes/x"}) {
        EXPECT_FALSE(api_route(Method::get, path)) << path;
    }
}

TEST(ApiQuery, has_the_calls_parameters) {
    const auto query =
        ApiQuery::parse(ApiCall::show_root, "cache=a%2Db&paths=true&&limit=7&from=").value();
    EXPECT_EQ(query.text("cache"), "a-b");
    EXPECT_TRUE(query.flag("paths").value());
    EXPECT_EQ(query.number("limit", 1, 1, 10).value(), 7);
    EXPECT_FALSE(query.number("limit", 1, 1, 6));
    EXPECT_FALSE(query.number("from", 1, 0, 6));
    EXPECT_FALSE(query.flag("cache"));
    const auto none = ApiQuery::parse(ApiCall::show_root, std::nullopt).value();
    EXPECT_FALSE(none.text("cache"));
    EXPECT_FALSE(none.flag("paths").value());
    EXPECT_EQ(none.number("limit", 5, 1, 10).value(), 5);
    for (const std::string text : {"cache=a&cache=b", "cache=%", "all=1", "x", "=", "cache=%00"}) {
        EXPECT_FALSE(ApiQuery::parse(ApiCall::show_root, text)) << text;
    }
}

}  // namespace
}  // namespace narthex::http
