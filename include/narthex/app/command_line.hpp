// The command line as the commands see it: two small handles for CLI11's App and Option. CLI11 is
// all in headers and would be compiled again with each command; here it stays behind one file.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace narthex::app {

// One flag or argument. A handle, valid as long as its CommandLine.
class Option {
  public:
    explicit Option(CLI::Option* option) : option_(option) {}

    // What its help calls a value: "FILE".
    Option type_name(const std::string& name);
    Option required();
    // The variable that gives it where the command line doesn't.
    Option envname(const std::string& name);
    // Another flag of the same command, such as "--json".
    Option excludes(const std::string& other);
    Option needs(const std::string& other);
    // A list takes one value for each time its flag is given, and no more.
    Option one_value_each();
    // Given several times: its values as one, a line each.
    Option joined();

    // What its values may be; others are a usage error that says so.
    Option between(std::int64_t least, std::int64_t most);
    // A percentage: 0 to 100.
    Option percent();
    Option positive();
    Option not_negative();
    Option one_of(std::initializer_list<std::string> values);

    [[nodiscard]] bool given() const;
    // As if it had been given with this value. Throws BadValue.
    void give(const std::string& value) const;

  private:
    CLI::Option* option_;
};

// A value that a flag doesn't take: Option::give throws it, a function of add_option_function may.
class BadValue : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A handle, valid as long as its CommandLine.
class Command {
  public:
    explicit Command(CLI::App* app) : app_(app) {}

    [[nodiscard]] Command add_subcommand(const std::string& name, const std::string& help) const;
    // One of its own; throws when there is none.
    [[nodiscard]] Command get_subcommand(const std::string& name) const;
    void require_subcommand() const;
    void footer(const std::string& text) const;
    // Called when this command is the one that was given, and all that it needs.
    void callback(std::function<void()> function) const;

    // Of numbers, texts, bool, optional ones, and vectors of texts (instantiated for what is used).
    // `into` outlives the parsing.
    template <class T>
    Option add_option(const std::string& name, T& into, const std::string& help) const;
    Option add_option_function(
        const std::string& name,
        std::function<void(const std::string& value)> function,
        const std::string& help
    ) const;
    Option add_flag(const std::string& name, bool& into, const std::string& help) const;
    Option add_flag_callback(
        const std::string& name, std::function<void()> function, const std::string& help
    ) const;
    // "--json"; throws when there is none.
    [[nodiscard]] Option get_option(const std::string& name) const;

  private:
    CLI::App* app_;
};

class CommandLine {
  public:
    CommandLine(const std::string& help, const std::string& name, const std::string& version);
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    [[nodiscard]] Command root() const;
    [[nodiscard]] bool has_command(const std::string& name) const;
    [[nodiscard]] std::string help() const;

    // Calls back the command that was given: absent. Or prints: true for help and version, false
    // for a usage error.
    [[nodiscard]] std::optional<bool> parse(int argc, char** argv);

  private:
    std::unique_ptr<CLI::App> app_;
};

}  // namespace narthex::app
