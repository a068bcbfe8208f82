#include "narthex/app/command_line.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace narthex::app {

namespace {

// Without its description, which the help would repeat: the flag's own says what it takes.
Option check(CLI::Option* option, CLI::Validator validator) {
    option->check(std::move(validator.description("")));
    return Option(option);
}

}  // namespace

Option Option::type_name(const std::string& name) {
    option_->type_name(name);
    return *this;
}

Option Option::required() {
    option_->required();
    return *this;
}

Option Option::envname(const std::string& name) {
    option_->envname(name);
    return *this;
}

Option Option::excludes(const std::string& other) {
    option_->excludes(other);
    return *this;
}

Option Option::needs(const std::string& other) {
    option_->needs(other);
    return *this;
}

Option Option::one_value_each() {
    option_->allow_extra_args(false);
    return *this;
}

Option Option::joined() {
    option_->multi_option_policy(CLI::MultiOptionPolicy::Join);
    return *this;
}

Option Option::between(std::int64_t least, std::int64_t most) {
    return check(option_, CLI::Range(least, most));
}

Option Option::percent() {
    return check(option_, CLI::Range(0.0, 100.0));
}

Option Option::positive() {
    return check(option_, CLI::PositiveNumber);
}

Option Option::not_negative() {
    return check(option_, CLI::NonNegativeNumber);
}

Option Option::one_of(std::initializer_list<std::string> values) {
    return check(option_, CLI::IsMember(std::vector(values)));
}

bool Option::given() const {
    return option_->count() > 0;
}

void Option::give(const std::string& value) const {
    try {
        option_->add_result(value);
        option_->run_callback();
    } catch (const CLI::Error& error) {
        throw BadValue(error.what());
    }
}

Command Command::add_subcommand(const std::string& name, const std::string& help) const {
    return Command(app_->add_subcommand(name, help));
}

Command Command::get_subcommand(const std::string& name) const {
    return Command(app_->get_subcommand(name));
}

void Command::require_subcommand() const {
    app_->require_subcommand(1);
}

void Command::footer(const std::string& text) const {
    app_->footer(text);
}

void Command::callback(std::function<void()> function) const {
    app_->callback(std::move(function));
}

template <class T>
Option Command::add_option(const std::string& name, T& into, const std::string& help) const {
    return Option(app_->add_option(name, into, help));
}

using Text = const std::string&;
template Option Command::add_option(Text, bool&, Text) const;
template Option Command::add_option(Text, double&, Text) const;
template Option Command::add_option(Text, int&, Text) const;
template Option Command::add_option(Text, std::int64_t&, Text) const;
template Option Command::add_option(Text, std::uint64_t&, Text) const;
template Option Command::add_option(Text, std::string&, Text) const;
template Option Command::add_option(Text, std::vector<std::string>&, Text) const;
template Option Command::add_option(Text, std::optional<bool>&, Text) const;
template Option Command::add_option(Text, std::optional<double>&, Text) const;
template Option Command::add_option(Text, std::optional<int>&, Text) const;
template Option Command::add_option(Text, std::optional<std::string>&, Text) const;

Option Command::add_option_function(
    const std::string& name,
    std::function<void(const std::string& value)> function,
    const std::string& help
) const {
    const auto checked = [function = std::move(function)](const std::string& value) {
        try {
            function(value);
        } catch (const BadValue& error) {
            throw CLI::ValidationError(error.what());
        }
    };
    return Option(app_->add_option_function<std::string>(name, checked, help));
}

Option Command::add_flag(const std::string& name, bool& into, const std::string& help) const {
    return Option(app_->add_flag(name, into, help));
}

Option Command::add_flag_callback(
    const std::string& name, std::function<void()> function, const std::string& help
) const {
    return Option(app_->add_flag_callback(name, std::move(function), help));
}

Option Command::get_option(const std::string& name) const {
    return Option(app_->get_option(name));
}

CommandLine::CommandLine(
    const std::string& help, const std::string& name, const std::string& version
)
    : app_(std::make_unique<CLI::App>(help, name)) {
    app_->set_version_flag("--version", version);
    app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::root() const {
    return Command(app_.get());
}

bool CommandLine::has_command(const std::string& name) const {
    const auto all = app_->get_subcommands([](const CLI::App*) { return true; });
    return std::ranges::any_of(all, [&](const CLI::App* command) {
        return command->get_name() == name;
    });
}

std::string CommandLine::help() const {
    return app_->help();
}

std::optional<bool> CommandLine::parse(int argc, char** argv) {
    try {
        app_->parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app_->exit(error) == 0;
    }
}

}  // namespace narthex::app
