// Signs the narinfos of a stream by a key made for it, and measures what verifying as many costs by
// libsodium alone: what an import with signatures is held against.
//
//   bench_signatures sign IN OUT      prints the public key
//   bench_signatures verify IN KEY    prints "COUNT SECONDS", the CPU time of the bare
//   verifications
#include "narthex/core/narinfo.hpp"
#include "narthex/core/record_splitter.hpp"

#include <sodium.h>

#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace {

using narthex::Narinfo;

struct Signed {
    std::string message;
    narthex::Signature signature;
};

void for_each(const std::string& file, const std::function<void(std::string)>& visit) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("can't read " + file);
    narthex::RecordSplitter splitter([&](narthex::Record record) { visit(std::move(record.text)); }
    );
    std::vector<char> buffer(1 << 20);
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
        splitter.feed({buffer.data(), static_cast<std::size_t>(in.gcount())});
    }
    splitter.finish();
}

std::string without_signatures(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at) + 1;
        if (text.compare(at, 5, "Sig: ") != 0) out.append(text, at, end - at);
        at = end;
    }
    return out;
}

void sign(const std::string& in, const std::string& out_file) {
    const auto key = narthex::SecretKey::generate("bench-1");
    std::ofstream out(out_file, std::ios::binary);
    bool first = true;
    for_each(in, [&](std::string text) {
        const auto narinfo = Narinfo::parse(std::move(text)).value();
        if (!first) out << '\n';
        first = false;
        out << without_signatures(narinfo.text())
            << "Sig: " << key.sign(narinfo.fingerprint()).to_string() << '\n';
    });
    if (!out.flush()) throw std::runtime_error("can't write " + out_file);
    std::cout << key.public_key().to_string() << '\n';
}

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Parsed beforehand, some at a time: only libsodium is timed.
double verify(const std::vector<Signed>& all, const narthex::PublicKey& key) {
    const auto begin = cpu_seconds();
    for (const auto& each : all) {
        const auto* message = reinterpret_cast<const unsigned char*>(each.message.data());
        const int bad = crypto_sign_verify_detached(
            each.signature.bytes.data(), message, each.message.size(), key.bytes.data()
        );
        if (bad != 0) throw std::runtime_error("a signature is bad");
    }
    return cpu_seconds() - begin;
}

void verify_all(const std::string& in, const std::string& key_text) {
    constexpr std::size_t k_at_once = 10'000;
    const auto key = narthex::PublicKey::parse(key_text).value();
    std::vector<Signed> some;
    std::size_t count = 0;
    double seconds = 0;
    const auto measure = [&] {
        seconds += verify(some, key);
        count += some.size();
        some.clear();
    };
    for_each(in, [&](std::string text) {
        const auto narinfo = Narinfo::parse(std::move(text)).value();
        some.push_back({narinfo.fingerprint(), narinfo.signatures().at(0)});
        if (some.size() == k_at_once) measure();
    });
    measure();
    std::cout << count << ' ' << seconds << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string> words(argv + 1, argv + argc);
        if (sodium_init() < 0) throw std::runtime_error("libsodium doesn't start");
        if (words.size() == 3 && words[0] == "sign") {
            sign(words[1], words[2]);
        } else if (words.size() == 3 && words[0] == "verify") {
            verify_all(words[1], words[2]);
        } else {
            throw std::runtime_error("sign IN OUT, or verify IN KEY");
        }
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_signatures: " << error.what() << '\n';
        return 1;
    }
}
