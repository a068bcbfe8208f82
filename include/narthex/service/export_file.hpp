// Where an export goes: standard output, or a file that is there when it is whole. Until then it is
// FILE.part, which the next export to the same file writes over. Compressed by zstd where wanted.
// One thread. Throws std::system_error, whose text names the file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace narthex::service {

class ExportFile {
  public:
    // An empty name, or "-": standard output. Another export that writes the same file is an error.
    ExportFile(std::string file, bool zstd);
    // Without finish(), FILE.part is removed.
    ~ExportFile();
    ExportFile(const ExportFile&) = delete;
    ExportFile& operator=(const ExportFile&) = delete;

    void write(std::string_view bytes);
    // All is written: the file gets its name, and is on the disk.
    void finish();

    [[nodiscard]] bool is_standard_output() const { return file_.empty(); }

  private:
    class Compressor;

    void write_out(std::string_view bytes);
    void flush();
    [[noreturn]] void fail(const char* what) const;

    std::string file_;
    std::string part_;
    int fd_;
    std::string pending_;
    std::unique_ptr<Compressor> compressor_;
};

}  // namespace narthex::service
