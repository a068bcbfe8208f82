// One narinfo of each dialect, line by line, so that a test can change a line.
#pragma once

#include "narthex/core/encoding.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::test {

using Lines = std::vector<std::string>;

inline const std::string k_path_hash = "00bgd045z0d4icpbc2yyz4gx48ak44la";
inline const std::string k_reference_a = "26xbg1ndr7hbcncrlf9nhx5is2b25d13-hello-2.12.1";
inline const std::string k_reference_b = "1yr2lzy7hm6dbrpscyyqqimjcjqkljww-glibc-2.38";
inline const std::string k_nar_hash = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";

inline std::string sample_sig() {
    return "cache.example.org-1:" + to_base64(Bytes(64, 1));
}

inline Lines nix_lines() {
    return {
        "StorePath: /nix/store/" + k_path_hash + "-sample-1.0",
        "URL: nar/" + k_nar_hash + ".nar.xz",
        "Compression: xz",
        "FileHash: sha256:" + k_nar_hash,
        "FileSize: 50",
        "NarHash: sha256:" + k_nar_hash,
        "NarSize: 226552",
        "References: " + k_reference_a + " " + k_reference_b,
        "Deriver: " + k_path_hash + "-sample-1.0.drv",
        "Sig: " + sample_sig(),
    };
}

// As scripts/publish.scm writes it: the part that is signed, the signature, then the files.
inline Lines guix_lines() {
    return {
        "StorePath: /gnu/store/" + k_path_hash + "-sample-1.0",
        "NarHash: sha256:" + k_nar_hash,
        "NarSize: 226552",
        "References: " + k_reference_a + " " + k_reference_b,
        "Deriver: " + k_path_hash + "-sample-1.0.drv",
        "Signature: 1;guix.example.org;KHNpZ25hdHVyZSk=",
        "URL: nar/gzip/" + k_path_hash + "-sample-1.0",
        "Compression: gzip",
        "FileSize: 70000",
        "URL: nar/zstd/" + k_path_hash + "-sample-1.0",
        "Compression: zstd",
        "FileSize: 60000",
    };
}

inline std::string join_lines(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines) text.append(line).append("\n");
    return text;
}

// The line that begins with `key`, whatever it was, becomes `line`.
inline Lines with_line(Lines lines, std::string_view key, const std::string& line) {
    for (std::string& each : lines) {
        if (each.starts_with(std::string(key) + ":")) each = line;
    }
    return lines;
}

inline Lines without_line(Lines lines, std::string_view key) {
    std::erase_if(lines, [&](const std::string& line) {
        return line.starts_with(std::string(key) + ":");
    });
    return lines;
}

inline Lines and_line(Lines lines, const std::string& line) {
    lines.push_back(line);
    return lines;
}

}  // namespace narthex::test
