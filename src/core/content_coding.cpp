#include "narthex/core/content_coding.hpp"

#include <brotli/decode.h>
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

namespace narthex {

namespace {

using Decoded = boost::system::result<std::string, DecodeFault>;

constexpr std::size_t k_step_bytes = 64 * 1024;
constexpr std::uint64_t k_memory_bytes = 128 * 1024 * 1024;

// What one call of a library has done.
struct Step {
    std::size_t used;
    std::size_t made;
    bool good;
    bool ended;
};

struct Output {
    char* data;
    std::size_t size;
};

// Calls `step` until the end of the coded bytes, which has to be that of all bytes.
template <class F>
Decoded decode_by_steps(std::string_view bytes, std::size_t limit, F step) {
    std::string out;
    std::vector<char> buffer(k_step_bytes);
    while (true) {
        const Step done = step(bytes, Output{buffer.data(), buffer.size()});
        if (!done.good) return DecodeFault::corrupt;
        if (done.made > limit - out.size()) return DecodeFault::too_large;
        out.append(buffer.data(), done.made);
        bytes.remove_prefix(done.used);
        if (done.ended) {
            if (bytes.empty()) return out;
            return DecodeFault::corrupt;
        }
        if (done.used == 0 && done.made == 0) return DecodeFault::corrupt;
    }
}

// The libraries take what they only read as if they wrote it.
template <class T>
T* input_of(std::string_view bytes) {
    return reinterpret_cast<T*>(const_cast<char*>(bytes.data()));
}

Decoded decode_gzip(std::string_view bytes, std::size_t limit) {
    constexpr int k_gzip_only = 16 + MAX_WBITS;
    z_stream stream{};
    if (::inflateInit2(&stream, k_gzip_only) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::inflateEnd);
    return decode_by_steps(bytes, limit, [&stream](std::string_view in, Output out) -> Step {
        stream.next_in = input_of<Bytef>(in);
        stream.avail_in = static_cast<uInt>(in.size());
        stream.next_out = reinterpret_cast<Bytef*>(out.data);
        stream.avail_out = static_cast<uInt>(out.size);
        const int code = ::inflate(&stream, Z_NO_FLUSH);
        const bool good = code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
        return {
            in.size() - stream.avail_in, out.size - stream.avail_out, good, code == Z_STREAM_END};
    });
}

Decoded decode_bzip2(std::string_view bytes, std::size_t limit) {
    bz_stream stream{};
    if (::BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) throw std::bad_alloc();
    const std::unique_ptr<bz_stream, int (*)(bz_stream*)> end(&stream, ::BZ2_bzDecompressEnd);
    return decode_by_steps(bytes, limit, [&stream](std::string_view in, Output out) -> Step {
        stream.next_in = input_of<char>(in);
        stream.avail_in = static_cast<unsigned>(in.size());
        stream.next_out = out.data;
        stream.avail_out = static_cast<unsigned>(out.size);
        const int code = ::BZ2_bzDecompress(&stream);
        const bool good = code == BZ_OK || code == BZ_STREAM_END;
        return {
            in.size() - stream.avail_in, out.size - stream.avail_out, good, code == BZ_STREAM_END};
    });
}

Decoded decode_xz(std::string_view bytes, std::size_t limit) {
    lzma_stream stream = LZMA_STREAM_INIT;
    if (::lzma_stream_decoder(&stream, k_memory_bytes, 0) != LZMA_OK) throw std::bad_alloc();
    const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> end(&stream, ::lzma_end);
    return decode_by_steps(bytes, limit, [&stream](std::string_view in, Output out) -> Step {
        stream.next_in = input_of<const std::uint8_t>(in);
        stream.avail_in = in.size();
        stream.next_out = reinterpret_cast<std::uint8_t*>(out.data);
        stream.avail_out = out.size;
        const auto code = ::lzma_code(&stream, LZMA_RUN);
        const bool good = code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR;
        return {
            in.size() - stream.avail_in,
            out.size - stream.avail_out,
            good,
            code == LZMA_STREAM_END};
    });
}

Decoded decode_zstd(std::string_view bytes, std::size_t limit) {
    const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(
        ::ZSTD_createDStream(), ::ZSTD_freeDStream
    );
    if (!stream) throw std::bad_alloc();
    return decode_by_steps(bytes, limit, [&stream](std::string_view in, Output out) -> Step {
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{out.data, out.size, 0};
        const auto code = ::ZSTD_decompressStream(stream.get(), &output, &input);
        // Frames may follow each other.
        const bool ended = code == 0 && input.pos == input.size;
        return {input.pos, output.pos, ::ZSTD_isError(code) == 0, ended};
    });
}

Decoded decode_brotli(std::string_view bytes, std::size_t limit) {
    const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
        ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), ::BrotliDecoderDestroyInstance
    );
    if (!state) throw std::bad_alloc();
    return decode_by_steps(bytes, limit, [&state](std::string_view in, Output out) -> Step {
        const auto* next_in = input_of<const std::uint8_t>(in);
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data);
        auto in_left = in.size();
        auto out_left = out.size;
        const auto code = ::BrotliDecoderDecompressStream(
            state.get(), &in_left, &next_in, &out_left, &next_out, nullptr
        );
        return {
            in.size() - in_left,
            out.size - out_left,
            code != BROTLI_DECODER_RESULT_ERROR,
            code == BROTLI_DECODER_RESULT_SUCCESS};
    });
}

}  // namespace

std::optional<ContentCoding> parse_content_coding(std::string_view field) {
    if (field.empty() || field == "identity") return ContentCoding::identity;
    if (field == "gzip" || field == "x-gzip") return ContentCoding::gzip;
    if (field == "zstd") return ContentCoding::zstd;
    if (field == "br") return ContentCoding::brotli;
    if (field == "xz") return ContentCoding::xz;
    if (field == "bzip2") return ContentCoding::bzip2;
    return std::nullopt;
}

void throw_exception_from_error(
    const DecodeFault& /*fault*/, const boost::source_location& /*where*/
) {
    throw std::logic_error("unchecked error: content that can't be decoded");
}

Decoded decode_content(ContentCoding coding, std::string_view bytes, std::size_t limit) {
    switch (coding) {
        case ContentCoding::identity:
            if (bytes.size() > limit) return DecodeFault::too_large;
            return std::string(bytes);
        case ContentCoding::gzip:
            return decode_gzip(bytes, limit);
        case ContentCoding::zstd:
            return decode_zstd(bytes, limit);
        case ContentCoding::brotli:
            return decode_brotli(bytes, limit);
        case ContentCoding::xz:
            return decode_xz(bytes, limit);
        case ContentCoding::bzip2:
            return decode_bzip2(bytes, limit);
    }
    throw std::logic_error("unknown content coding");
}

}  // namespace narthex
