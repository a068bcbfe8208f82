#include "narthex/http/instance_answer.hpp"

#include <nlohmann/json.hpp>

namespace narthex::http {

Answer instance_answer(const db::Instance& instance) {
    nlohmann::ordered_json body{
        {"role", to_string(instance.role)},
        {"name", instance.name},
        {"epoch", instance.epoch},
        {"kind", nullptr},
    };
    if (instance.kind) body["kind"] = *instance.kind;
    auto answer = body_answer(
        200, "application/json", std::make_shared<const std::string>(body.dump() + "\n")
    );
    add_field(answer, "Cache-Control", "no-store");
    return answer;
}

}  // namespace narthex::http
