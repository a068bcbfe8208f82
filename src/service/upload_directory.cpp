#include "narthex/service/upload_directory.hpp"

#include "disk_steps.hpp"

#include "narthex/core/encoding.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace narthex::service {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_incoming = "/incoming/";
// Directories of at most a thousandth of all files: some file systems slow down past millions.
constexpr std::size_t k_shard_digits = 2;

// HASH-RANDOM in incoming/ goes to HA/HASH-RANDOM.
std::string place_of(const std::string& name) {
    return name.substr(0, k_shard_digits) + '/' + name;
}

bool was_hashed(const std::string& name) {
    return name.find('-') != std::string::npos;
}

}  // namespace

IncomingNar::IncomingNar(std::string base, std::string name)
    : base_(std::move(base)),
      name_(std::move(name)),
      file_(base_ + std::string(k_incoming) + name_) {}

IncomingNar::~IncomingNar() {
    if (keep_) return;
    if (!place_.empty()) ::unlink((base_ + '/' + place_).c_str());
    ::unlink((base_ + std::string(k_incoming) + name_).c_str());
}

std::string IncomingNar::place(const Sha256& hash) {
    file_.make_durable();
    const auto incoming = base_ + std::string(k_incoming);
    const auto named = to_nix_base32(hash.bytes()) + '-' + name_;
    if (::rename((incoming + name_).c_str(), (incoming + named).c_str()) != 0) fail_on(incoming);
    name_ = named;
    auto place = place_of(name_);
    const auto shard = base_ + '/' + place.substr(0, k_shard_digits);
    make_directory(shard);
    if (::link((incoming + name_).c_str(), (base_ + '/' + place).c_str()) != 0) fail_on(shard);
    place_ = place;
    sync_directory(shard);
    sync_directory(base_);
    return place;
}

void IncomingNar::commit() {
    keep_ = true;
    ::unlink((base_ + std::string(k_incoming) + name_).c_str());
}

UploadDirectory::UploadDirectory(const std::string& directory) {
    try {
        fs::create_directories(directory);
        base_ = fs::canonical(directory).string();
        make_directory(base_ + std::string(k_incoming));
        receive()->write("this directory can be written to");
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format(
            "can't store uploads in {}: {}; choose another with --upload-dir",
            directory,
            error.what()
        ));
    }
}

std::unique_ptr<IncomingNar> UploadDirectory::receive() const {
    return std::unique_ptr<IncomingNar>(new IncomingNar(base_, random_name()));
}

std::vector<UploadDirectory::Leftover> UploadDirectory::leftovers(std::chrono::seconds age) const {
    std::vector<Leftover> found;
    for (const auto& entry : fs::directory_iterator(base_ + std::string(k_incoming))) {
        if (!is_left_over(entry.path().string(), age)) continue;
        const auto name = entry.path().filename().string();
        found.push_back({name, was_hashed(name) ? place_of(name) : ""});
    }
    return found;
}

void UploadDirectory::settle(const Leftover& leftover, bool known) const {
    // First its place: what is left when this is cut short is found again.
    if (!known && !leftover.place.empty()) (void)remove(leftover.place);
    (void)remove("incoming/" + leftover.name);
}

bool UploadDirectory::remove(const std::string& place) const {
    const auto file = base_ + '/' + place;
    if (::unlink(file.c_str()) == 0) return true;
    if (errno != ENOENT) fail_on(file);
    return false;
}

}  // namespace narthex::service
